"""Form fields of query parameters, as the API and the reports read them: a value that cannot be meant is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from labelcrm.core.dates import is_within_reach
from labelcrm.lib.numbers import row_id, whole_number

MAX_LENGTH = 500  # of a query parameter
# "+07:00" arrives as " 07:00" when the client did not escape the plus.
_LOST_PLUS = re.compile(r"(?P<moment>.*\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (?P<offset>\d\d:?\d\d)", re.ASCII)


class IdField(forms.Field):
    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        pk = row_id(value)
        if pk is None:
            code = "max_value" if whole_number(value, largest=10**MAX_LENGTH) else "invalid"
            raise forms.ValidationError(_("Must be a whole number from 1 on."), code=code)
        return pk


class TrueFalseField(forms.Field):
    WORDS = {"true": True, "false": False}

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in self.WORDS:
            raise forms.ValidationError(_("Must be true or false."), code="invalid")
        return self.WORDS[value]


class CalendarDayField(forms.Field):
    """A day in ISO 8601, such as 2026-03-02."""

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        try:
            day = parse_date(value) if len(value) == len("2026-03-02") else None
        except ValueError:  # 2026-02-30
            day = None
        if day is None:
            raise forms.ValidationError(_("Must be a day such as 2026-03-02."), code="invalid")
        return day


class MomentField(forms.Field):
    """ISO 8601; without an offset it is business time, a bare date is its first moment. Its value is in UTC.

    PostgreSQL fails on offsets of 16 hours and more, which Python reads.
    """

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        if match := _LOST_PLUS.fullmatch(value):
            value = f"{match['moment']}+{match['offset']}"
        moment = _moment(value)
        if moment is None or not is_within_reach(moment):
            sentence = _("Must be a time in ISO 8601, such as 2026-03-02T10:00:00+07:00.")
            raise forms.ValidationError(sentence, code="invalid")
        return (moment if moment.tzinfo else timezone.make_aware(moment)).astimezone(UTC)


def _moment(text: str) -> datetime | None:
    try:
        moment, day = parse_datetime(text), parse_date(text)
    except ValueError:  # 2026-02-30
        return None
    return moment or (datetime.combine(day, time.min) if day else None)
