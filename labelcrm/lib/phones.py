"""Phone numbers and LIDs as people and gateways write them, and the one form in which we keep them.

Phones are kept as E.164 with a plus (`+6281234567890`), LIDs as digits. Pure: the region comes as an argument.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber

MAX_LENGTH = 64

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
_SPELLING = re.compile(r"\+?[\d\s().\-/\u00a0\u2010-\u2015]+")


def to_e164(text: str, *, region: str) -> str | None:
    """`text` as E.164 with a plus, or None when it is no phone number.

    Takes any spelling people use (`0812-3456-7890`, `+62 812…`, `0062…`, `62812…`, `812…`) and the JIDs of personal
    chats (`62812…@s.whatsapp.net`, `…@c.us`). `region` (ISO 3166, "ID") reads numbers written without country code.

    >>> to_e164("0812-3456-7890", region="ID")
    '+6281234567890'
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return None
    if match := _PHONE_JID.fullmatch(text.lower()):
        return _possible(match["digits"])
    if not _SPELLING.fullmatch(text):
        return None
    digits = "".join(str(int(char)) for char in text if char.isdecimal())
    return _read(digits, plus=text.startswith("+"), region=region)


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


def lid_digits(text: str) -> str | None:
    """The digits of a LID written `123…@lid` or `123…`, or None when it is none."""
    match = _LID.fullmatch(text.strip().lower())
    return match["digits"] if match else None


def lid_address(digits: str) -> str | None:
    """How a LID is shown, `<digits>@lid`; None for an empty one."""
    return f"{digits}@lid" if digits else None


def _read(digits: str, *, plus: bool, region: str) -> str | None:
    if plus or digits.startswith("00"):
        return _international(digits if plus else digits[2:])
    code = str(phonenumbers.country_code_for_region(region))
    # Gateways write the country code without a plus: digits that begin with ours are read like theirs.
    if digits.startswith(code) and (found := _international(digits)):
        return found
    readings = [number for number in (_parse(digits, region), _parse(f"+{digits}", region)) if number]
    number = next(filter(phonenumbers.is_valid_number, readings), None)
    number = number or next(filter(phonenumbers.is_possible_number, readings), None)
    return _format(number) if number else _possible(digits)


def _international(digits: str) -> str | None:
    """Digits with a country code; a trunk zero after it, as in +62 (0)812, goes."""
    number = _parse(f"+{digits}", None)
    return _format(number) if number and phonenumbers.is_valid_number(number) else _possible(digits)


def _format(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _possible(digits: str) -> str | None:
    """International digits as they are: numbering plans have news, and gateways know numbers that no plan lists."""
    return f"+{digits}" if _INTERNATIONAL.fullmatch(digits) else None


def _parse(spelling: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(spelling, region)
    except NumberParseException:
        return None
