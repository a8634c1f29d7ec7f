"""Phone numbers and LIDs as people and gateways write them, and the one form in which we keep them.

Phones are kept as E.164 with a plus (`+6281234567890`), LIDs as digits. Pure: the region comes as an argument.
docs/phone-numbers.md tells by examples how a number is read.

A number without plus or zero before it may be a national one that lost its zero, or an international one that lost
its plus: `85291234567` is somebody in Hong Kong and somebody else in Indonesia. Nobody is guessed between two such
people: `readings` tells both, and `to_e164` says None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

from labelcrm.lib.text import legible

MAX_LENGTH = 64  # of one number, as people spell it
LONGEST = 15  # digits of a number with its country code (E.164)
MAX_TEXT = 1_000  # of a link with a prepared message

# Why a text is no number, or not one number. The sentences are made where they are shown.
UNREADABLE, AMBIGUOUS, SEVERAL = "unreadable", "ambiguous", "several"
FOLLOWED, SHORTENED, TOO_LONG = "followed", "shortened", "too_long"

# Servers of personal JIDs as in whatsmeow's types/jid.go; `user.agent:device` names one device of a person.
_DEVICE = r"(?:[._]\d{1,5})?(?::\d{1,5})?"
_PHONE_JID = re.compile(rf"\+?(?P<digits>\d{{1,20}}){_DEVICE}@(?:s\.whatsapp\.net|c\.us|hosted)", re.ASCII)
_LID = re.compile(rf"(?P<digits>[1-9]\d{{4,19}})(?:{_DEVICE}@(?:hosted\.)?lid)?", re.ASCII)
_INTERNATIONAL = re.compile(r"[1-9]\d{6,14}", re.ASCII)
# One form of a number, and how the same number reads in the other. Brazil's mobiles begin with 6 to 9 in both.
_RENUMBERED = [
    (re.compile(r"\+521(?P<rest>\d{10})", re.ASCII), "+52{rest}"),
    (re.compile(r"\+52(?P<rest>\d{10})", re.ASCII), "+521{rest}"),
    (re.compile(r"\+549(?P<rest>\d{10})", re.ASCII), "+54{rest}"),
    (re.compile(r"\+54(?P<rest>\d{10})", re.ASCII), "+549{rest}"),
    (re.compile(r"\+55(?P<area>\d{2})9(?P<rest>[6-9]\d{7})", re.ASCII), "+55{area}{rest}"),
    (re.compile(r"\+55(?P<area>\d{2})(?P<rest>[6-9]\d{7})", re.ASCII), "+55{area}9{rest}"),
]
_RENUMBERING = ("+52", "+54", "+55")

# -- How people write one number --
_BETWEEN = r"\s().\-/\u2010-\u2015\u2212"  # what may stand between its digits
_SPELLING = re.compile(rf"\+?[\d{_BETWEEN}]+")
_BEGINNING = re.compile(rf"\+?[\d{_BETWEEN}]*\d")
_GROUP = re.compile(r"\d+")
_DIGITS = re.compile(r"\+?\d+", re.ASCII)
_WORDS = re.compile(r"[a-z][a-z0-9 ]*", re.ASCII | re.IGNORECASE)  # no link: those have a dot
_LATE_BRACKET = re.compile(r"(?P<number>(?:\D*\d){6,}[^\d(]*)(?P<rest>\(.*)", re.DOTALL)  # "(021) 555" is an area
# -- What people and programs put around it --
_QUOTES = "'\"`\u00b4\u2018-\u201f\u2032"
_COUNTRY_IN_BRACKETS = re.compile(r"\(\s*\+\s*(?P<code>\d{1,3})\s*\)")
_WRAPPINGS = (
    re.compile(r'=\s*"(?P<inside>[^"]*)"'),  # a formula, so that a spreadsheet program keeps the zero
    re.compile(rf"[{_QUOTES}]+(?P<inside>[^{_QUOTES}]*)[{_QUOTES}]*"),
    re.compile(r"\((?P<inside>[^()]{7,})\)"),
    re.compile(r"[^\w\s+(\-]+ ?(?P<inside>[+(\d].*)", re.DOTALL),  # a picture of a telephone
    re.compile(
        r"(?:(?:tel|sms|phone|mobile|whatsapp|wa|no|nomor|hp|telp|tlp|telepon)\b[ .:]*){1,3}(?P<inside>[+(\d].*)",
        re.IGNORECASE | re.DOTALL,
    ),
)
_LINKS = (
    re.compile(r"(?:https?://)?(?:www\.)?wa\.me/(?P<number>[^/?#]+)/?(?:[?#].*)?", re.IGNORECASE | re.DOTALL),
    re.compile(
        r"(?:(?:https?://)?(?:api|web|www|chat)\.whatsapp\.com/send/?|whatsapp://send/?)"
        r"\?(?:[^#]*&)?phone=(?P<number>[^&#]+).*",
        re.IGNORECASE | re.DOTALL,
    ),
)
# -- What spreadsheet programs make of it --
_SCIENTIFIC = re.compile(r"\+?(?P<whole>\d+)(?:[.,](?P<rest>\d+))?[eE]\+?(?P<exponent>\d{1,3})", re.ASCII)
_FLOAT = re.compile(r"(?P<whole>\+?\d{7,})[.,]0+", re.ASCII)
_FRACTION = re.compile(r"(?P<whole>\+?\d{7,})(?P<rest>[.,]\d{1,2})", re.ASCII)
# -- Between two numbers --
_SLASH = re.compile(r"[/\\]")
_APART = re.compile(r"\s*(?:[\n,;|&]|:{3}|\b(?:dan|atau|and|or)\b)\s*|(?<=[\d)])\s*(?=\+)", re.IGNORECASE)

_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_LINES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)


@dataclass(frozen=True, slots=True)
class Readings:
    """What a text may be as a phone number.

    `numbers` are E.164, the likeliest first. Without a `problem` the first is the one to write. AMBIGUOUS: each of
    them is a valid reading and none is likelier. SEVERAL: the text holds them all. FOLLOWED: `rest` stands after a
    complete number. SHORTENED: a spreadsheet program lost digits. TOO_LONG: no number of its country has as many.
    """

    numbers: tuple[str, ...] = ()
    problem: str = ""
    rest: str = ""

    @property
    def number(self) -> str | None:
        """The number that the text is without a doubt, else None."""
        return self.numbers[0] if self.numbers and not self.problem else None


_NOTHING = Readings(problem=UNREADABLE)


def to_e164(text: str, *, region: str) -> str | None:
    """The one number that `text` is, as E.164 with a plus; None when it is none, or may be two.

    Takes any spelling people use (`0812-3456-7890`, `+62 812…`, `0062…`, `62812…`, `812…`), links (`wa.me/62812…`)
    and the JIDs of personal chats (`62812…@s.whatsapp.net`, `…@c.us`). `region` (ISO 3166, "ID") reads numbers written
    without country code.

    >>> to_e164("0812-3456-7890", region="ID")
    '+6281234567890'
    """
    return readings(text, region=region).number


def readings(text: str, *, region: str | None) -> Readings:
    """Everything that `text` may mean as a phone number.

    `region` None: the number is known to have its country code, whether a plus shows it or not, as gateways write it.

    >>> readings("85291234567", region="ID").numbers
    ('+85291234567', '+6285291234567')
    """
    if len(text) > MAX_TEXT:
        return _NOTHING
    text = legible(text)
    if region is not None and (mobile := mobile_here(text, region=region)):
        return Readings((mobile,))
    text = _unwrapped(text)
    if len(text) > MAX_LENGTH:
        return _NOTHING
    if match := _PHONE_JID.fullmatch(text.lower()):
        return _known(match["digits"])
    if match := _SCIENTIFIC.fullmatch(text):
        rest = match["rest"] or ""
        exact = len(rest) == int(match["exponent"])
        return _one(match["whole"] + rest, region) if exact else Readings(problem=SHORTENED)
    if match := _FLOAT.fullmatch(text):
        text = match["whole"]
    parts = [part for part in _APART.split(text) if part]
    if any(map(_has_second_number, parts)):
        parts = [piece for part in parts for piece in map(str.strip, _SLASH.split(part)) if piece]
    return _one(parts[0], region) if len(parts) == 1 else _together(parts, region)


def lookups(text: str, *, region: str) -> tuple[str, ...]:
    """Every E.164 number that somebody may mean who asks for `text`: its readings, and its digits as they stand.

    Digits as they stand, because gateways know numbers that no numbering plan lists. Empty when `text` is no number.
    """
    found = readings(text, region=region)
    if found.problem not in ("", AMBIGUOUS, TOO_LONG, UNREADABLE):
        return ()
    digits = _digits(text) if _SPELLING.fullmatch(legible(text)) else ""
    as_it_stands = _known(digits).numbers
    return tuple(dict.fromkeys(found.numbers + as_it_stands))


def looks_like_a_number(text: str) -> bool:
    """Whether `text` is a phone number, or what a spreadsheet made of one, rather than somebody's name."""
    text = legible(text)
    if _WORDS.fullmatch(text):
        return False
    if (
        _SCIENTIFIC.fullmatch(text)
        or _PHONE_JID.fullmatch(text.lower())
        or any(link.fullmatch(text) for link in _LINKS)
    ):
        return True
    return not any(map(str.isalpha, text)) and sum(map(str.isdecimal, text)) >= 8  # of the shortest mobiles


