"""When people write and when labels are put on; and what a period is compared with."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from reports.selectors import facts, heatmap, periods
from reports.selectors.periods import Period
from tests.reports.activity import hours_of
from tests.reports.recorded import ZONE
from tests.reports.test_label_activity import FILTERS, asked
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db


def test_the_heatmap_equals_the_slow_computation_for_every_filter() -> None:
    World(41, contacts=16).play()
    for chosen in FILTERS:
        question, slow = asked(day(3.3), day(40), chosen)
        rows = heatmap.report(question)
        assert [(row.weekday, row.hour) for row in rows] == [(d, h) for d in range(7) for h in range(24)]
        assert [row.hour_of_week for row in rows] == [*range(1, 169)]
        got = {
            name: Counter({(row.weekday, row.hour): getattr(row, name) for row in rows if getattr(row, name)})
            for name in ("inbound", "added")
        }
        assert got == hours_of(slow), chosen
        assert all(got.values()) or chosen, "zeros prove nothing"
        check_rows(question, rows)


def check_rows(question: Any, rows: Any) -> None:
    """What is behind the fullest hour is as many as it says, and of that hour."""
    sources, values = heatmap.sources(question), heatmap.parameters(question)
    for name in ("inbound", "added"):
        most = max(rows, key=lambda row: getattr(row, name))
        found = facts.rows(sources[name], name, values, who=most.hour_of_week, limit=999)
        assert len(found) == getattr(most, name)
        local = [row.at.astimezone(ZONE) for row in found]
        assert {(at.weekday(), at.hour) for at in local} <= {(most.weekday, most.hour)}


def test_both_halves_of_the_heatmap_have_one_scale() -> None:
    rina = Bridge(key="cs1", agent="rina", team="Sales")
    rina.save("1", "Grade A", at=day(-1))
    for n in range(3):
        at = day(0) + timedelta(hours=9, minutes=n)
        rina.post("message", chat=f"628120000000{n}", at=at, message={"id": f"m{n}", "text": "halo"})
    rina.label("added", "1", "6281200000001", at=day(6) + timedelta(hours=23))
    rina.drain()
    rows = heatmap.report(asked(day(0), day(7), {})[0])
    assert [(r.weekday, r.hour, r.inbound, r.added) for r in rows if r.inbound or r.added] == [
        (0, 9, 3, 0),
        (6, 23, 0, 1),
    ]
    assert heatmap.highest(rows) == 3


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        (date(2026, 3, 9), date(2026, 3, 16), (date(2026, 3, 2), date(2026, 3, 9))),
        (date(2026, 3, 1), date(2026, 4, 1), (date(2026, 2, 1), date(2026, 3, 1))),
        (date(2026, 1, 1), date(2026, 2, 1), (date(2025, 12, 1), date(2026, 1, 1))),
        (date(2026, 3, 1), date(2026, 3, 20), (date(2026, 2, 10), date(2026, 3, 1))),
    ],
)
def test_days_are_compared_with_as_many_and_a_month_with_a_month(
    first: date, last: date, before: tuple[date, date]
) -> None:
    assert periods.before(periods.of_days(first, last)) == periods.of_days(*before)


def test_part_of_a_day_is_compared_with_as_long_a_time() -> None:
    assert periods.before(Period(day(1.25), day(1.5))) == Period(day(1), day(1.25))
