"""Working hours: which moment is so many working days ago, and what limits make of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from labels.models import FreeDay, StaleClock
from labels.rules.working_time import WorkingTime
from labels.selectors import working_time

JAKARTA = ZoneInfo("Asia/Jakarta")
WEEK = WorkingTime(frozenset({1, 2, 3, 4, 5}), time(8), time(17), frozenset({date(2026, 3, 19)}), JAKARTA)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


@pytest.mark.parametrize(
    ("now", "days", "moment"),
    [
        ("2026-03-09T10:00", 1, "2026-03-06T10:00"),  # Monday to Friday
        ("2026-03-08T10:00", 1, "2026-03-05T17:00"),  # on Sunday all of Friday is one day
        ("2026-03-10T17:00", 1, "2026-03-09T17:00"),  # a whole day, and the night before is as old
        ("2026-03-10T23:00", 1, "2026-03-09T17:00"),
        ("2026-03-10T07:00", 2, "2026-03-05T17:00"),
        ("2026-03-20T12:30", 1, "2026-03-18T12:30"),  # over a free day
        ("2026-03-13T08:00", 5, "2026-03-05T17:00"),
        ("2026-03-10T12:00", 0, "2026-03-10T12:00"),
    ],
)
def test_so_many_working_days_ago(now: str, days: int, moment: str) -> None:
    assert WEEK.moment_before(at(now), days=days) == at(moment)


@pytest.mark.parametrize("days", [1, 3, 14])
def test_the_moment_parts_what_is_older_from_what_is_not(days: int) -> None:
    """Against adding up hour by hour how old something is."""
    now = at("2026-03-20T12:00")
    moment = WEEK.moment_before(now, days=days)
    for hours in range(24 * 40):
        clock = now - timedelta(hours=hours)
        assert (clock < moment) == (_age(clock, now) > days * 9), clock


def _age(clock: datetime, now: datetime) -> int:
    """Working hours between two full hours."""
    found = 0
    while clock < now:
        local = clock.astimezone(JAKARTA)
        works = local.isoweekday() in WEEK.weekdays and local.date() not in WEEK.free
        found += works and 8 <= local.hour < 17
        clock += timedelta(hours=1)
    return found


def test_without_a_working_day_in_reach_nothing_is_old_enough() -> None:
    never = WorkingTime(frozenset({1}), time(8), time(9), frozenset(), JAKARTA)
    assert never.moment_before(at("2026-03-09T10:00"), days=9999) < at("2016-01-01T00:00")


@pytest.mark.django_db
def test_holidays_and_free_days_are_left_out_once_somebody_says_so() -> None:
    now = datetime(2026, 8, 18, 5, tzinfo=UTC)
    assert working_time.in_use(now) is None
    clock = StaleClock.objects.create(pk=1, working_time=True, weekdays=[1, 2, 3, 4, 5])
    FreeDay.objects.create(day=date(2026, 8, 14), name="Cuti")
    hours = working_time.in_use(now)
    assert hours is not None
    assert {date(2026, 8, 17), date(2026, 8, 14), date(2025, 12, 25)} <= hours.free
    StaleClock.objects.update(public_holidays=False)
    hours = working_time.in_use(now)
    assert hours is not None
    assert hours.free == {date(2026, 8, 14)}
    assert (clock.opens, clock.closes) == (time(8), time(17))