def same_number(e164: str) -> tuple[str, ...]:
    """Every E.164 form under which WhatsApp knows the owner of `e164`, itself first.

    Three countries renumbered their mobiles, and accounts keep the form they were made with: Mexico's 1 and
    Argentina's 9 after the country code, Brazil's ninth digit after the area code. A number elsewhere is alone.

    >>> same_number("+5215512345678")
    ('+5215512345678', '+525512345678')
    """
    for old, new in _RENUMBERED if e164.startswith(_RENUMBERING) else ():
        if match := old.fullmatch(e164):
            return e164, new.format(**match.groupdict())
    return (e164,)


def as_written_by_us(text: str) -> str | None:
    """The number of a cell of our own file, where a phone is digits with the country code; None for other text.

    Spreadsheet programs may have made a number of it: `6281234567890.0` and exact `6.28…E+12` are the same digits.

    >>> as_written_by_us("6591234567"), as_written_by_us("0812")
    ('+6591234567', None)
    """
    text = _unwrapped(legible(text))
    if match := _FLOAT.fullmatch(text):
        text = match["whole"]
    elif (match := _SCIENTIFIC.fullmatch(text)) and len(match["rest"] or "") == int(match["exponent"]):
        text = match["whole"] + (match["rest"] or "")
    return _known(text.removeprefix("+")).number


