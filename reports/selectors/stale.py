"""Stale labels: flags set, closed and open, per label and agent (docs/metrics.md, "Stale and contradictions")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contacts.models import Agent
from labels.models import Label
from reports.selectors import facts
from reports.selectors.facts import Facts
from reports.selectors.questions import Question
from reports.selectors.row_keys import FLAGS, flags, flags_of

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

    @property
    def key(self) -> str:
        """What names the row: its label and agent."""
        return flags(self.label, self.agent)


def report(question: Question) -> list[StaleRow]:
    """The labels and agents that had a flag in the period, most open ones first. One query, and the names."""
    found = facts.summarize(_facts(question), parameters(question))
    labels = Label.all_objects.in_bulk({counts["label"] for counts in found.values()})
    agents = Agent.all_objects.in_bulk({counts["agent"] for counts in found.values() if counts["agent"] is not None})
    until = min(question.period.end, question.now)
    rows = [_row(counts, labels, agents, until) for counts in found.values()]
    return sorted(rows, key=lambda row: (-row.open, row.label, row.agent is None, row.agent or 0))


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the report."""
    each = _facts(question)
    return dict.fromkeys(each.counts, each)


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    filters = question.filters
    return {
        "start": question.period.start,
        "end": question.period.end,
        "channels": None if filters.channels is None else sorted(filters.channels),
        "labels": None if filters.labels is None else sorted(filters.labels),
    }


def _row(
    counts: Mapping[str, Any], labels: Mapping[int, Label], agents: Mapping[int, Agent], until: datetime
) -> StaleRow:
    agent = agents.get(counts["agent"])
    return StaleRow(
        label=counts["label"],
        name=str(labels[counts["label"]]),
        agent=counts["agent"],
        agent_name=agent.name if agent is not None else "",
        flagged=counts["flagged"],
        closed=counts["closed"],
        open=counts["open"],
        oldest_days=_age(counts["oldest"], until),
        oldest_at_least=bool(counts["at_least"]),
    )


def _age(since: datetime | None, until: datetime) -> float | None:
    return None if since is None else round((until - since) / DAY, 2)


_OPEN = "closed_at IS NULL OR closed_at >= %(end)s"


def _facts(question: Question) -> Facts:
    """Flags that were open in the period, by label and owner."""
    chosen = "" if question.filters.channels is None else _OF_CHANNELS
    return Facts(
        key=FLAGS,
        query=f"""
            SELECT {flags_of("f.label_id", "f.owner_id")} AS who, f.contact_id, f.label_id, f.flagged_at AS at,
                   f.owner_id, f.flagged_at, f.closed_at, f.clock_started_at, f.age_at_least
            FROM labels_staleflag f
            JOIN contacts_contact c ON c.id = f.contact_id AND c.deleted_at IS NULL
            WHERE f.flagged_at < %(end)s AND (f.closed_at IS NULL OR f.closed_at >= %(start)s)
              AND (%(labels)s::bigint[] IS NULL OR f.label_id = ANY(%(labels)s::bigint[]))
              {chosen}
        """,  # noqa: S608 - SQL from this module
        counts={"flagged": "flagged_at >= %(start)s", "closed": "closed_at < %(end)s", "open": _OPEN},
        measures={
            "label": "min(label_id)",
            "agent": "min(owner_id)",
            "oldest": f"min(clock_started_at) FILTER (WHERE {_OPEN})",
            "at_least": f"(array_agg(age_at_least ORDER BY clock_started_at) FILTER (WHERE {_OPEN}))[1]",
        },
    )


# A condition of its own, not an alternative to "all": only then the planner may join the spells instead of asking for
# those of each flag.
_OF_CHANNELS = """
    AND EXISTS (SELECT FROM labels_cleanspell s WHERE s.contact_id = f.contact_id AND s.label_id = f.label_id
                AND s.started_at = f.spell_started_at AND s.channel_id = ANY(%(channels)s::bigint[]))
"""
