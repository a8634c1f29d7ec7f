"""Cohorts: who of each week had reached a step within so many weeks (docs/metrics.md, "Stage and movement").

Each contact's weeks are its own, from its first message. A cell is there as soon as the whole cohort is that old, so
no cell of a row is of fewer people than the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors.facts import Facts, expressions_of
from reports.selectors.questions import Question
from reports.selectors.row_keys import DAYS
from reports.selectors.stages import ARRIVED, STAGED, people, stage_parameters, stage_steps, with_staged

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRow:
    """The contacts whose first message came in the week that begins on the Monday `week`.

    None are those of before labelcrm, who are known by pairing or an import alone. `reached[w]` had reached the step
    within (w + 1) × 7 days.
    """

    week: date | None
    contacts: int
    reached: list[int]

    def __str__(self) -> str:
        return str(date_format(self.week)) if self.week else ""


def usual_step() -> int | None:
    """The step of cohorts when nobody says which: that of the first label that means won, else the last."""
    won = (
        Label.objects.filter(meaning="won", step__isnull=False).order_by("step").values_list("step", flat=True).first()
    )
    return won if won is not None else max(stage_steps().values(), default=None)


def report(question: Question, *, step: int | None) -> list[CohortRow]:
    """One row per week with contacts in it, "before labelcrm" first. One query."""
    each, cohorts = _facts(question), defaultdict[date | None, _WeekOfContacts](_WeekOfContacts)
    statement = _GROUPED.format(expressions=expressions_of(each), facts=each.query)
    for week, after, contacts, youngest in fetch(statement, parameters(question, step=step)):
        cohorts[week].read(after, contacts, youngest)
    rows = [cohort.row(week, question.now) for week, cohort in cohorts.items()]
    return sorted(rows, key=lambda row: row.week or date.min)


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count: `contacts`, `reached_w0`, `reached_w1` and so on."""
    each = _facts(question)
    return dict.fromkeys(each.counts, each)


def parameters(question: Question, *, step: int | None) -> dict[str, Any]:
    """The values that the queries of `sources` ask for; `step` is the step that counts."""
    return {
        **question.parameters,
        **stage_parameters(stage_steps()),
        "step": step,
        "zone": timezone.get_default_timezone_name(),
    }


# -- Facts ------------------------------------------------------------------------------------------------------------

# Known by pairing or an import alone: no message, and no label but those that were there then.
_BEFORE = """
    a.is_silent AND NOT EXISTS (
        SELECT FROM labels_labelassignment g
        WHERE g.contact_id = a.contact_id AND g.origin NOT IN ('import', 'resync') {chosen})
"""


def _facts(question: Question) -> Facts:
    """Contacts by week, and again those who reached the step, `after` so many whole weeks (0: within the first)."""
    chosen = "" if question.filters.channels is None else "AND g.channel_id = ANY(%(channels)s::bigint[])"
    clean = question.filtered.clean(labels=False, certain=False)
    weeks = max(0, (question.now - question.period.start) // WEEK)
    counts = {"contacts": "after IS NULL"} | {f"reached_w{n}": f"after <= {n}" for n in range(weeks)}
    return Facts(
        key=DAYS,
        expressions=[people(question), clean, ARRIVED, STAGED],
        query=f"""
            SELECT c.who, c.contact_id, told.label_id, told.at, told.after, c.arrived_at
            FROM (
                SELECT a.contact_id, a.at AS arrived_at,
                       CASE WHEN {_BEFORE.format(chosen=chosen)} THEN NULL
                            ELSE date_trunc('week', a.at AT TIME ZONE %(zone)s)::date END AS who,
                       min(s.started_at) AS reached_at,
                       (array_agg(s.label_id ORDER BY s.started_at, s.label_id))[1] AS label_id
                FROM arrived a
                {with_staged(question, "s.step >= %(step)s::smallint")}
                GROUP BY a.contact_id, a.at, a.is_silent
            ) AS c
            CROSS JOIN LATERAL (VALUES
                (NULL::bigint, c.arrived_at, NULL::int),
                (c.label_id, c.reached_at,
                 greatest(0, floor(extract(epoch FROM c.reached_at - c.arrived_at) / 604800))::int)
            ) AS told (label_id, at, after)
            WHERE told.at IS NOT NULL
        """,  # noqa: S608
        counts=counts,
    )


_GROUPED = """
    {expressions}
    SELECT who, after, count(*), max(arrived_at) FROM ({facts}) AS facts GROUP BY who, after
"""


@dataclass(slots=True)
class _WeekOfContacts:
    """What the lines of one week say, put together."""

    contacts: int = 0
    youngest: datetime | None = None
    reached: Counter[int] = field(default_factory=Counter)

    def read(self, after: int | None, contacts: int, youngest: datetime) -> None:
        if after is None:
            self.contacts, self.youngest = contacts, youngest
        else:
            self.reached[after] = contacts

    def row(self, week: date | None, now: datetime) -> CohortRow:
        assert self.youngest is not None
        whole = max(0, (now - self.youngest) // WEEK)
        return CohortRow(week=week, contacts=self.contacts, reached=list(_sums(self.reached, whole)))


def _sums(per_week: Mapping[int, int], weeks: int) -> Iterator[int]:
    """How many had reached it by the end of each week."""
    total = 0
    for week in range(weeks):
        total += per_week[week]
        yield total
