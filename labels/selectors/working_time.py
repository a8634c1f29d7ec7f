"""Which time counts for the limits of stale labels: all of it, or working hours without holidays."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from django.conf import settings
from django.utils.translation import get_language

from labels.models import FreeDay, StaleClock
from labels.rules.working_time import FARTHEST, WorkingTime

COUNTRY = "ID"


def in_use(now: datetime) -> WorkingTime | None:
    """The working hours that limits count, as far back as a limit reaches; None where all time counts."""
    clock = StaleClock.objects.filter(working_time=True).first()
    if clock is None:
        return None
    zone = ZoneInfo(settings.TIME_ZONE)
    today = now.astimezone(zone).date()
    free = set(FreeDay.objects.filter(day__lte=today).values_list("day", flat=True))
    if clock.public_holidays:
        free |= public_holidays(today - timedelta(days=FARTHEST), today).keys()
    return WorkingTime(frozenset(clock.weekdays), clock.opens, clock.closes, frozenset(free), zone)


def public_holidays(first: date, last: date) -> dict[date, str]:
    """The public holidays of these years by name, in the language of the moment.

    Days of the Moslem calendar that are to come are estimates.
    """
    words = "id" if get_language() == "id" else "en_US"
    known = holidays.country_holidays(COUNTRY, years=range(first.year, last.year + 1), language=words)
    return dict(sorted(known.items()))
