"""Which of our labels a WhatsApp name probably means, how sure that is, and why. Pure: no models, no settings.

Certain is only what is written the same: a known spelling, but for spaces and the shorthand that people type ("Nunggu
TF" is "menunggu transfer"). Likely is a spelling with more around it, or with a slip of the finger. The colour
convention (docs/taxonomy.md) is a guess: WhatsApp gives every new label some colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from labels.rules.naming import normalize

CERTAIN, LIKELY, GUESS = "certain", "likely", "guess"
SPELLING, SHORTHAND, CONTAINS, SIMILAR, COLOUR = "spelling", "shorthand", "contains", "similar", "colour"

# What people type for a word, both languages; compared after it was applied to both sides.
SHORTS = {
    "tf": "transfer", "trf": "transfer", "trfr": "transfer", "nunggu": "menunggu", "tunggu": "menunggu",
    "nggu": "menunggu", "byr": "bayar", "pmbyrn": "pembayaran", "plg": "pelanggan", "plgn": "pelanggan",
    "cust": "customer", "prospect": "prospek", "sls": "selesai", "slsai": "selesai", "lns": "lunas",
    "udah": "sudah", "udh": "sudah", "sdh": "sudah", "blm": "belum", "blum": "belum", "komplen": "komplain",
}  # fmt: skip
# "Belum lunas" holds "lunas" and says its opposite.
NEGATIONS = frozenset((
    "belum", "tidak", "tdk", "tak", "gak", "ga", "nggak", "ngga", "bukan", "batal", "gagal", "jangan",
    "not", "no", "non", "never", "cancel", "cancelled", "canceled",
))  # fmt: skip
SHORTEST_PART = 4  # letters; "A" is a spelling of Grade A, and in every second name
SHORTEST_SIMILAR = 5
SIMILARITY = 0.84  # one letter of six may differ
# The families of WhatsApp's twenty colours, by index; docs/taxonomy.md: only the family counts.
FAMILIES = (
    "red", "blue", "yellow", "purple", "neutral", "green", "purple", "yellow", "blue", "yellow",
    "blue", "red", "green", "red", "blue", "green", "yellow", "blue", "blue", "purple",
)  # fmt: skip
CONVENTION = {"yellow": "hot", "green": "won", "red": "complaint", "blue": "loyal"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`label` (id) is what a name may mean; `sure` and `why` are codes, `word` the spelling or family behind it."""

    label: int
    sure: str
    why: str
    word: str


def family_of(color: int | None) -> str:
    """The family of one of WhatsApp's colours; "" for none."""
    return FAMILIES[color] if color is not None and 0 <= color < len(FAMILIES) else ""


class Suggester:
    """Suggests from the spellings of labels that people have looked at.

    spellings: (normalised spelling, label id). meanings: the label id that has a meaning (`Label.Meaning`) and the
    colour that the convention gives it.
    """

    def __init__(self, spellings: Iterable[tuple[str, int]], *, meanings: Mapping[str, int]) -> None:
        self._labels = dict(spellings)
        self._long = {_long(spelling): spelling for spelling in sorted(self._labels)}
        self._joined = {long.replace(" ", ""): spelling for long, spelling in self._long.items()}
        self._meanings = meanings

    def certain(self, name: str) -> Suggestion | None:
        """What `name` means where it is a known spelling."""
        normalized = normalize(name)
        if normalized in self._labels:
            return Suggestion(self._labels[normalized], CERTAIN, SPELLING, normalized)
        spelling = self._joined.get(_long(normalized).replace(" ", ""))
        return Suggestion(self._labels[spelling], CERTAIN, SHORTHAND, spelling) if spelling else None

    def suggest(self, name: str, *, color: int | None = None) -> Suggestion | None:
        """The best there is to say of `name` and WhatsApp's colour; None where two labels are as good."""
        return self.certain(name) or self._contained(name) or self._similar(name) or self._of_colour(color)

    def _contained(self, name: str) -> Suggestion | None:
        text = f" {_long(normalize(name))} "
        if NEGATIONS.intersection(text.split()):
            return None
        found = [long for long in self._long if len(long) >= SHORTEST_PART and f" {long} " in text]
        best = max(found, key=len, default="")
        if not best or any(self._label(long) != self._label(best) and long not in best for long in found):
            return None
        return Suggestion(self._label(best), LIKELY, CONTAINS, self._long[best])

    def _similar(self, name: str) -> Suggestion | None:
        text = _long(normalize(name)).replace(" ", "")
        if len(text) < SHORTEST_SIMILAR:
            return None
        close = [(_likeness(text, joined), spelling) for joined, spelling in self._joined.items()]
        best, spelling = max(close, default=(0.0, ""))
        rivals = {self._labels[other] for likeness, other in close if likeness == best}
        return Suggestion(rivals.pop(), LIKELY, SIMILAR, spelling) if best and len(rivals) == 1 else None

    def _of_colour(self, color: int | None) -> Suggestion | None:
        family = family_of(color)
        label = self._meanings.get(CONVENTION.get(family, ""))
        return Suggestion(label, GUESS, COLOUR, family) if label else None

    def _label(self, long: str) -> int:
        return self._labels[self._long[long]]


def _long(normalized: str) -> str:
    """A normalised name with its shorthand written out."""
    return " ".join(SHORTS.get(word, word) for word in normalized.split())


def _likeness(one: str, other: str) -> float:
    """How much of two names is the same, 0 below SIMILARITY; the cheap bounds come first."""
    if len(other) < SHORTEST_SIMILAR or one[0] != other[0]:
        return 0.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < SIMILARITY:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= SIMILARITY else 0.0
