"""Before and after: each side as the report of agents has it, and how sure one may be of the difference."""

from __future__ import annotations

import random
import statistics
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import pytest

from contacts.models import Agent
from reports.columns import total
from reports.selectors import agent_times, agents, before_after, medians
from reports.selectors.before_after import METRICS
from reports.selectors.filtered_spells import Filters
from reports.selectors.medians import MedianDifference
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.shares import Share
from tests.reports.world import World, day

DAY, NOW = date(2026, 3, 30), day(50)


def asked(start: Any, end: Any, **filters: Any) -> Question:
    return Question(Period(start, end), Filters(**filters), NOW)


@pytest.mark.django_db
def test_both_sides_and_every_week_are_what_the_report_of_agents_says() -> None:
    World(12).play()
    rina = Agent.objects.get(code="rina").pk
    whole, some = asked(day(0), day(56)), 0
    for metric in METRICS.values():
        for agent in (None, rina):
            found = before_after.compare(whole, metric, DAY, weeks=4, agent=agent)
            assert (found.before.period.end, found.before.period.start) == (day(28), day(0))
            assert len(found.weeks) == (0 if metric.seconds else 8)
            for side in (found.before, found.after, *found.weeks[2:5]):
                some += check_side(side, metric.name, row_of(side.period, agent), agent)
    assert some > 30, "zeros prove nothing"


@lru_cache
def row_of(period: Period, agent: int | None) -> Any:
    question = asked(period.start, period.end)
    rows = agents.report(question, agents=Agent.objects.all())
    if agent is not None:
        return next(row for row in rows if row.agent == agent)
    together = total(rows)
    vars(together).update(agent_times.of_all(question))
    return together


def check_side(side: Any, figure: str, row: Any, agent: int | None) -> bool:
    wanted = getattr(row, figure)
    if isinstance(wanted, Share):
        assert (side.share.k, side.share.n) == (wanted.k, wanted.n), (figure, agent)
        assert side.immature == getattr(row, f"{figure}_immature", 0)
        assert side.unknown == getattr(row, f"{figure}_unknown", 0)
        return bool(wanted.n)
    assert side.share is None
    assert side.median_s == pytest.approx(wanted), (figure, agent)
    assert len(side.seconds) == (row.first_replied if "reply" in figure else row.first_labelled)
    return wanted is not None


@pytest.mark.django_db
def test_the_time_after_ends_with_today() -> None:
    question = asked(day(22), day(78))
    found = before_after.compare(question, METRICS["labelled_1h"], date(2026, 4, 20), weeks=4, agent=None)
    assert [week.period.start for week in found.weeks] == [day(21 + 7 * n) for n in range(5)]
    assert found.difference is None
    assert found.is_better is None


# -- How sure one may be ----------------------------------------------------------------------------------------------


def test_the_interval_of_two_medians_by_hand() -> None:
    """Nine values: c = 2, P(X < 2) = 10/512, z = 2.0644, SE = (8 - 2) / 2z = 1.4532; both: 1.96 × 1.4532 × √2."""
    one, other = [float(n) for n in range(11, 20)], [float(n) for n in range(1, 10)]
    found = medians.difference(one, other)
    assert found is not None
    assert found.value == 10
    assert (found.low, found.high) == (pytest.approx(10 - 4.028, abs=0.002), pytest.approx(10 + 4.028, abs=0.002))
    assert found.is_clear
    assert medians.difference(one, other[:4]) is None


def test_the_chance_of_ranks_is_the_same_summed_and_by_the_normal_distribution() -> None:
    for n in (600, 990):
        rank = round((n + 1) / 2 - n**0.5)
        summed = medians._width(n, rank)
        assert summed == pytest.approx((n / 2 - rank + 0.5) / (n**0.5 / 2), rel=0.01)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Skewed waits of two sizes, 400 times: about 95 in 100; and it is as wide as a bootstrap's."""
    chance, held = random.Random(7), 0
    for _ in range(400):
        one = sorted(chance.lognormvariate(7.5, 1.4) for _ in range(60))
        other = sorted(chance.lognormvariate(8, 1.4) for _ in range(45))
        found = medians.difference(one, other)
        assert found is not None
        held += found.low <= 2.718281828**7.5 - 2.718281828**8 <= found.high
    assert 0.92 <= held / 400 <= 0.99
    assert (found.high - found.low) / bootstrap_width(one, other, chance) == pytest.approx(1, abs=0.35)


def bootstrap_width(one: list[float], other: list[float], chance: random.Random) -> float:
    again = sorted(
        statistics.median(chance.choices(one, k=len(one))) - statistics.median(chance.choices(other, k=len(other)))
        for _ in range(1000)
    )
    return again[974] - again[24]


def test_better_depends_on_what_the_figure_means() -> None:
    period = Period(day(0), day(0) + timedelta(days=7))
    side = before_after.Side(period=period, share=None)
    for bad, value, better in ((True, -60.0, True), (True, 60.0, False), (False, 60.0, True), (False, -60.0, False)):
        apart = MedianDifference(value, value - 5, value + 5)
        metric = before_after.Metric("x", "x", bad=bad)
        found = before_after.BeforeAfter(metric=metric, before=side, after=side, weeks=[], difference=apart)
        assert found.is_better is better
    unclear = MedianDifference(-1.0, -5.0, 3.0)
    found = before_after.BeforeAfter(metric=metric, before=side, after=side, weeks=[], difference=unclear)
    assert found.is_better is None