def lid_digits(text: str) -> str | None:
    """The digits of a LID written `123…@lid` or `123…`, or None when it is none."""
    match = _LID.fullmatch(legible(text).lower())
    return match["digits"] if match else None


def lid_address(digits: str) -> str | None:
    """How a LID is shown, `<digits>@lid`; None for an empty one."""
    return f"{digits}@lid" if digits else None


# -- Taking a text apart ----------------------------------------------------------------------------------------------


def _unwrapped(text: str) -> str:
    """`text` without what people and programs put around a number; a link's number gets its plus, "(+62)" keeps its."""
    if _DIGITS.fullmatch(text):
        return text
    if match := _COUNTRY_IN_BRACKETS.match(text):
        text = f"+{match['code']} {text[match.end() :]}"
    for _layer in range(4):
        for link in _LINKS:
            if match := link.fullmatch(text):
                number = unquote(match["number"]).lstrip("+ ")
                return number if number.startswith("0") else f"+{number}"
        match = next(filter(None, (wrapping.fullmatch(text) for wrapping in _WRAPPINGS)), None)
        if match is None:
            break
        text = match["inside"].strip()
    return text


def _has_second_number(part: str) -> bool:
    """Whether a slash in `part` stands behind a number, and not behind an area code as in 021/5551234."""
    pieces = [sum(map(str.isdecimal, piece)) for piece in _SLASH.split(part)]
    return len(pieces) > 1 and (max(pieces[:-1]) > 6 or pieces[-1] < 3)  # 6: country and area code


def _together(parts: Sequence[str], region: str | None) -> Readings:
    """Parts of a text that stand apart: the same number again, several, or one with something beside it."""
    read = [_one(part, region) for part in parts]
    found = [each for each in read if each.numbers]
    distinct = tuple(dict.fromkeys(each.numbers[0] for each in found))
    if len(distinct) > 1:
        return Readings(distinct, SEVERAL)
    if len(found) == len(read) and len(set(read)) == 1:
        return read[0]
    others = [part for part, each in zip(parts, read, strict=True) if not each.numbers]
    return Readings(distinct, FOLLOWED, " ".join(others)) if found else _NOTHING


def _one(text: str, region: str | None) -> Readings:
    """One number with nothing but its own signs between the digits, or what is wrong with it."""
    if match := _FRACTION.fullmatch(text) or _LATE_BRACKET.fullmatch(text):
        return _cut(match[1], match["rest"], region)
    if not _SPELLING.fullmatch(text):
        beginning = _BEGINNING.match(text)
        return _cut(beginning[0], text[beginning.end() :], region) if beginning else _NOTHING
    groups = [_plain(group) for group in _GROUP.findall(text)]
    plus = "+" if text.startswith("+") else ""
    whole = _of_digits(plus + "".join(groups), region)
    if whole.numbers and not (len(groups) > 1 and len(groups[-1]) == 1):
        return whole
    for cut in range(len(groups) - 1, 0, -1):
        first = _of_digits(plus + "".join(groups[:cut]), region)
        if any(map(_is_valid, first.numbers)):
            return _cut(plus + "".join(groups[:cut]), " ".join(groups[cut:]), region)
    return whole


def _cut(number: str, rest: str, region: str | None) -> Readings:
    """A number and what stands behind it: another number, or something that is none."""
    first, second = _of_digits(_signed(number), region), _of_digits(_signed(rest), region)
    if first.numbers and first == second:
        return first
    if first.numbers and any(map(_is_valid, second.numbers)):
        return Readings((first.numbers[0], second.numbers[0]), SEVERAL)
    return Readings(first.numbers, FOLLOWED, rest.strip()) if first.numbers else _NOTHING


