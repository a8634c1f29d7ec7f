"""Dates and times that come from people and programs: how they are read, and which are refused.

A year far in the past or future is a mistake, and cannot be read back from the database in every time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.forms import DateTimeField
from django.utils import timezone
from django.utils.dateparse import parse_datetime

EARLIEST_YEAR, LATEST_YEAR = 1900, 9000


def is_within_reach(moment: date) -> bool:
    """True for a day or time that somebody may mean."""
    return EARLIEST_YEAR <= moment.year <= LATEST_YEAR


def moment_of(text: str | None, *, offset: bool = False) -> datetime | None:
    """The time, in UTC, that `text` writes in ISO 8601; without an offset business time, or none where `offset` asks.

    A plus that came as a blank, because nobody escaped it, is one. None for what is no time that anybody means.
    """
    try:
        moment = parse_datetime((text or "").replace(" ", "+"))
    except ValueError:  # 2026-02-30
        return None
    if moment is None or not is_within_reach(moment):
        return None
    if moment.tzinfo is None:
        return None if offset else timezone.make_aware(moment)
    return moment.astimezone(UTC)  # PostgreSQL fails on offsets of 16 hours and more, which Python reads


def check_reach(moment: date) -> None:
    """A validator for form fields. Raises ValidationError."""
    if not is_within_reach(moment):
        raise ValidationError(DateTimeField.default_error_messages["invalid"], code="invalid")
