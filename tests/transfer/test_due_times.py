"""When a schedule is due: month ends, the leap day, the business's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.due_times import DAILY, MONTHLY, WEEKLY, Rhythm

JAKARTA = ZoneInfo("Asia/Jakarta")


def dues(rhythm: Rhythm, start: str, count: int) -> list[str]:
    """The next due times from a moment in Jakarta on, as its clock shows them."""
    moment, found = datetime.fromisoformat(start).replace(tzinfo=JAKARTA), []
    for _ in range(count):
        moment = rhythm.after(moment, JAKARTA)
        found.append(f"{moment.astimezone(JAKARTA):%Y-%m-%d %H:%M}")
    return found


def test_every_day_at_an_hour_of_the_business() -> None:
    assert dues(Rhythm(every=DAILY, hour=8), "2026-02-27 08:00", 3) == [
        "2026-02-28 08:00", "2026-03-01 08:00", "2026-03-02 08:00",
    ]  # fmt: skip


def test_an_hour_is_due_from_its_first_minute_on() -> None:
    rhythm = Rhythm(every=DAILY, hour=0)
    before = datetime(2026, 3, 1, 23, 59, 59, tzinfo=JAKARTA)
    midnight = datetime(2026, 3, 2, tzinfo=JAKARTA)
    assert rhythm.after(before, JAKARTA) == midnight == rhythm.latest(midnight, JAKARTA)
    assert rhythm.latest(before, JAKARTA) == midnight - timedelta(days=1)


def test_a_monday_is_the_business_s_monday() -> None:
    """At 01:00 in Jakarta it is still Sunday in UTC."""
    rhythm = Rhythm(every=WEEKLY, weekday=0, hour=1)
    assert dues(rhythm, "2026-11-29 12:00", 2) == ["2026-11-30 01:00", "2026-12-07 01:00"]
    assert rhythm.after(datetime(2026, 11, 29, tzinfo=UTC), JAKARTA) == datetime(2026, 11, 29, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "start", "expected"),
    [
        (31, "2026-01-31 09:00", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        (30, "2026-01-30 09:00", ["2026-02-28", "2026-03-30"]),
        (29, "2026-01-29 09:00", ["2026-02-28", "2026-03-29"]),
        (29, "2028-01-29 09:00", ["2028-02-29", "2028-03-29"]),
        (31, "2028-02-01 00:00", ["2028-02-29", "2028-03-31"]),
        (1, "2026-12-01 08:00", ["2027-01-01", "2027-02-01"]),
    ],
)
def test_a_day_that_a_month_lacks_is_its_last_one(day: int, start: str, expected: list[str]) -> None:
    found = dues(Rhythm(every=MONTHLY, day=day, hour=8), start, len(expected))
    assert [due.split()[0] for due in found] == expected


def test_an_hour_that_summer_time_skips_is_due_once_all_the_same() -> None:
    berlin, rhythm = ZoneInfo("Europe/Berlin"), Rhythm(every=DAILY, hour=2)
    moment, found = datetime(2026, 3, 27, 12, tzinfo=berlin), []
    for _ in range(3):
        moment = rhythm.after(moment, berlin)
        found.append(moment.astimezone(berlin).date().day)
    assert found == [28, 29, 30]


rhythms = st.builds(
    Rhythm, every=st.sampled_from([DAILY, WEEKLY, MONTHLY]), hour=st.integers(0, 23), weekday=st.integers(0, 6),
    day=st.integers(1, 31),
)  # fmt: skip
moments = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))


@given(rhythms, moments)
def test_between_the_latest_and_the_next_due_time_nothing_is_due(rhythm: Rhythm, moment: datetime) -> None:
    latest, following = rhythm.latest(moment, JAKARTA), rhythm.after(moment, JAKARTA)
    assert latest <= moment < following
    assert rhythm.after(latest, JAKARTA) == following
    assert rhythm.latest(following, JAKARTA) == following
