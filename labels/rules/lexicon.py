"""The words of label names: how people shorten them, and which of them say the same. A table, in both languages.

A name means the set of its ideas: what each of its words, or two or three of them together, says. A word that is in no
table is an idea of its own, so a name is only ever equal to one of which every word is accounted for: "Hot deal" is not
"Hot", "belum lunas" is not "lunas", and "Selesai nego" is not "Selesai".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from labels.rules.naming import normalize

# What people type for a word, both languages and what Javanese and Sundanese sellers mix in.
SHORTS = {
    "tf": "transfer", "trf": "transfer", "trfr": "transfer", "tfan": "transfer", "transferan": "transfer",
    "nunggu": "menunggu", "tunggu": "menunggu", "nggu": "menunggu", "nungguin": "menunggu", "mnunggu": "menunggu",
    "byr": "bayar", "bayr": "bayar", "pmbyrn": "pembayaran", "pembyrn": "pembayaran", "pmbayaran": "pembayaran",
    "plg": "pelanggan", "plgn": "pelanggan", "plnggn": "pelanggan", "cust": "customer", "cus": "customer",
    "prospect": "prospek", "prospects": "prospek", "leads": "lead",
    "customers": "customer", "buyers": "customer", "orders": "order", "pymt": "payment", "pymnt": "payment",
    "sls": "selesai", "slsai": "selesai", "lns": "lunas", "urgen": "urgent", "grd": "grade",
    "udah": "sudah", "udh": "sudah", "sdh": "sudah", "dah": "sudah", "sampun": "sudah", "geus": "sudah", "wis": "sudah",
    "blm": "belum", "blum": "belum", "belom": "belum", "blom": "belum", "durung": "belum",
    "tdk": "tidak", "gak": "tidak", "ga": "tidak", "nggak": "tidak", "ngga": "tidak", "enggak": "tidak", "gk": "tidak",
    "gajadi": "tidak jadi", "gakjadi": "tidak jadi", "not": "tidak", "no": "tidak", "non": "tidak",
    "komplen": "komplain", "complain": "komplain", "complaint": "komplain", "complaints": "komplain",
    "komplin": "komplain", "bgt": "banget", "bngt": "banget", "jgn": "jangan",
    "fu": "follow up", "followup": "follow up", "pesenan": "pesanan", "orderan": "order",
}  # fmt: skip

# Words that turn what stands beside them into its opposite, as they are written out.
NEGATIONS = frozenset((
    "belum", "tidak", "tak", "bukan", "batal", "gagal", "jangan", "never", "cancel", "cancelled", "canceled", "unpaid",
))  # fmt: skip

# An idea and how it is said, written out. Ideas stay apart where a shop may have a label for each.
IDEAS: dict[str, tuple[str, ...]] = {
    "paid": (
        "lunas", "paid", "terbayar", "dibayar", "sudah bayar", "sudah dibayar", "sudah transfer", "sudah lunas",
        "sudah paid", "fully paid", "payment received", "pembayaran diterima", "paid off",
    ),
    "done": (
        "selesai", "done", "beres", "kelar", "complete", "completed", "finished", "finish", "tuntas", "sudah selesai",
        "sudah beres", "order selesai", "pesanan selesai", "transaksi selesai", "order complete", "order completed",
        "order done", "selesai order",
    ),
    "deal": ("deal", "closing", "closed won", "sudah deal", "sudah closing", "won"),
    "to wait": (
        "menunggu", "waiting", "waiting for", "wait", "wait for", "awaiting", "pending", "tertunda", "ditunggu",
    ),
    "to pay": ("bayar", "pembayaran", "transfer", "payment", "pelunasan", "pay"),
    "unpaid": (
        "belum bayar", "belum dibayar", "belum lunas", "belum transfer", "belum paid", "tidak paid", "tidak yet paid",
        "belum pembayaran", "belum pelunasan", "unpaid",
    ),
    "hot": ("hot", "panas", "warm", "hangat"),
    "cold": ("cold", "dingin"),
    "lead": ("lead", "prospek"),
    "grade": ("grade", "kelas"),
    "new": ("baru", "new"),
    "question": ("pertanyaan", "inquiry", "enquiry", "inquiries"),
    "customer": ("customer", "pelanggan", "konsumen", "pembeli", "buyer", "client", "klien"),
    "order": ("order", "pesanan"),
    "loyal": ("loyal", "setia", "customer setia"),
    "regular": ("langganan", "langganan tetap", "pelanggan tetap", "customer tetap", "regular customer"),
    "repeat": ("repeat order", "repeat buyer", "repeat customer", "repeat"),
    "complaint": ("komplain", "keluhan"),
    "after sales": (
        "after sales", "after sale", "aftersales", "aftersale", "purna jual", "purnajual", "layanan purna jual",
        "after sales service", "after sale service",
    ),
    "urgent": ("urgent", "mendesak", "darurat", "asap"),
    "important": ("penting", "important"),
    "soon": ("segera",),
    "called off": (
        "batal", "cancel", "cancelled", "canceled", "dibatalkan", "tidak jadi", "batal order", "order batal",
        "cancel order", "pesanan dibatalkan", "pesanan batal",
    ),
    "follow up": ("follow up", "difollow up"),
    "sent": ("dikirim", "sudah kirim", "sudah dikirim", "shipped", "terkirim"),
    "question asked": ("tanya", "tanya tanya", "tanya2", "nanya"),
    "price talk": ("nego", "nego harga", "negosiasi"),
    "sample": ("sample", "sampel", "contoh"),
    "reseller": ("reseller", "agen reseller"),
    "dropship": ("dropship", "dropshipper", "dropshiper"),
}  # fmt: skip
# What is the same as two ideas together: whoever has not paid is waited for.
SAME_AS = {"unpaid": ("to wait", "to pay")}
FILLERS = frozenset(("banget", "sekali", "nih", "label", "status", "the"))
# Ideas that say too little on their own: "Baru" and "New" may be anything that is new.
WEAK = frozenset(("to wait", "to pay", "lead", "grade", "new", "question", "customer", "order", "question asked"))
# An idea adds nothing beside these: who complains is a customer, and what is paid is an order.
IMPLIED = {
    "customer": frozenset(("loyal", "regular", "repeat", "complaint", "after sales", "urgent", "to pay")),
    "order": frozenset(("paid", "done", "to pay")),
    "to pay": frozenset(("paid",)),
}
# Ideas that together are another one: a payment that is done was paid.
TOGETHER = {frozenset(("done", "to pay")): "paid"}

LONGEST = 4  # words of a phrase
SHORTEST_SKELETON = 4  # letters; "cld" may be anything
_VOWELS = str.maketrans("", "", "aeiou")
_PHRASES = {phrase: idea for idea, phrases in IDEAS.items() for phrase in phrases}
_WORDS = sorted({word for phrase in _PHRASES for word in phrase.split()} | {*SHORTS} | FILLERS | NEGATIONS)
_PASSIVE = re.compile(r"\bdi (?=(?:bayar|batalkan|kirim)\b)")  # "di bayar" is "dibayar" with a space too many
_PARTS = re.compile(r"[/|,;&()\[\]]| - | \+ ")


def write_out(normalized: str) -> str:
    """A normalised name with its shorthand written out, as far as the tables know it."""
    return _PASSIVE.sub("di", " ".join(_word_of(word) for word in normalized.split()))


@lru_cache(maxsize=20_000)
def ideas_of(name: str) -> frozenset[str]:
    """What a name says, as ideas and words that are in no table; empty where it is nothing but signs.

    >>> ideas_of("Nunggu TF") == ideas_of("Waiting for payment") == ideas_of("blm bayar")
    True
    >>> ideas_of("belum selesai") == ideas_of("selesai")
    False
    """
    words = [word for word in write_out(normalize(name)).split() if word not in FILLERS]
    found = frozenset(idea for each in _folded(words) for idea in SAME_AS.get(each, (each,)))
    for several, one in TOGETHER.items():
        found = found - several | {one} if several <= found else found
    implied = {idea for idea, by in IMPLIED.items() if idea in found and found & by}
    return found - implied


def says_enough(ideas: frozenset[str]) -> bool:
    """Whether ideas are enough to tell one label from others."""
    return len(ideas) > 1 or bool(ideas - WEAK)


def negations_of(name: str) -> frozenset[str]:
    """The words of a name that turn it into its opposite."""
    return NEGATIONS & frozenset(write_out(normalize(name)).split())


def parts_of(name: str) -> list[str]:
    """The names that somebody put side by side: "Done (paid)" is two, "GRADE-A" is one."""
    parts = [part for part in _PARTS.split(name) if part.strip()]
    return parts if len(parts) > 1 else []


def _folded(words: list[str]) -> Iterator[str]:
    """The ideas of words in their order, the longest phrase first."""
    at = 0
    while at < len(words):
        for length in range(min(LONGEST, len(words) - at), 0, -1):
            idea = _PHRASES.get(" ".join(words[at : at + length]))
            if idea or length == 1:
                yield idea or words[at]
                at += length
                break


@lru_cache(maxsize=20_000)
def _word_of(word: str) -> str:
    """A word as the tables write it: its shorthand, its vowels and its letters typed twice are mended."""
    if word in SHORTS:
        return SHORTS[word]
    if word in _known() or len(word) < SHORTEST_SKELETON or not word.isalpha():
        return word
    meant = {known for known in _known() if _is_short_for(word, known)}
    return SHORTS.get(only, only) if len(meant) == 1 and (only := meant.pop()) else word


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(_WORDS)


def _is_short_for(word: str, known: str) -> bool:
    """Whether only vowels were left away ("dngin"), or letters typed twice ("lunass"); both are no other word."""
    if len(known) < SHORTEST_SKELETON or word[0] != known[0]:
        return False
    if _single(word) == _single(known):
        return True
    return word.translate(_VOWELS) == known.translate(_VOWELS) and _is_within(word, known)


def _single(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _is_within(word: str, known: str) -> bool:
    """Whether the letters of `word` stand in `known` in their order."""
    letters: Iterable[str] = iter(known)
    return all(letter in letters for letter in word)
