"""Text from outside, made storable or legible without changing what it says."""

from __future__ import annotations

import re
import unicodedata

# What joins or dresses emoji: variation selectors and the frame of a keycap. No category tells them from accents.
_DRESS = "\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Letters by category, blank to the eye: fillers of Hangul and the empty pattern of Braille.
_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
# Blanks, control characters, direction marks, byte order marks and other formats that come with text at its edges. A
# joiner may end a word of an Indic script, so it goes from the beginning only.
_AROUND = "\\s\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_EDGE = re.compile(f"^[{_AROUND}\u200c\u200d]+|[{_AROUND}]+$")
_UNSEEN = re.compile(f"[{_DRESS}{_BLANK_LETTERS}]")
_BLANKS = re.compile(r"[^\S\n]+")
_ASCII_WORD = re.compile(r"[0-9A-Za-z]+")
# Emoji and typographer's signs that only part words, whatever stands beside them.
_SIGNS = re.compile("(?:[\U0001f300-\U0001faff\u2600-\u2775\u2794-\u27bf]\ufe0f?)+|[\u2013\u2014\u2018-\u201d\u2026]")
_WIDE = {0xFF01 + place: 0x21 + place for place in range(94)}  # ０ and ＋ of East Asian keyboards

# In the OpenAPI document as well: something that is neither a blank of any kind nor a control character.
VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
_VISIBLE = re.compile(VISIBLE)


def is_blank(text: str) -> bool:
    """True when nothing of `text` can be seen."""
    return not _VISIBLE.search(text)


def storable(text: str, limit: int | None = None) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD (PostgreSQL refuses both), cut at `limit` characters."""
    if not text.isascii():
        text = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    text = text.replace("\x00", "\ufffd")
    return text if limit is None else text[:limit]


def legible(text: str) -> str:
    """`text` as an eye reads it: nothing invisible, each run of blanks one space, wide forms plain, edges trimmed.

    Line ends stay, as "\\n". For numbers, headings and words to compare; a name keeps what it is made of (`trimmed`).

    >>> legible("\\u202a+62\\xa0812\\ufeff"), legible("２")
    ('+62 812', '2')
    """
    if text.isascii() and text.isprintable():
        return (_BLANKS.sub(" ", text) if "  " in text else text).strip()
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").translate(_WIDE))
    seen = "".join(char for char in text if char.isspace() or unicodedata.category(char) not in ("Cf", "Cc"))
    return _BLANKS.sub(" ", seen).strip()


def trimmed(text: str) -> str:
    """`text` without blanks and invisible characters at its edges; what joins letters and emoji inside stays.

    >>> trimmed("\\u200e Budi\\xa0\\ufeff")
    'Budi'
    """
    return text.strip() if text.isascii() and text.isprintable() else _EDGE.sub("", text)


def folded(text: str) -> str:
    """`text` for comparing: legible, in one form of each letter, without case. Fancy letters of fonts are letters.

    >>> folded("𝗞𝗔𝗢𝗦２ ＰＲＯＭＯ")
    'kaos2 promo'
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", legible(text)).casefold())


def words_of(text: str) -> list[str]:
    """The words of `text`: letters with their marks, and digits. Everything else stands between words.

    Signs part words instead of vanishing: "kaos-2 pcs" are two shirts, and not the code KAOS2.

    >>> words_of("*KAOS2*, kaos-2 🔥 ทั้งหมด")
    ['KAOS2', 'kaos', '2', 'ทั้งหมด']
    """
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in text).split()


def said(text: str) -> str:
    """What a whole message says, for comparing: its words alone, folded, a blank between them.

    >>> said("*Stop!!* 🙏"), said("jangan   kirim lagi…"), said("🛑")
    ('stop', 'jangan kirim lagi', '')
    """
    plain = text if text.isascii() else _SIGNS.sub(" ", text)
    if plain.isascii() and plain.isprintable():  # most messages; the long way takes ten times as long
        return " ".join(_ASCII_WORD.findall(plain)).lower()
    return " ".join(words_of(folded(text)))