def _signed(text: str) -> str:
    return ("+" if text.strip().startswith("+") else "") + _digits(text)


def _digits(text: str) -> str:
    return "".join(map(_plain, _GROUP.findall(text)))


def _plain(digits: str) -> str:
    """Digits of any script as ASCII."""
    return digits if digits.isascii() else "".join(str(int(char)) for char in digits)


# -- A mobile of the business's own country ---------------------------------------------------------------------------


def mobile_here(text: str, *, region: str) -> str | None:
    """What nearly every cell of a file is, told by one regular expression: the number that `readings` finds, too.

    None for whatever else a number may be.
    """
    code, plan = _mobiles_of(region)
    match = plan.fullmatch(text) if plan else None
    return f"+{code}{match['national']}" if match else None


@lru_cache
def _mobiles_of(region: str) -> tuple[int, re.Pattern[str] | None]:
    """A country code, and the mobiles of its plan with it or the trunk zero; None where numbers have two forms."""
    code = phonenumbers.country_code_for_region(region)
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.mobile is None or plan.national_prefix != "0" or f"+{code}" in _RENUMBERING:
        return code, None
    return code, re.compile(rf"(?:\+?{code}|0)(?P<national>(?!0)(?:{plan.mobile.national_number_pattern}))", re.ASCII)


# -- Digits -----------------------------------------------------------------------------------------------------------


class _Rated(NamedTuple):
    """A reading, and what kind of line its country's plan has there; UNKNOWN: the plan has no such number."""

    readings: Readings
    kind: int = PhoneNumberType.UNKNOWN


@lru_cache(maxsize=1024)
def _of_digits(digits: str, region: str | None) -> Readings:
    """What digits mean that are one number; a plus before them is kept by the caller."""
    if digits.startswith("+") or region is None:
        return _international(digits.removeprefix("+").removeprefix("00")).readings
    if digits.startswith("00"):
        return _international(digits[2:]).readings
    if digits.startswith("0"):
        return _rated(_parse(digits, region)).readings
    abroad = _international(digits)
    # Digits that begin with our own country code are read like those of gateways, which write no plus.
    ours = digits.startswith(str(phonenumbers.country_code_for_region(region)))
    if ours and abroad.readings.numbers:
        return abroad.readings
    valid = [each for each in (abroad, _rated(_parse(digits, region))) if each.kind != PhoneNumberType.UNKNOWN]
    if not valid:
        return abroad.readings if ours else _NOTHING
    # WhatsApp accounts are mobiles as good as always: a mobile here goes before a line of that number elsewhere.
    likely = [each for each in valid if each.kind in _MOBILE] or valid
    ordered = sorted(valid, key=lambda each: each not in likely)
    numbers = tuple(dict.fromkeys(each.readings.numbers[0] for each in ordered))
    return Readings(numbers, AMBIGUOUS if len(likely) > 1 else "")


def _international(digits: str) -> _Rated:
    """Digits with a country code; a trunk zero after it, as in +62 (0)812, goes."""
    if len(digits) > LONGEST + 1:  # the trunk zero
        return _Rated(Readings(problem=TOO_LONG))
    return _rated(_parse(f"+{digits}", None), written=f"+{digits}")


def _rated(number: PhoneNumber | None, *, written: str = "") -> _Rated:
    """A number that its country's plan knows or has room for: plans have news, but no longer numbers."""
    if number is None:
        return _Rated(_NOTHING)
    kind = phonenumbers.number_type(number)
    if kind != PhoneNumberType.UNKNOWN:
        return _Rated(Readings((_format(number),)), kind)
    for other in filter(None, (_parse(form, None) for form in same_number(written)[1:])):
        if phonenumbers.is_valid_number(other):
            return _Rated(Readings((written,)), phonenumbers.number_type(other))
    reasons = {phonenumbers.is_possible_number_for_type_with_reason(number, line) for line in _LINES}
    if ValidationResult.IS_POSSIBLE in reasons:
        return _Rated(Readings((written or _format(number),)))
    return _Rated(Readings(problem=TOO_LONG if ValidationResult.TOO_LONG in reasons else UNREADABLE))


def _known(digits: str) -> Readings:
    """Digits with a country code as they are, whatever plans say: WhatsApp knows this number."""
    return Readings((f"+{digits}",)) if _INTERNATIONAL.fullmatch(digits) else _NOTHING


def _is_valid(e164: str) -> bool:
    return any(
        (number := _parse(form, None)) is not None and phonenumbers.is_valid_number(number)
        for form in same_number(e164)
    )


def _format(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parse(spelling: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(spelling, region)
    except NumberParseException:
        return None
