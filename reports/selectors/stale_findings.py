"""Stale labels: one row per label that is on a contact for too long (docs/metrics.md, "Stale and contradictions").

One query for the report, its summary per label and CS, and the column of CS quality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from contacts.models import Agent
from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors import owners
from reports.selectors.facts import Facts
from reports.selectors.questions import Question

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFindingRow:
    """One open finding: a label that is on a contact longer than its limit.

    `since` is when the label came, `days` its age by its clock, which "still right" and, for some labels, a message in
    start anew; at least that when `at_least`. `over_days` are those beyond `limit_days`. `agent` owned the number of
    the label at the end of the period.
    """

    contact: int
    label: int
    name: str
    since: datetime
    days: float
    at_least: bool
    limit_days: int
    over_days: float
    flagged_at: datetime
    agent: int | None
    agent_name: str


def report(question: Question) -> list[StaleFindingRow]:
    """Every finding that is open at the end of the period, the one farthest over its limit first."""
    found = fetch(open_flags(question), parameters(question))
    labels = Label.all_objects.in_bulk({row[1] for row in found})
    agents = Agent.all_objects.in_bulk({row[0] for row in found if row[0] is not None})
    until = min(question.period.end, question.now)
    rows = [_row(each, labels, agents, until) for each in found]
    return sorted(rows, key=lambda row: (-row.over_days, row.contact, row.label))


def _row(
    found: Sequence[Any], labels: Mapping[int, Label], agents: Mapping[int, Agent], until: datetime
) -> StaleFindingRow:
    who, label, contact, since, clock_since, at_least, limit, flagged_at = found
    age = (until - clock_since) / DAY
    return StaleFindingRow(
        contact=contact,
        label=label,
        name=str(labels[label]),
        since=timezone.localtime(since),
        days=round(age, 2),
        at_least=at_least,
        limit_days=limit,
        over_days=round(age - limit, 2),
        flagged_at=timezone.localtime(flagged_at),
        agent=who,
        agent_name=agents[who].name if who is not None else "",
    )


def facts_of(question: Question, *, who: str, count: str) -> Facts:
    """One fact per finding, counted as `count`; `who` says, as a column of `open_flags`, in which row."""
    return Facts(
        query=f"SELECT {who} AS who, contact_id, label_id, since AS at FROM ({open_flags(question)}) AS flag",  # noqa: S608
        counts={count: "true"},
    )


def parameters(question: Question) -> dict[str, Any]:
    """The values that `open_flags` asks for, the owners at the end of the period among them."""
    return {
        "end": question.period.end,
        **question.filtered.parameters,
        **owners.then(question.period, now=question.now, channels=question.filters.channels),
    }


def open_flags(question: Question) -> str:
    """A query of the flags that are open at the end of the period, and of who owned the label's number then, `who`.

    Columns: who, label_id, contact_id, since, clock_since, at_least, limit_days, flagged_at.
    """
    filters = question.filters
    narrowed = " AND s.channel_id = ANY(%(channels)s::bigint[])" if filters.channels is not None else ""
    narrowed += " AND f.label_id = ANY(%(labels)s::bigint[])" if filters.labels is not None else ""
    return _OPEN_FLAGS + narrowed


_OPEN_FLAGS = """
    SELECT coalesce(o.agent_id, f.owner_id) AS who, f.label_id, f.contact_id, f.spell_started_at AS since,
           f.clock_started_at AS clock_since, f.age_at_least AS at_least, f.limit_days, f.flagged_at
    FROM labels_staleflag f
    JOIN contacts_contact c ON c.id = f.contact_id AND c.deleted_at IS NULL
    LEFT JOIN labels_cleanspell s ON s.contact_id = f.contact_id AND s.label_id = f.label_id
          AND s.started_at = f.spell_started_at
    LEFT JOIN unnest(%(then_channel)s::bigint[], %(then_agent)s::bigint[]) AS o (channel_id, agent_id)
           ON o.channel_id = s.channel_id
    WHERE f.flagged_at < %(end)s AND (f.closed_at IS NULL OR f.closed_at >= %(end)s)
"""
