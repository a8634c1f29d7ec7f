"""How far second looks agree with the grades of CS (docs/metrics.md, "CS quality", Agreement).

A grade counts by the moment it was given. Looks that could not tell, and those that were changed after the answer had
been seen, are counted apart; contacts in the archive count nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from contacts.models import Agent
from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors import facts
from reports.selectors.facts import Facts
from reports.selectors.filtered_spells import CERTAIN
from reports.selectors.kappas import Kappa, kappa, kappa_of_one
from reports.selectors.questions import Question
from reports.selectors.shares import Share, share

Pairs: TypeAlias = Mapping[tuple[int, int], int]
"""How often a CS chose the first label (id) and the second look the other."""

PAIRS = "agreement_pairs"
_DECIDED = "blind AND second_id IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAgreement:
    """One CS: on how many of the grades that could be judged the second look agreed, and those counted apart."""

    agent: Agent
    agreement: Share
    kappa: Kappa
    unsure: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAgreement:
    """One label: of the chats that a CS gave it, on how many the second look agreed, and what it chose instead.

    `second` is how many chats the second look gave it. `instead` has the other labels, the most frequent first.
    """

    label: Label
    agreement: Share
    second: int
    kappa: Kappa
    instead: list[tuple[Label, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """All looks together, by CS (by name), and by label (high quality first)."""

    together: Share
    kappa: Kappa
    agents: list[AgentAgreement]
    labels: list[LabelAgreement]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was looked at, or the looks all say nothing."""
        return not self.agents


def facts_of(question: Question) -> Facts:
    """Grades that were looked at a second time, by the agent who gave them.

    Of some labels alone there is no kappa: what one of two people says is then the same every time.
    """
    pairs = f"array_agg(ARRAY[label_id, second_id]) FILTER (WHERE {_DECIDED})"
    return Facts(
        query=looked_at(question),
        counts={
            "agreement_n": _DECIDED,
            "agreement_k": f"{_DECIDED} AND second_id = label_id",
            "agreement_unsure": "blind AND second_id IS NULL",
            "agreement_changed": "NOT blind",
        },
        measures={} if question.filters.labels is not None else {PAIRS: pairs},
    )


def looked_at(question: Question, *, labels: bool = True) -> str:
    """The query of these grades: who gave which label to whom when, and what the second look chose (`second_id`).

    `labels` says whether the filter by label applies.
    """
    filters, conditions = question.filters, ["g.graded_at >= %(start)s", "g.graded_at < %(end)s"]
    if filters.channels is not None:
        conditions.append("g.channel_id = ANY(%(channels)s::bigint[])")
    if labels and filters.labels is not None:
        conditions.append("g.label_id = ANY(%(labels)s::bigint[])")
    if filters.certain:
        conditions.append(CERTAIN)
    if filters.campaigns is not None:
        conditions.append("c.campaign_id = ANY(%(campaigns)s::bigint[])")
    return f"""
        SELECT p.agent_id AS who, g.contact_id, g.label_id, g.graded_at AS at, l.label_id AS second_id, l.blind
        FROM labels_sampledgrade g
        JOIN labels_looksample p ON p.id = g.sample_id
        JOIN labels_secondlook l ON l.grade_id = g.id
        JOIN contacts_contact c ON c.id = g.contact_id AND c.deleted_at IS NULL
        WHERE {" AND ".join(conditions)}
    """  # noqa: S608 - SQL from this package


def kappa_of(found: Mapping[str, Any]) -> Kappa:
    """The kappa of one row of `facts.summarize`."""
    return kappa(Counter((first, second) for first, second in found.get(PAIRS) or ()))


def report(question: Question, *, agent: int | None = None) -> Agreement:
    """What the looks at grades of the period say, of all CS or of one (id). Four queries at most."""
    chosen, pairs = question.filters.labels, _pairs(question, agent)
    counted = {pair: count for pair, count in pairs.items() if chosen is None or pair[0] in chosen}
    return Agreement(
        together=share(sum(count for (one, other), count in counted.items() if one == other), sum(counted.values())),
        kappa=kappa(pairs if chosen is None else {}),
        agents=_by_agent(question, agent),
        labels=[line for line in _by_label(pairs) if chosen is None or line.label.pk in chosen],
    )


def _by_agent(question: Question, agent: int | None) -> list[AgentAgreement]:
    found = facts.summarize(facts_of(question), _parameters(question))
    chosen = {who: counts for who, counts in found.items() if agent in (None, who)}
    agents = Agent.all_objects.in_bulk(list(chosen))
    rows = [
        AgentAgreement(
            agent=agents[who],
            agreement=share(counts["agreement_k"], counts["agreement_n"]),
            kappa=kappa_of(counts),
            unsure=counts["agreement_unsure"],
            changed=counts["agreement_changed"],
        )
        for who, counts in chosen.items()
    ]
    return sorted(rows, key=lambda row: (row.agent.name.casefold(), row.agent.pk))


def _pairs(question: Question, agent: int | None) -> Pairs:
    """Of all labels, whatever the filter: the kappa of one of them is that against the others."""
    whose = "" if agent is None else "AND who = %(agent)s"
    statement = f"""
        SELECT label_id, second_id, count(*) FROM ({looked_at(question, labels=False)}) AS looked
        WHERE {_DECIDED} {whose} GROUP BY label_id, second_id
    """  # noqa: S608 - SQL from this package
    rows = fetch(statement, {**_parameters(question), "agent": agent})
    return {(one, other): count for one, other, count in rows}


def _parameters(question: Question) -> dict[str, Any]:
    return {**question.filtered.parameters, "start": question.period.start, "end": question.period.end}


def _by_label(pairs: Pairs) -> list[LabelAgreement]:
    labels = Label.all_objects.in_bulk({pk for pair in pairs for pk in pair})
    ordered = sorted(labels.values(), key=lambda each: (not each.high_quality, each.low_quality, each.name, each.pk))
    return [_of_label(label, pairs, labels) for label in ordered]


def _of_label(label: Label, pairs: Pairs, labels: Mapping[int, Label]) -> LabelAgreement:
    chosen = {other: count for (one, other), count in pairs.items() if one == label.pk}
    others = sorted(((n, labels[pk]) for pk, n in chosen.items() if pk != label.pk), key=lambda each: -each[0])
    return LabelAgreement(
        label=label,
        agreement=share(chosen.get(label.pk, 0), sum(chosen.values())),
        second=sum(count for (_one, other), count in pairs.items() if other == label.pk),
        kappa=kappa_of_one(pairs, label.pk),
        instead=[(other, count) for count, other in others],
    )
