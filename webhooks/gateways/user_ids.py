"""Meta's business-scoped user ids and public usernames: who writes when no phone number is told. Pure.

An id is the person's country (ISO 3166 alpha-2), a dot and up to 128 letters and digits; the id that linked
businesses share has "ENT." in between (Meta, "Business-scoped user IDs"). Which of the two a value is shows in the
value, so the name of the field it came in decides nothing. An allow-list: whatever else comes is no id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from webhooks.gateways import shapes

_ID = re.compile(r"(?P<country>[A-Za-z]{2})\.(?P<parent>ENT\.)?(?P<rest>[A-Za-z0-9]{1,128})", re.ASCII)
# Meta: 3 to 35 letters, digits, periods and underscores, one of them a letter. Read with room to spare.
_USERNAME = re.compile(r"@?(?P<name>(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9._]{1,60})", re.ASCII)


@dataclass(frozen=True, slots=True)
class UserId:
    """One id; `is_parent` where it is the one that linked businesses share."""

    value: str
    is_parent: bool


def read(value: Any) -> UserId | None:
    """Return the user id that `value` writes, its country in capitals; None for anything else.

    >>> read("ID.13491208655302741918"), read("id.ENT.118"), read("628123456789")
    (UserId(value='ID.13491208655302741918', is_parent=False), UserId(value='ID.ENT.118', is_parent=True), None)
    """
    match = _ID.fullmatch(shapes.text(value).strip())
    if match is None:
        return None
    country, parent, rest = match.group("country", "parent", "rest")
    return UserId(f"{country.upper()}.{parent or ''}{rest}", is_parent=parent is not None)


def username(value: Any) -> str | None:
    """Return a public name without its "@", as it was written; None when WhatsApp could not have given it."""
    match = _USERNAME.fullmatch(shapes.text(value).strip())
    return match["name"] if match else None
