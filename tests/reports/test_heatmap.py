"""When people write and when labels are put on; and what a period is compared with."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from reports.selectors import heatmap, periods
from reports.selectors.periods import Period
from tests.reports.recorded import ZONE
from tests.reports.slow import Slow
from tests.reports.test_label_activity import FILTERS, asked
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db


def slow_hours(slow: Slow) -> tuple[Counter[Any], Counter[Any]]:
    def hour(at: datetime) -> tuple[int, int]:
        local = at.astimezone(ZONE)
        return local.weekday(), local.hour

    here = slow.channels if slow.channels is not None else set(slow.channel)
    written = [m for m in slow.messages if not m.from_me and not m.history and slow.within(m.at)]
    written = [m for m in written if m.channel_id in here]
    if slow.brought_by is not None:
        written = [m for m in written if slow.first_campaign(m.contact_id) in slow.brought_by]
    added = [s for s in slow.spells if not s.found and slow.within(s.started_at)]
    return Counter(hour(m.at) for m in written), Counter(hour(s.started_at) for s in added)


def test_the_heatmap_equals_the_slow_computation_for_every_filter() -> None:
    World(41, contacts=16).play()
    for chosen in FILTERS:
        question, slow = asked(day(3.3), day(40), chosen)
        rows = heatmap.report(question)
        assert [(row.weekday, row.hour) for row in rows] == [(d, h) for d in range(7) for h in range(24)]
        got = tuple(
            Counter({(row.weekday, row.hour): getattr(row, name) for row in rows if getattr(row, name)})
            for name in ("inbound", "added")
        )
        assert got == slow_hours(slow), chosen
        assert all(got) or chosen, "zeros prove nothing"


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
