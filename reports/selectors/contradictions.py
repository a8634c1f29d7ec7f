"""Labels that contradict each other on one contact (docs/metrics.md, "Stale and contradictions").

One query for the report, the column of CS quality, the list and segments. Its rules are settings of the labels: which
exclude each other (`exclusive_group`), and what each means. One pair of labels is one finding: what a rule about the
order of two labels says, their exclusive group does not say again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent
from labelcrm.core.bulk import execute, fetch
from labels.models import Label
from reports.selectors import owners
from reports.selectors.facts import Facts
from reports.selectors.questions import Question, label_kinds, of_kind

OLDER, EXCLUSIVE, LOYAL_NEW = "older", "exclusive", "loyal_new"
RULES = (OLDER, EXCLUSIVE, LOYAL_NEW)
ROOM = "SET LOCAL work_mem = '64MB'"
NEW_ORDER = "new_order"  # a hint, no contradiction
PROSPECT = ("new", "cold", "hot", "grade", "waiting")


@dataclass(frozen=True, slots=True)
class ContradictionLabel:
    """One of the labels of a finding, and since when it is on the contact."""

    label: int
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionRow:
    """One open finding: labels of a contact, the oldest first, that one of RULES forbids together.

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


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """Where a page of the list ends: the last finding's time, contact and rule."""

    since: datetime
    contact: int
    rule: str


# -- Rows -------------------------------------------------------------------------------------------------------------


def report(question: Question) -> list[ContradictionRow]:
    """Every finding that is open at the end of the period, the newest first."""
    found = fetch(
        f"WITH {_clean(question)} SELECT contact_id, rule, labels, starts, since, who"  # noqa: S608
        f" FROM ({_owned(question, RULES)}) AS finding ORDER BY since DESC, contact_id, rule",
        parameters(question),
    )
    return _rows(found)


def listed(
    question: Question, *, limit: int, after: FindingPlace | None, rules: Sequence[str], agent: int | None
) -> tuple[list[ContradictionRow], dict[tuple[str, int | None], int]]:
    """A page of findings, and how many there are in all of each rule and owner, new orders among them.

    One statement, because looking for them is what costs.
    """
    place = _conditions(after, agent)
    statement = f"""
        WITH {_clean(question)}, finding AS MATERIALIZED ({_owned(question, (*RULES, NEW_ORDER))})
        (SELECT contact_id, rule, labels, starts, since, who, 0 FROM finding
         WHERE rule = ANY(%(rules)s::text[]) {place} ORDER BY since DESC, contact_id, rule LIMIT %(limit)s)
        UNION ALL
        SELECT NULL, rule, NULL, NULL, NULL, who, count(*) FROM finding GROUP BY rule, who
    """  # noqa: S608
    values = {**parameters(question), **_values(after, agent), "rules": list(rules), "limit": limit}
    with transaction.atomic():
        execute(ROOM, [])
        found = fetch(statement, values)
    counts = {(rule, who): count for contact, rule, _l, _s, _at, who, count in found if contact is None}
    return _rows([row[:6] for row in found if row[0] is not None]), counts


def _conditions(after: FindingPlace | None, agent: int | None) -> str:
    """What narrows findings to those beyond a place and to somebody's, as more conditions."""
    beyond = "(since < %(after)s OR since = %(after)s AND (contact_id, rule) > (%(after_contact)s, %(after_rule)s))"
    return (" AND who = %(agent)s" if agent is not None else "") + (f" AND {beyond}" if after is not None else "")


def _values(after: FindingPlace | None, agent: int | None) -> dict[str, Any]:
    place = {"after": after.since, "after_contact": after.contact, "after_rule": after.rule} if after else {}
    return {"agent": agent, **place}


def _rows(found: Sequence[Any]) -> list[ContradictionRow]:
    labels = Label.all_objects.in_bulk({pk for row in found for pk in row[2]})
    agents = Agent.all_objects.in_bulk({row[5] for row in found if row[5] is not None})
    return [_row(row, labels, agents) for row in found]


def _row(found: Any, labels: dict[int, Label], agents: dict[int, Agent]) -> ContradictionRow:
    contact, rule, ids, starts, since, who = found
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
        reason=_reason(rule, named),
    )


def _reason(rule: str, labels: Sequence[Label]) -> str:
    """Why these labels, the oldest first, do not go together."""
    if rule == LOYAL_NEW:
        return _("A loyal customer is no new inquiry.")
    won = _quoted([label for label in labels if label.meaning == Label.Meaning.WON])
    rest = [label for label in labels if label.meaning != Label.Meaning.WON]
    others = _quoted(rest)
    if rule == OLDER:
        words = ngettext(
            "%(labels)s is older than %(won)s: is it still right?",
            "%(labels)s are older than %(won)s: are they still right?",
            len(rest),
        )
        return words % {"labels": others, "won": won}
    if rule == NEW_ORDER:
        return _("%(labels)s came after %(won)s: a new order?") % {"labels": others, "won": won}
    if won and labels[0].meaning == Label.Meaning.WON and any(label.meaning in PROSPECT for label in labels[1:]):
        words = _("%(labels)s exclude each other. %(younger)s came later: a new order?")
        return words % {"labels": _quoted(labels), "younger": others}
    return _("%(labels)s exclude each other.") % {"labels": _quoted(labels)}


def _quoted(labels: Sequence[Label]) -> str:
    named = [f"“{label}”" for label in labels]
    if len(named) < 2:
        return "".join(named)
    return _("%(first)s and %(last)s") % {"first": ", ".join(named[:-1]), "last": named[-1]}


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
        **label_kinds(),
        **owners.then(question.period, now=question.now, channels=question.filters.channels),
    }


