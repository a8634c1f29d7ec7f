"""Which times people may mean. What lies far outside cannot be read back from the database in every time zone."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.forms import DateTimeField

EARLIEST_YEAR, LATEST_YEAR = 1900, 9000


def is_within_reach(moment: date) -> bool:
    """True for a day or time that somebody may mean."""
    return EARLIEST_YEAR <= moment.year <= LATEST_YEAR


def check_reach(moment: date) -> None:
    """A validator for form fields. Raises ValidationError."""
    if not is_within_reach(moment):
        raise ValidationError(DateTimeField.default_error_messages["invalid"], code="invalid")
