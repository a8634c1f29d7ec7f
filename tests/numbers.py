"""Valid mobile numbers of thirty countries: the example of each numbering plan, and others with the same beginning."""

from __future__ import annotations

import random

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

COUNTRIES = (
    "ID", "SG", "HK", "TW", "JP", "KR", "MY", "US", "CA", "CN", "AE", "SA", "AU", "IN", "GB", "DE", "BR", "MX", "AR",
    "TH", "PH", "VN", "NL", "FR", "IT", "ES", "TR", "EG", "NG", "ZA", "NZ", "PK",
)  # fmt: skip
# As WhatsApp keeps accounts that were made before Mexico, Argentina and Brazil renumbered.
OLD_FORMS = ("+5215512345678", "+541123456789", "+551181234567")


def mobiles(each: int = 6) -> list[str]:
    """E.164 numbers with a plus, `each` of every country, always the same ones."""
    draw = random.Random(8)
    return [number for country in COUNTRIES for number in _of(country, each, draw)]


def _of(country: str, count: int, draw: random.Random) -> list[str]:
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    assert example is not None
    first = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    found = [first]
    while len(found) < count:
        drawn = first[:-6] + f"{draw.randrange(10**6):06d}"
        if phonenumbers.is_valid_number(phonenumbers.parse(drawn)) and drawn not in found:
            found.append(drawn)
    return found
