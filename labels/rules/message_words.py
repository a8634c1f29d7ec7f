"""What a chat message says as plain words, so that "brp kak hrgnya??" and "Berapa harganya" are the same. Pure.

Without case, signs, doubled letters, marks and words of politeness; shorthand is written out. Where a word stands in
the message is kept, to quote it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from labelcrm.lib.text import legible
from labels.rules.lexicon import NEGATIONS, SHORTS

LONGEST_TEXT = 1000  # characters of a message that are looked at

# Besides the shorthand of label names: what people type in chats, both languages. A word may stand for several.
CHAT_SHORTS = {
    "brp": "berapa", "brapa": "berapa", "brpa": "berapa", "berapaan": "berapa", "hrg": "harga", "hrga": "harga",
    "gmn": "bagaimana", "gimana": "bagaimana", "gmna": "bagaimana", "bgmn": "bagaimana", "dmn": "mana",
    "dimana": "mana",
    "kmn": "kemana", "kmana": "kemana", "norek": "nomor rekening", "nomer": "nomor", "nmr": "nomor", "rek": "rekening",
    "trsfer": "transfer", "transfr": "transfer", "transfernya": "transfer", "trx": "transaksi",
    "dah": "sudah", "uda": "sudah", "sdah": "sudah", "tlh": "sudah", "telah": "sudah", "belom": "belum",
    "blom": "belum",
    "g": "tidak", "gk": "tidak", "kagak": "tidak", "enggak": "tidak", "engga": "tidak", "ngak": "tidak",
    "tdak": "tidak",
    "ga": "tidak", "gak": "tidak", "nggak": "tidak", "ngga": "tidak", "tdk": "tidak", "tak": "tidak",
    "pesen": "pesan", "psn": "pesan", "psan": "pesan", "pesanan": "pesan", "ordr": "order", "orderan": "order",
    "jd": "jadi", "jdi": "jadi", "bs": "bisa", "bsa": "bisa", "pke": "pakai", "pake": "pakai", "lg": "lagi",
    "dgn": "dengan", "dg": "dengan", "krm": "kirim", "kirimin": "kirim", "pgn": "ingin", "pengen": "ingin",
    "pingin": "ingin", "pgen": "ingin", "mo": "mau", "maw": "mau", "bli": "beli", "skrg": "sekarang",
    "skrang": "sekarang",
    "hr": "hari", "bsk": "besok", "kmrn": "kemarin", "kmaren": "kemarin", "nyampe": "sampai", "nyampai": "sampai",
    "sampe": "sampai", "smp": "sampai", "smpai": "sampai", "dateng": "datang", "rusk": "rusak", "kcewa": "kecewa",
    "sesuwai": "sesuai", "bkti": "bukti", "redy": "ready", "rdy": "ready", "ro": "repeat order", "byar": "bayar",
    "dibayar": "bayar", "mbayar": "bayar", "bayarnya": "bayar", "ktr": "kantor", "kalo": "kalau", "klo": "kalau",
    "kl": "kalau", "klw": "kalau", "pricelist": "price list", "urgen": "urgent", "payed": "paid",
    "havent": "have not", "didnt": "did not", "dont": "do not", "cant": "can not", "isnt": "is not",
    "wasnt": "was not", "wont": "will not",
}  # fmt: skip
# Two words that are one, or the other way round: "no rek", "di mana".
PAIRS = {
    ("no", "rekening"): "nomor rekening", ("di", "mana"): "mana", ("ke", "mana"): "kemana", ("have", "n"): "have not",
    ("don", "t"): "do not", ("didn", "t"): "did not", ("haven", "t"): "have not", ("can", "t"): "can not",
    ("isn", "t"): "is not", ("hasn", "t"): "has not", ("ga", "jadi"): "tidak jadi",
}  # fmt: skip
# Words that change nothing of what is said; most are forms of address.
FILLERS = frozenset((
    "kak", "kakak", "ka", "kk", "min", "mimin", "admin", "gan", "agan", "sis", "sist", "bro", "bang", "bg", "mas",
    "mbak", "mba", "mb", "pak", "bapak", "bu", "ibu", "bun", "bunda", "om", "tante", "bos", "boss", "ya", "yah", "yaa",
    "dong", "donk", "nih", "ni", "sih", "deh", "aja", "saja", "kok", "lho", "loh", "lo", "kan", "tuh", "saya", "sy",
    "aku", "ak", "gue", "gw", "kami", "kita", "yang", "yg", "oke", "ok", "okay", "tolong", "mohon", "mhn", "ini", "itu",
    "the", "a", "an", "i", "my", "please", "pls", "plz", "we", "our", "sir", "tadi", "td",
))  # fmt: skip
SUFFIX, SHORTEST_STEM = "nya", 4
ENDS = ".,!?;\n"  # of a clause


class MessageWord(NamedTuple):
    """`key` is what is compared; `start` and `end` are its place in `shown_text`. A sentence has one `clause`."""

    key: str
    start: int
    end: int
    clause: int


def shown_text(text: str) -> str:
    """What is looked at of a message: its beginning, as an eye reads it."""
    return legible(text[:LONGEST_TEXT])


def words_in(shown: str) -> list[MessageWord]:
    """The words of a `shown_text`, without those that change nothing. Takes a time that grows with its length alone."""
    words = [word for part in _parts(shown) for word in _written_out(part)]
    return [word for word in _paired(words) if word.key not in _FILLERS]


def phrase_key(phrase: str) -> tuple[str, ...]:
    """A phrase as `words_in` writes it; empty where it says nothing.

    >>> phrase_key("Minta norek dong kak!!") == phrase_key("minta no. rek")
    True
    """
    return tuple(word.key for word in words_in(shown_text(phrase)))


_ASCII_PARTS = re.compile(rf"([0-9A-Za-z]+)|[{ENDS}]")


def _parts(shown: str) -> Iterator[MessageWord]:
    """Runs of letters, their marks and digits; signs that end a sentence begin a new clause."""
    if not shown.isascii():
        yield from _foreign_parts(shown)
        return
    clause = 0
    for found in _ASCII_PARTS.finditer(shown):
        if found[1] is None:
            clause += 1
        else:
            yield MessageWord(_key(found[1]), found.start(), found.end(), clause)


def _foreign_parts(shown: str) -> Iterator[MessageWord]:
    """The same of letters of any script, which takes ten times as long."""
    clause, start = 0, None
    for place, char in enumerate(shown + " "):
        if char.isalnum() or (start is not None and unicodedata.category(char)[0] == "M"):
            start = place if start is None else start
            continue
        if start is not None:
            yield MessageWord(_key(shown[start:place]), start, place, clause)
            start = None
        clause += char in ENDS


def _key(word: str) -> str:
    """Without case and marks; "pesan2" is "pesan"."""
    if word.isascii():
        plain = word.lower()
    else:
        plain = "".join(char for char in unicodedata.normalize("NFKD", word).casefold() if char.isalnum())
    stem = plain.rstrip("0123456789²")
    return stem if len(stem) >= SHORTEST_STEM else plain


_HELD_DOWN = re.compile(r"([^\W\d_])\1+")


def _squeezed(word: str) -> str:
    """Each run of one letter once, whoever holds the key down; digits stay what they are."""
    return _HELD_DOWN.sub(r"\1", word)


def _stem(word: str) -> str:
    """Without "-nya", which says "its": before doubled letters go ("pesanannya"), or after ("totalnyaa")."""
    return _without_suffix(_squeezed(_without_suffix(word)))


def _without_suffix(word: str) -> str:
    stem = word.removesuffix(SUFFIX)
    return stem if len(stem) >= SHORTEST_STEM else word


# Of label names: in a chat "no" is a number, too, as in "no rek", and English denials stay what they are.
_OF_NAMES = {short: long for short, long in SHORTS.items() if short not in ("not", "no", "non")}
_SHORTS = {_squeezed(short): long for short, long in {**_OF_NAMES, **CHAT_SHORTS}.items()}
_FILLERS = frozenset(map(_squeezed, FILLERS))


def _written_out(word: MessageWord) -> Iterator[MessageWord]:
    """One word, or several where it is short for several."""
    squeezed = _squeezed(word.key)
    long = _SHORTS.get(squeezed) or _SHORTS.get(squeezed.removesuffix(SUFFIX)) or word.key
    for key in long.split():
        yield word._replace(key=_stem(key))


_PAIRS = {(_squeezed(one), _squeezed(other)): long for (one, other), long in PAIRS.items()}


def _paired(words: list[MessageWord]) -> Iterator[MessageWord]:
    place = 0
    while place < len(words):
        word = words[place]
        after = words[place + 1] if place + 1 < len(words) else None
        long = _PAIRS.get((word.key, after.key)) if after else None
        if long is None or after is None:
            yield word
            place += 1
            continue
        for key in long.split():
            yield MessageWord(_stem(key), word.start, after.end, word.clause)
        place += 2


def keys_of(words: Iterable[str]) -> frozenset[str]:
    """Single words as `words_in` writes them."""
    return frozenset(key for word in words for key in phrase_key(word))


NEGATING = keys_of(NEGATIONS) | {"not", "no"}
CONDITIONS = keys_of(("kalau", "jika", "bila", "if", "when", "apakah", "apa"))
