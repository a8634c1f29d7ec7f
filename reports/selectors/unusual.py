"""Unusual activity: who put labels on in masses, undid them at once or moved chats back and forth, day by day.

docs/metrics.md, "Label activity" (Mistap, Batch, Flip-flop). The same facts as those of CS quality, one row per kind,
CS and business day. What somebody set from here in masses is a kind of its own: it is meant to be done so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from contacts.models import Agent
from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors import activity_facts, facts, work_facts
from reports.selectors.facts import Facts
from reports.selectors.questions import Question
from reports.selectors.row_keys import UNUSUAL_DAYS, unusual_day, unusual_day_of

BATCH, HERE, MISTAP, FLIP_FLOP = "batch", "here", "mistap", "flip_flop"
KINDS = (BATCH, HERE, MISTAP, FLIP_FLOP)
FEWEST = {BATCH: 1, HERE: 1, MISTAP: 3, FLIP_FLOP: 3}
"""So many of a kind on one day are worth a look; fewer happen to everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualRow:
    """What one CS (None: nobody known) did of one kind on one day.

    `taps` are labels, `times` how many batches they were (of other kinds as many as taps). `label` is the one that most
    of them are, `label_taps` times.
    """

    kind: str
    agent: int | None
    agent_name: str
    day: date
    taps: int
    contacts: int
    times: int
    first_at: datetime
    last_at: datetime
    label: int
    label_name: str
    label_taps: int

    @property
    def key(self) -> str:
        """What names the row."""
        return unusual_day(self.kind, self.agent, self.day)

    @property
    def stands_out(self) -> bool:
        """Whether there is more of it than happens to everybody."""
        return self.taps >= FEWEST[self.kind]


def report(question: Question) -> list[UnusualRow]:
    """The newest day first, and of a day what is most."""
    each = _facts(question)
    statement = f"{facts.expressions_of(each)} {_COUNTED.format(query=each.query)}"
    found = fetch(statement, parameters(question))
    totals = {who: row for who, label, *row in found if label is None}
    most: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for who, label, taps, *_rest in found:
        if label is not None:
            most[who] = max(most[who], (taps, -label))
    labels = Label.all_objects.in_bulk({-label for _taps, label in most.values()})
    agents = Agent.all_objects.in_bulk({agent for *_rest, agent, _day in totals.values() if agent is not None})
    rows = [_row(who, total, most[who], labels, agents) for who, total in totals.items()]
    return sorted(rows, key=lambda row: (-row.day.toordinal(), KINDS.index(row.kind), -row.taps, row.agent or 0))


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind the count of the report."""
    return {"taps": _facts(question)}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of this module ask for."""
    return {**question.spell_parameters, **work_facts.PARAMETERS, "zone": settings.TIME_ZONE}


def _row(
    who: str,
    total: list[Any],
    most: tuple[int, int],
    labels: Mapping[int, Label],
    agents: Mapping[int, Agent],
) -> UnusualRow:
    taps, contacts, times, first_at, last_at, kind, agent, day = total
    return UnusualRow(
        kind=kind,
        agent=agent,
        agent_name=agents[agent].name if agent is not None else "",
        day=day,
        taps=taps,
        contacts=contacts,
        times=times,
        first_at=timezone.localtime(first_at),
        last_at=timezone.localtime(last_at),
        label=-most[1],
        label_name=str(labels[-most[1]]),
        label_taps=most[0],
    )


# -- Facts ------------------------------------------------------------------------------------------------------------


def _facts(question: Question) -> Facts:
    batches, taps, returns = (
        work_facts.batches(question),
        activity_facts.taps(question),
        work_facts.flip_flops(question),
    )
    return Facts(
        key=UNUSUAL_DAYS,
        expressions=_together(batches, taps, returns),
        query=_TAPS.format(
            who=unusual_day_of("kind", "agent_id", "day"),
            batches=batches.query,
            in_period=batches.counts["batch_labels"],
            taps=taps.query,
            returns=returns.query,
        ),
        counts={"taps": "true"},
    )


def _together(*several: Facts) -> list[str]:
    """The expressions of several facts, each once: those of one question are the same text."""
    return list(dict.fromkeys(expression for each in several for expression in each.expressions))


# -- SQL --------------------------------------------------------------------------------------------------------------

_DAY = "(at AT TIME ZONE %(zone)s)::date"
_TAPS = f"""
    SELECT {{who}} AS who, kind, agent_id, day, contact_id, label_id, at, is_first FROM (
        SELECT CASE WHEN method = 'crm_user' THEN '{HERE}' ELSE '{BATCH}' END AS kind, who AS agent_id, {_DAY} AS day,
               contact_id, label_id, at, is_first
        FROM ({{batches}}) AS batches WHERE {{in_period}}
        UNION ALL
        SELECT '{MISTAP}', who, {_DAY}, contact_id, label_id, at, true FROM ({{taps}}) AS taps WHERE undone
        UNION ALL
        SELECT '{FLIP_FLOP}', who, {_DAY}, contact_id, label_id, at, true FROM ({{returns}}) AS returns
    ) AS tap
"""  # noqa: S608
_COUNTED = """
    SELECT who, label_id, count(*)::int, count(DISTINCT contact_id)::int,
           greatest(count(*) FILTER (WHERE is_first), 1)::int, min(at), max(at), min(kind), min(agent_id), min(day)
    FROM ({query}) AS taps GROUP BY GROUPING SETS ((who), (who, label_id))
"""
