"""Label activity day by day: what began and ended on each business day, and what was active at its ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from labelcrm.core.bulk import transpose
from reports.selectors import activity_facts, facts, label_days
from reports.selectors.facts import Facts
from reports.selectors.label_days import BY_DAY
from reports.selectors.periods import Period, midnight
from reports.selectors.questions import Question
from reports.selectors.row_keys import DAYS

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class CountedDays:
    """What each day that has anything counts, and how many spells were active when the period began."""

    active_from: int
    days: dict[date, dict[str, Any]] = field(default_factory=dict)


def days_of(period: Period) -> Iterator[date]:
    """The business days that a period meets."""
    day, last = (timezone.localtime(at).date() for at in (period.start, period.end - MICROSECOND))
    while day <= last:
        yield day
        day += DAY


def facts_of(question: Question) -> list[Facts]:
    """What began and what ended, by day, and each day once more with what was active at its beginning and end."""
    return [
        activity_facts.started(question, _business_day("s.started_at"), key=DAYS),
        activity_facts.ended(question, _business_day("s.ended_at"), key=DAYS),
        activity_facts.instant_mistaps(question, _business_day("a.added_at"), key=DAYS),
        _active(question),
    ]


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `facts_of` ask for besides those of the question."""
    rows = [(day, *_ends(day, question.period)) for day in days_of(question.period)]
    return {
        "zone": settings.TIME_ZONE,
        **dict(zip(("day", "day_start", "day_end"), transpose(rows, 3), strict=True)),
    }


def counted(question: Question) -> CountedDays:
    """The counts of every day, the ends from the sums of days where these say what the filters leave."""
    values = question.spell_parameters | parameters(question)
    started, ended, instant, _active = facts_of(question)
    days: dict[date, dict[str, Any]] = {}
    scope = label_days.scope_of(question) if label_days.are_enough(question) else None
    if scope is None:
        ends, active_from = facts.summarize(ended, values), _active_from(question, values)
    else:
        ends = label_days.changes(question, BY_DAY, scopes=[scope])
        active_from = sum(counts.pop("active_from") for counts in ends.values())
    for found in (facts.summarize(started, values), ends, facts.summarize(instant, values)):
        for day, counts in found.items():
            days.setdefault(day, {}).update(counts)
    return CountedDays(active_from, days)


def _active_from(question: Question, values: dict[str, Any]) -> int:
    each = activity_facts.of_spells(question, "NULL::bigint")
    found = facts.summarize(each, values)
    return int(found[None]["active_from"]) if found else 0


def _ends(day: date, period: Period) -> tuple[datetime, datetime]:
    """As much of a day as the period has."""
    return max(midnight(day), period.start), min(midnight(day + DAY), period.end)


def _business_day(at: str) -> str:
    return f"({at} AT TIME ZONE %(zone)s)::date"


def _active(question: Question) -> Facts:
    """One row per spell and day on which it was active at the beginning or at the end."""
    return Facts(
        key=DAYS,
        expressions=[question.filtered.spells()],
        query="""
            SELECT d.day AS who, s.contact_id, s.label_id, s.started_at AS at,
                   s.started_at < d.day_start AND (s.ended_at IS NULL OR s.ended_at >= d.day_start) AS at_start,
                   s.started_at < d.day_end AND (s.ended_at IS NULL OR s.ended_at >= d.day_end) AS at_end
            FROM unnest(%(day)s::date[], %(day_start)s::timestamptz[], %(day_end)s::timestamptz[])
                 AS d (day, day_start, day_end)
            JOIN spell s ON s.started_at < d.day_end AND (s.ended_at IS NULL OR s.ended_at >= d.day_start)
        """,
        counts={"active_from": "at_start", "active_to": "at_end"},
    )
