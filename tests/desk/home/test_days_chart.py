"""The picture of the last days."""

from __future__ import annotations

from datetime import date, timedelta

from desk.home.days_chart import HEIGHT, SHORTEST, days_chart
from reports.selectors.spell_counts import SpellCounts

MONDAY = date(2026, 3, 9)


def days(*counts: tuple[int, int]) -> tuple[tuple[date, SpellCounts], ...]:
    return tuple(
        (MONDAY + timedelta(days=n), SpellCounts(added=added, removed=removed))
        for n, (added, removed) in enumerate(counts)
    )


def test_added_and_removed_share_one_scale_and_the_whole_height() -> None:
    found = days_chart(days((30, 10), (15, 0), (0, 20)))
    per_label = HEIGHT / (30 + 20)
    heights = [(float(day.added.height), float(day.removed.height)) for day in found.days]
    assert heights == [(30 * per_label, 10 * per_label), (15 * per_label, 0), (0, 20 * per_label)]


def test_what_was_added_stands_on_the_line_and_what_was_removed_hangs_below() -> None:
    found = days_chart(days((30, 10), (15, 20)))
    line = float(found.line_y)
    for day in found.days:
        assert float(day.added.y) + float(day.added.height) == line
        assert float(day.removed.y) == line
    assert float(found.height) > line + float(found.days[1].removed.height)


def test_a_single_label_is_seen_beside_thousands() -> None:
    first, second = days_chart(days((9000, 0), (1, 1))).days
    assert (second.added.height, second.removed.height) == (f"{SHORTEST:.1f}", f"{SHORTEST:.1f}")
    assert first.added.is_long
    assert not second.added.is_long


def test_days_without_any_change_have_no_bars() -> None:
    found = days_chart(days((0, 0), (0, 0)))
    assert {bar.height for day in found.days for bar in (day.added, day.removed)} == {"0.0"}
    assert (found.added, found.removed) == (0, 0)


def test_the_last_day_is_today_and_every_bar_opens_its_day() -> None:
    found = days_chart(days((1, 2), (3, 4)))
    assert [day.is_today for day in found.days] == [False, True]
    assert found.days[1].removed.link.endswith("?what=removed&day=2026-03-10")
    assert (found.added, found.removed) == (4, 6)
