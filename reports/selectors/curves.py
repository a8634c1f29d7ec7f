"""Maturity curves: how fast the contacts of each week reached a high quality or bought (docs/metrics.md, "Campaign
quality").

A cohort is the contacts whose touch falls in one week that begins on a Monday. Its line goes as far as its youngest
contact is old, so its contacts are the same on every day and no line falls. On the last day of the window the counts
are those of the campaign report: who had it already, and whose window overlaps a gap, is in neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from django.utils import timezone

from labelcrm.core.bulk import fetch
from reports.limits import ReportLimits
from reports.selectors import campaigns
from reports.selectors.campaigns import CHANNEL, Touch, labelled, touched
from reports.selectors.facts import Facts, expressions_of
from reports.selectors.gaps import GAPS, gap_flags
from reports.selectors.questions import Question, of_kind

OUTCOMES = ("high", "won")
_OF_OUTCOMES = f"AND ({' OR '.join(of_kind(name, 's') for name in OUTCOMES)})"
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRow:
    """The contacts of one campaign (None for those of none) and of the week that begins on the Monday `week`.

    `n` are all of them. `high[d - 1]` of the `high_n` that are judged were of high quality within d × 24 h of their
    touch, and so for `won`. Both lists end with the last day that the youngest contact has behind it.
    """

    campaign: int | None
    code: str
    name: str
    week: date
    n: int
    high_n: int
    high: list[int]
    won_n: int
    won: list[int]

    @property
    def days(self) -> int:
        return len(self.high)


def report(question: Question, *, touch: Touch = Touch.FIRST, week: date | None = None) -> list[CurveRow]:
    """One row per campaign and week with contacts in it, by name and week; "no campaign" comes last. One query."""
    values = parameters(question, week=week)
    window = values["window"] // DAY
    rows = [_row(*line, window=window) for line in fetch(_grouped(_facts(question, touch)), values)]
    return sorted(rows, key=lambda row: (row.campaign is None, row.name.casefold(), row.campaign or 0, row.week))


def sources(question: Question, *, touch: Touch) -> dict[str, Facts]:
    """The facts behind every count: `contacts`, `high_n`, `high_d1` and so on."""
    each = _facts(question, touch)
    return dict.fromkeys(each.counts, each)


def parameters(question: Question, *, week: date | None = None) -> dict[str, Any]:
    """The values that the queries of `sources` ask for; `week` is the only week that they count, None for all."""
    return {**campaigns.parameters(question), "zone": timezone.get_default_timezone_name(), "week": week}


# -- Facts ------------------------------------------------------------------------------------------------------------


def _facts(question: Question, touch: Touch) -> Facts:
    """Contacts by the touch that counts, and on which day after it they reached what (1 = within the first 24 h)."""
    reached = ",\n".join(
        f"coalesce(bool_or(s.started_at < t.at AND {of_kind(name, 's')}), false) AS {name}_already,"
        f" min(s.started_at) FILTER (WHERE s.started_at >= t.at AND {of_kind(name, 's')}) AS {name}_at"
        for name in OUTCOMES
    )
    judged = ",\n".join(
        f"NOT {name}_already AND NOT gap AS {name}_judged,"
        # Two moments are whole days of 24 h and a rest apart, whatever the clocks did in between.
        f" CASE WHEN NOT {name}_already AND NOT gap THEN extract(day FROM {name}_at - t.at)::int + 1 END AS {name}_day"
        for name in OUTCOMES
    )
    counts = {"contacts": "true"}
    for name in OUTCOMES:
        counts[f"{name}_n"] = f"{name}_judged"
        days = ReportLimits.now().campaign // DAY
        counts |= {f"{name}_d{day}": f"{name}_day <= {day}" for day in range(1, days + 1)}
    monday = "date_trunc('week', t.at AT TIME ZONE %(zone)s)::date"
    return Facts(
        expressions=[touched(question, touch), question.filtered.clean(certain=False), GAPS],
        query=f"""
            SELECT t.who, t.contact_id, NULL::bigint AS label_id, t.at, {monday} AS week, {judged}
            FROM ({labelled(question, reached, _OF_OUTCOMES, together=True)}) AS t
            {gap_flags(gap=(CHANNEL, "t.at", "LEAST(%(window)s, %(now)s - t.at)"))}
            WHERE %(week)s::date IS NULL OR {monday} = %(week)s::date
        """,  # noqa: S608
        counts=counts,
    )


def _grouped(facts: Facts) -> str:
    """One line per cohort: how many, who is judged, on which days they reached what, and how old the youngest is."""
    days = ",\n".join(
        f"count(*) FILTER (WHERE {name}_judged), array_agg({name}_day) FILTER (WHERE {name}_day IS NOT NULL)"
        for name in OUTCOMES
    )
    return f"""
        {expressions_of(facts)}
        SELECT cohort.campaign, coalesce(c.code, ''), coalesce(c.name, ''), cohort.week, contacts, days,
               high_n, high_days, won_n, won_days
        FROM (
            SELECT who, week, count(*), extract(day FROM %(now)s - max(at))::int, {days}
            FROM ({facts.query}) AS facts GROUP BY who, week
        ) AS cohort (campaign, week, contacts, days, high_n, high_days, won_n, won_days)
        LEFT JOIN contacts_campaign c ON c.id = cohort.campaign
    """  # noqa: S608


def _row(
    campaign: int | None, code: str, name: str, week: date, contacts: int, age: int, *reached: Any, window: int
) -> CurveRow:
    days = max(0, min(window, age))
    high_n, high_days, won_n, won_days = reached
    return CurveRow(
        campaign=campaign, code=code, name=name, week=week, n=contacts,
        high_n=high_n, high=_line(high_days, days), won_n=won_n, won=_line(won_days, days),
    )  # fmt: skip


def _line(reached: Iterable[int] | None, days: int) -> list[int]:
    """How many had reached it by the end of each day; `reached` is the day of each of them."""
    on_day = [0] * days
    for day in reached or ():
        if day <= days:
            on_day[day - 1] += 1
    return list(accumulate(on_day))


def together(rows: Iterable[CurveRow]) -> list[CurveRow]:
    """The cohorts of all campaigns as one per week, as far as the youngest of them goes."""
    weeks: dict[date, list[CurveRow]] = defaultdict(list)
    for row in rows:
        weeks[row.week].append(row)
    return [_pooled(week, weeks[week]) for week in sorted(weeks)]


def _pooled(week: date, rows: list[CurveRow]) -> CurveRow:
    days = min(row.days for row in rows)
    return CurveRow(
        campaign=None, code="", name="", week=week, n=sum(row.n for row in rows),
        high_n=sum(row.high_n for row in rows), won_n=sum(row.won_n for row in rows),
        high=[sum(row.high[day] for row in rows) for day in range(days)],
        won=[sum(row.won[day] for row in rows) for day in range(days)],
    )  # fmt: skip