# -- SQL --------------------------------------------------------------------------------------------------------------


def findings(spells: str, *, at_end: bool = False, rules: Sequence[str] = RULES) -> str:
    """A query over clean spells (by the name of a table or expression) of the findings that are open now.

    Its values are those of `label_kinds`. `at_end`: those that were open just before `%(end)s` instead. Columns: rule,
    contact_id, labels, starts (both by age), since, channel_id (of the oldest label).
    """
    active = "s.started_at < %(end)s AND (s.ended_at IS NULL OR s.ended_at >= %(end)s)" if at_end else _OPEN
    return _FINDINGS.format(spells=spells, active=active, rules=" UNION ALL ".join(_OF_RULE[rule] for rule in rules))


def _clean(question: Question) -> str:
    """Labels choose findings and not spells, of which it takes two."""
    return question.filtered.clean(labels=False, certain=False)


def _owned(question: Question, rules: Sequence[str]) -> str:
    """The findings at the end of the period, each with the owner of its number then, as `who`."""
    of_labels = "WHERE f.labels && %(labels)s::bigint[]" if question.filters.labels is not None else ""
    return f"""
        SELECT f.*, o.agent_id AS who
        FROM ({findings("clean", at_end=question.period.end <= question.now, rules=rules)}) AS f
        LEFT JOIN unnest(%(then_channel)s::bigint[], %(then_agent)s::bigint[]) AS o (channel_id, agent_id)
               ON o.channel_id = f.channel_id
        {of_labels}
    """  # noqa: S608


_OPEN = "s.ended_at IS NULL"
_PROSPECT, _WON, _LOYAL, _NEW = (of_kind(kind, "labelled") for kind in ("prospect", "won", "loyal", "new"))
_BY_AGE = "ORDER BY started_at, label_id"
_COLUMNS = f"""
    contact_id, array_agg(label_id {_BY_AGE}) AS labels, array_agg(started_at {_BY_AGE}) AS starts,
    (array_agg(channel_id {_BY_AGE}))[1] AS channel_id
"""
_LABELS_OF = f"({_PROSPECT} OR {_WON})"
# Most contacts have one label, which contradicts nothing: they are left out before anything is put together. `older`
# and `younger` first find whom, and then look at their labels.
_FINDINGS = f"""
    WITH labelled AS MATERIALIZED (
        SELECT contact_id, label_id, started_at, channel_id FROM (
            SELECT s.contact_id, s.label_id, s.started_at, s.channel_id,
                   count(*) OVER (PARTITION BY s.contact_id) AS labels
            FROM {{spells}} s
            WHERE {{active}} AND s.label_id = ANY(
                %(group_label)s::bigint[] || %(prospect_labels)s::bigint[] || %(won_labels)s::bigint[]
                || %(loyal_labels)s::bigint[])
        ) AS every
        WHERE labels > 1
    ), bought AS (
        SELECT contact_id, min(started_at) FILTER (WHERE {_PROSPECT}) AS prospect_since,
               max(started_at) FILTER (WHERE {_WON}) AS won_since
        FROM labelled WHERE {_LABELS_OF}
        GROUP BY contact_id HAVING bool_or({_PROSPECT}) AND bool_or({_WON})
    ), older AS (
        SELECT {_COLUMNS}, min(started_at) FILTER (WHERE {_WON}) AS since
        FROM labelled JOIN bought USING (contact_id)
        WHERE prospect_since < won_since
          AND ({_PROSPECT} AND started_at < won_since OR {_WON} AND started_at > prospect_since)
        GROUP BY contact_id
    ), exclusive AS (
        SELECT {_COLUMNS}, (array_agg(started_at {_BY_AGE}))[2] AS since
        FROM (
            SELECT labelled.*, g.name, count(*) OVER (PARTITION BY contact_id, g.name) AS of_group
            FROM labelled
            JOIN unnest(%(group_label)s::bigint[], %(group_name)s::text[]) AS g (label_id, name) USING (label_id)
        ) AS grouped
        WHERE of_group > 1 GROUP BY contact_id, name
    ), loyal_new AS (
        SELECT {_COLUMNS}, greatest(min(started_at) FILTER (WHERE {_LOYAL}), min(started_at) FILTER (WHERE {_NEW}))
               AS since
        FROM labelled WHERE {_LOYAL} OR {_NEW}
        GROUP BY contact_id HAVING bool_or({_LOYAL}) AND bool_or({_NEW})
    ), younger AS (
        SELECT {_COLUMNS}, min(started_at) FILTER (WHERE {_PROSPECT}) AS since
        FROM labelled JOIN bought USING (contact_id) WHERE prospect_since >= won_since AND {_LABELS_OF}
        GROUP BY contact_id
    )
    SELECT rule, contact_id, labels, starts, since, channel_id FROM ({{rules}}) AS by_rule
"""  # noqa: S608
_OF_RULE = {
    OLDER: "SELECT 'older' AS rule, * FROM older",
    EXCLUSIVE: """
        SELECT 'exclusive' AS rule, e.* FROM exclusive e
        WHERE NOT EXISTS (SELECT FROM older o WHERE o.contact_id = e.contact_id
                          AND e.labels && %(won_labels)s::bigint[] AND e.labels <@ o.labels)
    """,
    LOYAL_NEW: "SELECT 'loyal_new' AS rule, * FROM loyal_new",
    NEW_ORDER: """
        SELECT 'new_order' AS rule, y.* FROM younger y
        WHERE NOT EXISTS (SELECT FROM exclusive e WHERE e.contact_id = y.contact_id AND y.labels <@ e.labels)
    """,
}
