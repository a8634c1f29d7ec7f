"""Periods `[start, end)` in the time zone of the business (docs/metrics.md, "Ground rules")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from django.utils import timezone

DEFAULT_DAYS = 30
LONGEST = timedelta(days=3660)
PROVISIONAL = timedelta(minutes=15)  # late posts, quick undos and holes may still change what is so young
PRESETS = ("today", "yesterday", "last_7", "last_30", "last_60", "last_90", "this_month", "last_month")


class PeriodError(ValueError):
    """A period that cannot be meant; `code` is `empty_period` or `too_long`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)`; both have a time zone."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment < self.end

    @property
    def days(self) -> tuple[date, date] | None:
        """The business days `[first, last)` that the period is made of; None when it cuts one."""
        first, last = timezone.localtime(self.start), timezone.localtime(self.end)
        whole = first.time() == last.time() == time.min
        return (first.date(), last.date()) if whole else None


def is_provisional(end: datetime, *, now: datetime) -> bool:
    """Whether figures up to `end` hold moments that are provisional at `now`."""
    return end > now - PROVISIONAL


def midnight(day: date) -> datetime:
    """The first moment of a business day."""
    return timezone.make_aware(datetime.combine(day, time.min))


def of_days(first: date, last: date) -> Period:
    """The business days from `first` up to, not including, `last`."""
    return Period(midnight(first), midnight(last))


def between(start: datetime | None, end: datetime | None, *, now: datetime) -> Period:
    """The period from `start` to `end`; what is missing is the end of today, and 30 days before the end.

    Raises PeriodError when it is empty or longer than ten years.
    """
    if end is None:
        end = midnight(_today(now) + timedelta(days=1))
    if start is None:
        start = midnight(timezone.localtime(end).date() - timedelta(days=DEFAULT_DAYS))
    if start >= end:
        raise PeriodError("empty_period")
    if end - start > LONGEST:
        raise PeriodError("too_long")
    return Period(start, end)


def preset(name: str, *, now: datetime) -> Period:
    """One of PRESETS; each ends with today, except `yesterday` and `last_month`. Raises KeyError."""
    today = _today(now)
    tomorrow, month = today + timedelta(days=1), today.replace(day=1)
    first, last = {
        "today": (today, tomorrow),
        "yesterday": (today - timedelta(days=1), today),
        "last_7": (tomorrow - timedelta(days=7), tomorrow),
        "last_30": (tomorrow - timedelta(days=30), tomorrow),
        "last_60": (tomorrow - timedelta(days=60), tomorrow),
        "last_90": (tomorrow - timedelta(days=90), tomorrow),
        "this_month": (month, tomorrow),
        "last_month": ((month - timedelta(days=1)).replace(day=1), month),
    }[name]
    return of_days(first, last)


def before(period: Period) -> Period:
    """What a period is compared with: of a month the one before, else as many days, or as long a time, before it."""
    if period.days is None:
        return Period(period.start - (period.end - period.start), period.start)
    first, last = period.days
    if first.day == 1 and last == _next_month(first):
        return of_days((first - timedelta(days=1)).replace(day=1), first)
    return of_days(first - (last - first), first)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def weeks(last: date, *, count: int) -> list[Period]:
    """So many weeks, from Monday on, the last of them the one of a business day."""
    monday = last - timedelta(days=last.weekday())
    return [of_days(monday - timedelta(days=7 * n), monday - timedelta(days=7 * (n - 1))) for n in range(count)][::-1]


def months(last: date, *, count: int) -> list[Period]:
    """So many months, the last of them the one of a business day."""
    firsts = [_next_month(last.replace(day=1)), last.replace(day=1)]
    while len(firsts) <= count:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    return [of_days(first, after) for after, first in pairwise(firsts)][::-1]


def judged(*, now: datetime, after: timedelta) -> Period:
    """The newest DEFAULT_DAYS business days that are so long over that whoever is judged `after` a time can be."""
    last = timezone.localtime(now - after).date()
    return of_days(last - timedelta(days=DEFAULT_DAYS), last)


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
