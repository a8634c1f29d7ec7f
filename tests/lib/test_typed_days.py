"""Days and times as people type them."""

from __future__ import annotations

from datetime import date, time

import pytest

from labelcrm.lib.typed_days import read_day, read_day_and_time

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    "text",
    [
        "29/11/2026", "29-11-2026", "29.11.2026", "29/11/26", "29/11", "2026-11-29", "2026/11/29", "29 Nov 2026",
        "29 nov 2026", "29 November 2026", "29 nopember", "29 Nov. 2026", "29-Nov-2026", "29nov", "Nov 29, 2026",
        "November 29", "besok", "Besok", "tomorrow", "  29   Nov  2026 ", "29 Nov, 2026",
    ],
)  # fmt: skip
def test_a_day_is_read_however_it_is_written(text: str) -> None:
    assert read_day(text, today=TODAY) == date(2026, 11, 29)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("kemarin", date(2026, 11, 27)), ("yesterday", date(2026, 11, 27)), ("hari ini", TODAY), ("today", TODAY),
        ("lusa", date(2026, 11, 30)), ("3/4/2026", date(2026, 4, 3)), ("1 Mei 2026", date(2026, 5, 1)),
        ("1 May 2026", date(2026, 5, 1)), ("1 Agu 2026", date(2026, 8, 1)), ("1 Agt 2026", date(2026, 8, 1)),
        ("1 Okt 2026", date(2026, 10, 1)), ("1 Des 2026", date(2026, 12, 1)), ("29 Feb 2028", date(2028, 2, 29)),
    ],
)  # fmt: skip
def test_the_day_comes_before_the_month_and_both_languages_count(text: str, day: date) -> None:
    assert read_day(text, today=TODAY) == day


@pytest.mark.parametrize(
    "text",
    ["", "soon", "30 Feb 2026", "29 Feb 2026", "32/1/2026", "1/13/2026", "29", "2026", "29 no 2026", "²/1/2026",
     "0/0/0", "29 Nov 2026 x", "1 Jan 202", "tomorrow 9:00", "99999999", "0000-01-01"],
)  # fmt: skip
def test_what_is_no_day_is_none(text: str) -> None:
    assert read_day(text, today=TODAY) is None


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("29 Nov 2026", None), ("29 Nov 2026 14.30", time(14, 30)), ("29 Nov 2026, 14:30", time(14, 30)),
        ("29.11.2026 14.30", time(14, 30)), ("2026-11-29T14:30", time(14, 30)), ("2026-11-29 14:30:59", time(14, 30)),
        ("besok jam 9", time(9)), ("besok pukul 09.15", time(9, 15)), ("tomorrow at 0:05", time(0, 5)),
        ("29/11 7.00", time(7)),
    ],
)  # fmt: skip
def test_a_time_may_stand_behind_the_day(text: str, clock: time | None) -> None:
    assert read_day_and_time(text, today=TODAY) == (date(2026, 11, 29), clock)


@pytest.mark.parametrize("text", ["29 Nov 2026 24:00", "29 Nov 2026 12:60", "14:30", "besok 9", "jam 9", "x 10:00"])
def test_a_time_that_there_is_not_makes_no_day(text: str) -> None:
    assert read_day_and_time(text, today=TODAY)[0] is None
