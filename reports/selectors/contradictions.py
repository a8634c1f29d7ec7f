"""Labels that contradict each other on one contact (docs/metrics.md, "Stale and contradictions").

One query for the report, the column of CS quality, the list and segments; what contradicts what is said by the rules
(`labels.selectors.contradictions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import Agent
from labelcrm.core.bulk import execute, fetch
from labels.models import Label
from labels.selectors.contradictions import NEW_ORDER, RULES, findings, reason
from reports.selectors import owners
from reports.selectors.facts import Facts
from reports.selectors.questions import Question

_TIE = "contact_id, rule, rule_id, group_name"
_AFTER = "%(after_contact)s, %(after_rule)s, %(after_rule_id)s, %(after_group)s"
_ORDER = f"since DESC, {_TIE}"
# How far back a page is looked for before all is read.
NEAR = (timedelta(days=4), timedelta(days=60))
ROOM = "SET LOCAL work_mem = '64MB'"


@dataclass(frozen=True, slots=True)
class ContradictionLabel:
    """One of the labels of a finding, and since when it is on the contact."""

    label: int
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionRow:
    """One open finding: labels of a contact, the oldest first, that a rule forbids together.

    `rule` is its kind, `rule_id` the rule itself, `group` the exclusive group where it has several.
    `since` is when the last of them came that it takes. `agent` owned the number of the oldest label at the end of the
    period. `reason` is a sentence in the language of the moment.
    """

    contact: int
    rule: str
    labels: list[ContradictionLabel]
    since: datetime
    agent: int | None
    agent_name: str
    reason: str
    rule_id: int
    group: str


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """Where a page of the list ends: the last finding's time, contact, rule and group."""

    since: datetime
    contact: int
    rule: str
    rule_id: int
    group: str


# -- Rows -------------------------------------------------------------------------------------------------------------


def report(question: Question) -> list[ContradictionRow]:
    """Every finding that is open at the end of the period, the newest first."""
    found = fetch(
        f"WITH {_clean(question)} SELECT contact_id, rule, labels, starts, since, who, rule_id, group_name"  # noqa: S608
        f" FROM ({_owned(question, RULES)}) AS finding ORDER BY {_ORDER}",
        parameters(question),
    )
    return _rows(found)


Counts = dict[tuple[str, int | None], int]  # findings of each kind of rule and owner, new orders among them


def listed(
    question: Question, *, limit: int, after: FindingPlace | None, rules: Sequence[str], agent: int | None
) -> tuple[list[ContradictionRow], Counts | None]:
    """A page of findings, the newest first; and how many there are in all, where all had to be read for it.

    A finding begins with one of its labels. So those of the last days are found among whose label came in these days,
    and a page that they fill is the page of all.
    """
    newest = after.since if after is not None else question.period.end
    for days in NEAR:
        found = _since(newest - days, question, limit=limit, after=after, rules=rules, agent=agent)
        if len(found) == limit:
            return _rows(found), None
    return _with_counts(question, limit=limit, after=after, rules=rules, agent=agent)


def counts(question: Question) -> Counts:
    """How many findings there are."""
    return _with_counts(question, limit=0, after=None, rules=RULES, agent=None)[1]


def _since(
    start: datetime,
    question: Question,
    *,
    limit: int,
    after: FindingPlace | None,
    rules: Sequence[str],
    agent: int | None,
) -> list[tuple[Any, ...]]:
    """The findings of a page that began at `start` or later. Parts of `clean` are looked up by LATERAL joins alone."""
    began = "AND started_at <= %(after)s" if after is not None else ""
    statement = f"""
        WITH {_clean(question)}, near AS NOT MATERIALIZED (
            SELECT s.* FROM (
                SELECT DISTINCT contact_id FROM clean WHERE started_at >= %(start)s {began}
            ) AS whom CROSS JOIN LATERAL (SELECT * FROM clean WHERE clean.contact_id = whom.contact_id OFFSET 0) AS s
        )
        SELECT contact_id, rule, labels, starts, since, who, rule_id, group_name
        FROM ({_owned(question, rules, spells="near")}) AS finding
        WHERE since >= %(start)s {_conditions(after, agent)} ORDER BY {_ORDER} LIMIT %(limit)s
    """  # noqa: S608
    return fetch(statement, {**parameters(question), **_values(after, agent), "limit": limit, "start": start})


