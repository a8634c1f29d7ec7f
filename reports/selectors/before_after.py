"""What changed on a day: a figure of CS quality in the weeks before it and in those from it on (docs/metrics.md,
"Before and after").

A figure is counted as the report of agents counts it, for each side as one period, and for each week by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from reports.selectors import activity_facts, agents, medians, periods, periods_together, shares
from reports.selectors.facts import Facts
from reports.selectors.medians import MedianDifference
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.shares import Share, ShareDifference, share

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that may be compared. `rows` is the count whose facts stand behind it.

    A share has no `seconds`; a time has, in SQL over the columns of its facts. `bad` ones are better when low.
    """

    name: str
    rows: str
    seconds: str = ""
    bad: bool = False


METRICS = {
    each.name: each
    for each in (
        Metric("labelled_1h", "labelled_1h_k"),
        Metric("labelled_24h", "labelled_24h_k"),
        Metric("first_label_median_s", "first_labelled", "extract(epoch FROM labelled_at - at)::float8", bad=True),
        Metric("first_reply_median_s", "first_replied", "extract(epoch FROM replied_at - at)::float8", bad=True),
        Metric("graded_high", "graded_high_k"),
        Metric("came_true", "came_true_k"),
        Metric("cold_yet_bought", "cold_yet_bought_k", bad=True),
        Metric("mistap_rate", "mistaps", bad=True),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of the day, or one week of it.

    A share is None where times are compared, and `seconds`, in ascending order, are empty where shares are. `immature`
    and `unknown` are not judged, as in the report of agents.
    """

    period: Period
    share: Share | None
    seconds: Sequence[float] = ()
    immature: int = 0
    unknown: int = 0

    @property
    def median_s(self) -> float | None:
        return medians.median(self.seconds) if self.seconds else None

    @property
    def p90_s(self) -> float | None:
        return medians.quantile(self.seconds, 0.9) if self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAfter:
    """Both sides, each week of a share, and how far after is from before; None where nothing can be said."""

    metric: Metric
    before: Side
    after: Side
    weeks: list[Side]
    difference: ShareDifference | MedianDifference | None

    @property
    def is_better(self) -> bool | None:
        """Whether after is better; None where chance may be the reason."""
        if self.difference is None or not self.difference.is_clear:
            return None
        return (self.difference.value > 0) is not self.metric.bad


def sides(day: date, *, weeks: int) -> tuple[Period, Period]:
    """So many weeks before a business day, and from it on."""
    length = timedelta(days=7 * weeks)
    return periods.of_days(day - length, day), periods.of_days(day, day + length)


def compare(question: Question, metric: Metric, day: date, *, weeks: int, agent: int | None) -> BeforeAfter:
    """A figure of all agents, or of one; the question spans both sides. Two or three queries of facts."""
    before, after = sides(day, weeks=weeks)
    if metric.seconds:
        return _of_times(question, metric, before, after, agent)
    first = day - timedelta(days=7 * weeks)
    spans = [periods.of_days(first + n * WEEK, first + (n + 1) * WEEK) for n in range(2 * weeks)]
    spans = [span for span in spans if span.start < question.now]
    found = [_side(metric, *each) for each in _counted(question, metric, [before, after, *spans], agent)]
    one, other = found[1].share, found[0].share
    assert one is not None
    assert other is not None
    return BeforeAfter(
        metric=metric, before=found[0], after=found[1], weeks=found[2:], difference=shares.difference(one, other)
    )


# -- Shares -----------------------------------------------------------------------------------------------------------


def _counted(
    question: Question, metric: Metric, spans: Sequence[Period], agent: int | None
) -> list[tuple[Period, Mapping[str, Any]]]:
    """The counts of each period by name."""
    values = agents.parameters(question)
    found: list[dict[str, Any]] = [{} for _span in spans]
    for each in _facts(question, metric):
        for counts, of_span in zip(found, _of_agent(each, values, spans, agent), strict=True):
            counts.update(of_span)
    return list(zip(spans, found, strict=True))


def _facts(question: Question, metric: Metric) -> list[Facts]:
    if metric.name != "mistap_rate":
        return [agents.sources(question)[metric.rows]]
    return [
        activity_facts.started(question, "s.agent_id"),
        activity_facts.instant_mistaps(question, "a.added_by_id"),
    ]


def _of_agent(
    each: Facts, values: Mapping[str, Any], spans: Sequence[Period], agent: int | None
) -> list[dict[str, Any]]:
    if agent is None:
        return periods_together.totals(each, values, spans)
    return [rows.get(agent, {}) for rows in periods_together.summaries(each, values, spans)]


def _side(metric: Metric, period: Period, counts: Mapping[str, Any]) -> Side:
    if metric.name == "mistap_rate":
        instant = counts.get("instant_mistaps", 0)
        value = share(counts.get("mistaps", 0) + instant, counts.get("added", 0) + instant)
    else:
        value = share(counts.get(f"{metric.name}_k", 0), counts.get(f"{metric.name}_n", 0))
    return Side(
        period=period,
        share=value,
        immature=counts.get(f"{metric.name}_immature", 0),
        unknown=counts.get(f"{metric.name}_unknown", 0),
    )


# -- Times ------------------------------------------------------------------------------------------------------------


def _of_times(question: Question, metric: Metric, before: Period, after: Period, agent: int | None) -> BeforeAfter:
    each, values = agents.sources(question)[metric.rows], agents.parameters(question)
    measured = periods_together.measured(
        each, metric.rows, metric.seconds, values, [before, after], who=agent, everybody=agent is None
    )
    old, new = (
        Side(period=period, share=None, seconds=seconds)
        for period, seconds in zip((before, after), measured, strict=True)
    )
    return BeforeAfter(
        metric=metric, before=old, after=new, weeks=[], difference=medians.difference(new.seconds, old.seconds)
    )
