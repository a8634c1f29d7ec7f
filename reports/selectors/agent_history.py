"""One agent over time: her figures period by period, as the report of agents has them for each (docs/metrics.md).

Of every kind of fact there is one query for all periods (`periods_together`), however many they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.selectors import activity_facts, agents, facts, unanswered
from reports.selectors.facts import Facts
from reports.selectors.periods import Period
from reports.selectors.periods_together import Summaries, summaries
from reports.selectors.questions import Question
from reports.selectors.shares import Share, share


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPeriod:
    """One agent's figures of one period, named and counted as in `agents.AgentRow`.

    What ends in `_team` is of all known agents together.
    """

    period: Period
    added: int
    mistaps: int
    instant_mistaps: int
    mistap_rate: Share
    removed: int
    labelled_1h: Share
    labelled_1h_unknown: int
    labelled_1h_team: Share
    already_labelled: int
    came_true: Share
    came_true_immature: int
    came_true_already: int
    came_true_unknown: int
    came_true_others: Share
    came_true_team: Share
    batches: int
    batch_labels: int


def history(question: Question, periods: Sequence[Period], *, agent: int) -> list[AgentPeriod]:
    """The figures of each period, in their order; the question spans them all, and its filters apply. Six queries of
    facts, besides what the questions look up once.
    """
    hers = question.of_agent(agent)
    own = [
        activity_facts.started(hers, "s.agent_id"),
        activity_facts.ended(hers, "s.agent_id"),
        activity_facts.instant_mistaps(hers, "a.added_by_id"),
        agents.sources(hers)["batches"],
    ]
    beside_others = [agents.sources(question)[count] for count in ("labelled_1h_n", "came_true_n")]
    found = _together([*_asked(hers, own, periods), *_asked(question, beside_others, periods)], periods)
    return [_period(period, all_rows, agent) for period, all_rows in zip(periods, found, strict=True)]


def waiting(question: Question, *, agent: int) -> int:
    """How many contacts wait for an answer on the numbers that are the agent's now."""
    values = agents.parameters(question) | unanswered.PARAMETERS
    total, _contacts = facts.count(unanswered.facts_of(question), "unanswered", values, who=agent)
    return total


def _asked(question: Question, kinds: Sequence[Facts], periods: Sequence[Period]) -> list[list[Summaries]]:
    values = agents.parameters(question)
    return [summaries(each, values, periods) for each in kinds]


def _together(answers: Sequence[Sequence[Summaries]], periods: Sequence[Period]) -> list[Summaries]:
    found: list[Summaries] = [{} for _period in periods]
    for answer in answers:
        for rows, of_period in zip(found, answer, strict=True):
            for who, counts in of_period.items():
                rows.setdefault(who, {}).update(counts)
    return found


_COUNTS = (
    "added", "mistaps", "instant_mistaps", "removed", "labelled_1h_unknown", "already_labelled", "came_true_immature",
    "came_true_already", "came_true_unknown", "batches", "batch_labels",
)  # fmt: skip


def _period(period: Period, rows: Summaries, agent: int) -> AgentPeriod:
    found = rows.get(agent, {})
    counts: dict[str, int] = {name: found.get(name, 0) for name in _COUNTS}
    everybody = [each for who, each in rows.items() if who is not None]
    others = [each for who, each in rows.items() if who not in (None, agent)]
    return AgentPeriod(
        period=period,
        mistap_rate=share(counts["mistaps"] + counts["instant_mistaps"], counts["added"] + counts["instant_mistaps"]),
        labelled_1h=_share("labelled_1h", [found]),
        labelled_1h_team=_share("labelled_1h", everybody),
        came_true=_share("came_true", [found]),
        came_true_others=_share("came_true", others),
        came_true_team=_share("came_true", everybody),
        **counts,
    )


def _share(name: str, rows: Sequence[Mapping[str, Any]]) -> Share:
    return share(*(sum(row.get(f"{name}_{part}", 0) for row in rows) for part in "kn"))