def _with_counts(
    question: Question, *, limit: int, after: FindingPlace | None, rules: Sequence[str], agent: int | None
) -> tuple[list[ContradictionRow], Counts]:
    """One statement for both, because looking for them is what costs."""
    place = _conditions(after, agent)
    statement = f"""
        WITH {_clean(question)}, finding AS MATERIALIZED ({_owned(question, (*RULES, NEW_ORDER))})
        (SELECT contact_id, rule, labels, starts, since, who, rule_id, group_name, 0 FROM finding
         WHERE rule = ANY(%(rules)s::text[]) {place}
         ORDER BY {_ORDER} LIMIT %(limit)s)
        UNION ALL
        SELECT NULL, rule, NULL, NULL, NULL, who, NULL, NULL, count(*) FROM finding GROUP BY rule, who
    """  # noqa: S608
    values = {**parameters(question), **_values(after, agent), "rules": list(rules), "limit": limit}
    with transaction.atomic():
        execute(ROOM, [])
        found = fetch(statement, values)
    counts = {(row[1], row[5]): row[-1] for row in found if row[0] is None}
    return _rows([row[:-1] for row in found if row[0] is not None]), counts


def _conditions(after: FindingPlace | None, agent: int | None) -> str:
    """What narrows findings to those beyond a place and to somebody's, as more conditions."""
    beyond = f"(since < %(after)s OR since = %(after)s AND ({_TIE}) > ({_AFTER}))"
    return (" AND who = %(agent)s" if agent is not None else "") + (f" AND {beyond}" if after is not None else "")


def _values(after: FindingPlace | None, agent: int | None) -> dict[str, Any]:
    if after is None:
        return {"agent": agent}
    return {
        "agent": agent, "after": after.since, "after_contact": after.contact, "after_rule": after.rule,
        "after_rule_id": after.rule_id, "after_group": after.group,
    }  # fmt: skip


def _rows(found: Sequence[Any]) -> list[ContradictionRow]:
    labels = Label.all_objects.in_bulk({pk for row in found for pk in row[2]})
    agents = Agent.all_objects.in_bulk({row[5] for row in found if row[5] is not None})
    return [_row(row, labels, agents) for row in found]


def _row(found: Any, labels: dict[int, Label], agents: dict[int, Agent]) -> ContradictionRow:
    contact, rule, ids, starts, since, who, rule_id, group = found
    named = [labels[pk] for pk in ids]
    return ContradictionRow(
        contact=contact,
        rule=rule,
        labels=[
            ContradictionLabel(label.pk, str(label), timezone.localtime(at))
            for label, at in zip(named, starts, strict=True)
        ],
        since=timezone.localtime(since),
        agent=who,
        agent_name=agents[who].name if who is not None else "",
        reason=reason(rule, named),
        rule_id=rule_id,
        group=group,
    )


# -- Facts ------------------------------------------------------------------------------------------------------------


def facts_of(question: Question, *, who: str) -> Facts:
    """One fact per finding, of its oldest label; `who` says, as a column of the findings, which row it counts in."""
    return Facts(
        expressions=[_clean(question)],
        query=f"""
            SELECT {who} AS who, contact_id, labels[1] AS label_id, since AS at
            FROM ({_owned(question, RULES)}) AS finding
        """,  # noqa: S608
        counts={"contradictions": "true"},
    )


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of this module ask for, the owners at the end of the period among them."""
    return {
        "end": question.period.end,
        **question.filtered.parameters,
        **question.contradicting,
        **owners.then(question.period, now=question.now, channels=question.filters.channels),
    }


# -- SQL --------------------------------------------------------------------------------------------------------------


def _clean(question: Question) -> str:
    """Labels choose findings and not spells, of which it takes two."""
    return question.filtered.clean(labels=False, certain=False)


def _owned(question: Question, rules: Sequence[str], *, spells: str = "clean") -> str:
    """The findings of `spells` at the end of the period, each with the owner of its number then, as `who`."""
    of_labels = "WHERE f.labels && %(labels)s::bigint[]" if question.filters.labels is not None else ""
    return f"""
        SELECT f.*, o.agent_id AS who
        FROM ({findings(spells, at_end=question.period.end <= question.now, kinds=rules)}) AS f
        LEFT JOIN unnest(%(then_channel)s::bigint[], %(then_agent)s::bigint[]) AS o (channel_id, agent_id)
               ON o.channel_id = f.channel_id
        {of_labels}
    """  # noqa: S608
