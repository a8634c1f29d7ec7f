"""Which of our labels a WhatsApp name probably means, how sure that is, and why. Pure: no models, no settings.

Certain is what says the same, word for word: a known spelling, but for spaces, the shorthand that people type ("Nunggu
TF" is "menunggu transfer") and words that mean the same in both languages (`labels.rules.lexicon`). What is certain is
mapped by itself. Likely is a spelling with more around it, or with a slip of the finger. The colour convention
(docs/taxonomy.md) is a guess: WhatsApp gives every new label some colour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz

from labels.rules.lexicon import ideas_of, negations_of, parts_of, says_enough, write_out
from labels.rules.naming import normalize

CERTAIN, LIKELY, GUESS = "certain", "likely", "guess"
SPELLING, SHORTHAND, SYNONYM = "spelling", "shorthand", "synonym"
CONTAINS, SIMILAR, COLOUR = "contains", "similar", "colour"

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
    colour that the convention gives it. refused: (normalised name, label id) of which a person said that it is not so.
    """

    def __init__(
        self,
        spellings: Iterable[tuple[str, int]],
        *,
        meanings: Mapping[str, int],
        refused: Collection[tuple[str, int]] = frozenset(),
    ) -> None:
        self._refused = refused
        self._labels = dict(spellings)
        self._long = {write_out(spelling): spelling for spelling in sorted(self._labels)}
        self._joined = {long.replace(" ", ""): spelling for long, spelling in self._long.items()}
        self._ideas = self._by_ideas()
        self._meanings = meanings

    def _by_ideas(self) -> dict[frozenset[str], str]:
        """The spelling of each set of ideas; those that two labels have say nothing."""
        found: dict[frozenset[str], str] = {}
        shared = set()
        for spelling in sorted(self._labels):
            ideas = ideas_of(spelling)
            if self._labels[found.setdefault(ideas, spelling)] != self._labels[spelling]:
                shared.add(ideas)
        return {ideas: spelling for ideas, spelling in found.items() if ideas not in shared and says_enough(ideas)}

    def certain(self, name: str) -> Suggestion | None:
        """What `name` means where it says the same as a known spelling, or where all its parts do so of one label."""
        return self._unless_refused(name, self._same(name) or self._all_parts(name))

    def _same(self, name: str) -> Suggestion | None:
        normalized = normalize(name)
        if normalized in self._labels:
            return Suggestion(self._labels[normalized], CERTAIN, SPELLING, normalized)
        if spelling := self._joined.get(write_out(normalized).replace(" ", "")):
            return Suggestion(self._labels[spelling], CERTAIN, SHORTHAND, spelling)
        spelling = self._ideas.get(ideas_of(name))
        return Suggestion(self._labels[spelling], CERTAIN, SYNONYM, spelling) if spelling else None

    def _all_parts(self, name: str) -> Suggestion | None:
        found = [self._same(part) for part in parts_of(name)]
        meant = {each.label if each else None for each in found}
        return found[0] if len(meant) == 1 else None

    def suggest(self, name: str, *, color: int | None = None) -> Suggestion | None:
        """The best there is to say of `name` and WhatsApp's colour; None where two labels are as good."""
        looks = (self.certain, self._contained, self._similar, lambda name: self._of_colour(color))
        return next((found for look in looks if (found := self._unless_refused(name, look(name)))), None)

    def _unless_refused(self, name: str, found: Suggestion | None) -> Suggestion | None:
        return None if found is not None and (normalize(name), found.label) in self._refused else found

    def _contained(self, name: str) -> Suggestion | None:
        text = f" {write_out(normalize(name))} "
        if negations_of(name):
            return None
        found = [long for long in self._long if len(long) >= SHORTEST_PART and f" {long} " in text]
        best = max(found, key=len, default="")
        if not best or any(self._label(long) != self._label(best) and long not in best for long in found):
            return None
        return Suggestion(self._label(best), LIKELY, CONTAINS, self._long[best])

    def _similar(self, name: str) -> Suggestion | None:
        text = write_out(normalize(name)).replace(" ", "")
        if len(text) < SHORTEST_SIMILAR or negations_of(name):
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


def _likeness(one: str, other: str) -> float:
    """How much of two names is the same, 0 below SIMILARITY."""
    if len(other) < SHORTEST_SIMILAR or one[0] != other[0]:
        return 0.0
    return fuzz.ratio(one, other, score_cutoff=SIMILARITY * 100) / 100
