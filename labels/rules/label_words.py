"""Words by which a chat tells its label: what counts as found, and what says the opposite. Pure.

A phrase is found where its words follow one another in a message (`labels.rules.message_words`). It is not where the
sentence denies it: "belum transfer", "ga jadi order", "sudah transfer belum?".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from labels.rules.message_words import CONDITIONS, NEGATING, MessageWord, phrase_key, shown_text, words_in

CUSTOMER, US, BOTH = "customer", "us", "both"
CERTAIN, LIKELY = "certain", "likely"
LOOK_BACK = 3  # words before a phrase that may deny it
MOST_WORDS = 12  # of a phrase
_YET = frozenset(phrase_key("belum"))
_ALREADY = frozenset(phrase_key("sudah"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPhrase:
    """Words (`key`, of `phrase_key`) that tell the label with this id, where this side writes them."""

    label: int
    key: tuple[str, ...]
    side: str = CUSTOMER
    sure: str = LIKELY


class PhraseFound(NamedTuple):
    """A phrase in a message, and the words of the message that it is."""

    phrase: LabelPhrase
    quote: str


class LabelPhrases:
    """Finds phrases, each message in a time that grows with its length and not with the number of phrases."""

    def __init__(self, phrases: Iterable[LabelPhrase]) -> None:
        self._by_first: dict[str, list[LabelPhrase]] = {}
        for phrase in phrases:
            if phrase.key:
                self._by_first.setdefault(phrase.key[0], []).append(phrase)

    def found(self, text: str, *, from_me: bool) -> list[PhraseFound]:
        """What a message says, in the order of its words; of phrases within a longer one only the longer."""
        shown = shown_text(text)
        words = words_in(shown)
        spans = list(self._spans(words, side=US if from_me else CUSTOMER))
        return [
            PhraseFound(phrase, shown[words[start].start : words[end - 1].end])
            for start, end, phrase in spans
            if not _is_within_longer(start, end, spans) and not _is_denied(words, start, end)
        ]

    def _spans(self, words: list[MessageWord], *, side: str) -> Iterator[tuple[int, int, LabelPhrase]]:
        """Where phrases stand, denied ones too: within those nothing is found either."""
        keys = [word.key for word in words]
        for start, key in enumerate(keys):
            for phrase in self._by_first.get(key, ()):
                end = start + len(phrase.key)
                if phrase.side in (side, BOTH) and tuple(keys[start:end]) == phrase.key:
                    yield start, end, phrase


def _is_within_longer(start: int, end: int, spans: list[tuple[int, int, LabelPhrase]]) -> bool:
    near = (span for span in spans if span[0] <= start and end <= span[1])
    return any(span[1] - span[0] > end - start for span in near)


def _is_denied(words: list[MessageWord], start: int, end: int) -> bool:
    """Whether the words of a phrase are denied, asked after, or a condition.

    A phrase that begins with a denial ("tidak sesuai") says so itself.
    """
    clause = words[start].clause
    before = [word.key for word in words[max(0, start - LOOK_BACK) : start] if word.clause == clause]
    after = [word.key for word in words[end : end + 1] if word.clause == words[end - 1].clause]
    if words[start].key in NEGATING:
        return False
    if NEGATING.intersection(before) or _YET.intersection(after):
        return True
    return words[start].key in _ALREADY and bool(CONDITIONS.intersection(before))


# -- What a new installation begins with ------------------------------------------------------------------------------


class StandardWords(NamedTuple):
    """Words for the standard labels of one meaning (`labels.rules.taxonomy`)."""

    meaning: str
    side: str
    sure: str
    phrases: tuple[str, ...]


S = StandardWords
STANDARD = (
    S("new", CUSTOMER, LIKELY, (
        "berapa harga", "harga berapa", "berapa", "harganya", "price list", "minta katalog", "lihat katalog", "ready",
        "masih ada", "mau tanya", "mau nanya", "boleh tanya", "bisa bikin", "bisa buat", "minimal order",
        "minimal pesan", "ada warna", "ada ukuran", "ongkir berapa", "info harga", "how much", "do you have",
        "is this available", "still available",
    )),
    S("hot", CUSTOMER, LIKELY, (
        "mau order", "mau pesan", "mau beli", "ingin pesan", "ingin order", "cara order", "cara pesan", "checkout",
        "saya ambil", "ambil 1", "jadi ambil", "mau ambil", "minta total", "totalnya berapa", "berapa totalnya",
        "how to order", "want to order", "i want to buy", "i'll take",
    )),
    S("hot", CUSTOMER, CERTAIN, (
        "jadi pesan", "jadi order", "fix order", "fix pesan", "jadi beli", "order sekarang", "deal",
    )),
    S("cold", CUSTOMER, LIKELY, (
        "tidak jadi", "nanti dulu", "pikir pikir dulu", "pikir dulu", "diskusi dulu", "kemahalan",
        "terlalu mahal", "budget tidak masuk", "lain kali", "nanti kabari lagi", "maybe later", "too expensive",
        "not now", "batal pesan", "batal order",
    )),
    S("waiting", CUSTOMER, CERTAIN, (
        "nomor rekening", "minta rekening", "rekening mana", "transfer kemana", "transfer ke rekening mana",
        "bayar kemana", "transfer ke mana", "minta qris", "which account", "account number",
    )),
    S("waiting", CUSTOMER, LIKELY, (
        "dp dulu", "bayar nanti", "besok transfer", "nanti transfer", "segera transfer", "mau transfer", "will pay",
        "cara bayar",
    )),
    S("waiting", US, CERTAIN, (
        "invoice", "transfer ke", "ke bca", "ke mandiri", "ke bri", "ke bni", "rekening bca", "rekening mandiri",
        "menunggu pembayaran", "ditunggu pembayaran", "ditunggu transfer", "silakan transfer", "awaiting payment",
    )),
    S("won", CUSTOMER, CERTAIN, (
        "sudah transfer", "sudah bayar", "sudah dibayar", "sudah lunas", "bukti transfer", "bukti bayar", "sudah dp",
        "sudah kirim uang", "transfer done", "already paid", "have paid", "payment sent",
    )),
    S("won", CUSTOMER, LIKELY, ("lunas", "cek mutasi", "done")),
    S("won", US, CERTAIN, (
        "pembayaran sudah masuk", "pembayaran masuk", "pembayaran sudah diterima", "pembayaran diterima",
        "pembayaran sudah terima", "dana sudah masuk", "transfer sudah masuk", "payment received",
    )),
    S("complaint", CUSTOMER, CERTAIN, (
        "rusak", "cacat", "tidak sesuai", "kecewa", "refund", "minta ganti", "retur", "salah kirim", "salah ukuran",
        "salah warna", "penipuan", "penipu", "komplain", "complaint", "damaged", "broken", "wrong item", "disappointed",
    )),
    S("complaint", CUSTOMER, LIKELY, (
        "kapan sampai", "belum sampai", "belum datang", "belum terima", "paket mana", "lama sekali", "lama banget",
        "tidak dibalas", "tidak direspon", "retak", "lepas", "ketuker", "tertukar", "mengelupas", "ngelupas", "luntur",
        "resi tidak", "not arrived", "where is my order", "uang kembali",
    )),
    S("complaint", US, LIKELY, ("maaf atas ketidaknyamanan", "maaf kami ganti", "maaf kami kirim ganti")),
    S("urgent", CUSTOMER, LIKELY, (
        "segera", "butuh hari", "butuh cepat", "urgent", "asap", "hari ini juga", "darurat", "paling lambat",
        "deadline", "buru buru", "mendesak", "need it today",
    )),
    S("after_sales", CUSTOMER, LIKELY, (
        "garansi", "cara pakai", "cara cuci", "cara pasang", "cara merawat", "perawatan", "klaim", "servis", "warranty",
        "how to use", "spare part",
    )),
    S("loyal", CUSTOMER, LIKELY, (
        "pesan lagi", "order lagi", "beli lagi", "nambah lagi", "kayak kemarin", "seperti kemarin", "order again",
        "langganan",
    )),
    S("loyal", CUSTOMER, CERTAIN, ("repeat order", "repeat order lagi", "mau repeat")),
)  # fmt: skip


def standard_phrases(meaning: str) -> Iterator[tuple[str, str, str]]:
    """(phrase, side, sure) for the standard label of a meaning, each once."""
    seen = set()
    for words in STANDARD:
        for phrase in words.phrases if words.meaning == meaning else ():
            key = (phrase_key(phrase), words.side)
            if key[0] and key not in seen:
                seen.add(key)
                yield phrase, words.side, words.sure
