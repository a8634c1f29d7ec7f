"""Stale labels: flags set, closed and open, per label and agent (docs/metrics.md, "Stale and contradictions")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contacts.models import Agent
from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors.questions import Question

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRow:
    """Flags of one label and agent: set and closed in the period, open at its end.

    `oldest_days` is the age of the oldest open one by its clock, at least that when `oldest_at_least`.
    """

    label: int
    name: str
    agent: int | None
    agent_name: str
    flagged: int
    closed: int
    open: int
    oldest_days: float | None
    oldest_at_least: bool


def report(question: Question) -> list[StaleRow]:
    """The labels and agents that had a flag in the period, most open ones first."""
    filters = question.filters
    until = min(question.period.end, question.now)
    found = fetch(
        _FLAGS.format(chosen="" if filters.channels is None else _OF_CHANNELS),
        {
            "start": question.period.start,
            "end": question.period.end,
            "channels": None if filters.channels is None else sorted(filters.channels),
            "labels": None if filters.labels is None else sorted(filters.labels),
        },
    )
    labels = Label.all_objects.in_bulk({row[0] for row in found})
    agents = Agent.all_objects.in_bulk({row[1] for row in found if row[1] is not None})
    return [
        StaleRow(
            label=label,
            name=str(labels[label]),
            agent=agent,
            agent_name=agents[agent].name if agent is not None else "",
            flagged=flagged,
            closed=closed,
            open=still_open,
            oldest_days=_age(oldest, until),
            oldest_at_least=bool(at_least),
        )
        for label, agent, flagged, closed, still_open, oldest, at_least in found
    ]


def _age(since: datetime | None, until: datetime) -> float | None:
    return None if since is None else round((until - since) / DAY, 2)


_FLAGS = """
    SELECT f.label_id, f.owner_id,
           count(*) FILTER (WHERE f.flagged_at >= %(start)s),
           count(*) FILTER (WHERE f.closed_at < %(end)s),
           count(*) FILTER (WHERE f.closed_at IS NULL OR f.closed_at >= %(end)s) AS open,
           min(f.clock_started_at) FILTER (WHERE f.closed_at IS NULL OR f.closed_at >= %(end)s),
           (array_agg(f.age_at_least ORDER BY f.clock_started_at)
            FILTER (WHERE f.closed_at IS NULL OR f.closed_at >= %(end)s))[1]
    FROM labels_staleflag f
    JOIN contacts_contact c ON c.id = f.contact_id AND c.deleted_at IS NULL
    WHERE f.flagged_at < %(end)s AND (f.closed_at IS NULL OR f.closed_at >= %(start)s)
      AND (%(labels)s::bigint[] IS NULL OR f.label_id = ANY(%(labels)s::bigint[]))
      {chosen}
    GROUP BY f.label_id, f.owner_id
    ORDER BY open DESC, f.label_id, f.owner_id NULLS LAST
"""
# A condition of its own, not an alternative to "all": only then the planner may join the spells instead of asking for
# those of each flag.
_OF_CHANNELS = """
    AND EXISTS (SELECT FROM labels_cleanspell s WHERE s.contact_id = f.contact_id AND s.label_id = f.label_id
                AND s.started_at = f.spell_started_at AND s.channel_id = ANY(%(channels)s::bigint[]))
"""
