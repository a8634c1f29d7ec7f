"""The funnel (docs/metrics.md, "Stage and movement"): how far the contacts who arrived in the period have come so far.

Who reached a step had a label of it or of a later one at any time, lost ones included; who went through it had one of
this very step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from labelcrm.core.bulk import fetch
from labels.models import Label
from reports.selectors.facts import Facts, expressions_of
from reports.selectors.questions import Question
from reports.selectors.row_keys import STEPS
from reports.selectors.stages import ARRIVED, STAGED, people, stage_labels, stage_parameters, stage_steps, with_staged


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelLabel:
    """One label of a step: who had it or a label of a later step, and who had it."""

    label: int
    name: str
    reached: int
    went_through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """One step. `contacts` are all who arrived, the same in each row; `name` is what its labels are called."""

    step: int
    name: str
    contacts: int
    reached: int
    went_through: int
    labels: list[FunnelLabel]

    def __str__(self) -> str:
        return self.name


class _Had(frozenset[int]):
    """The stage labels that somebody had."""


def report(question: Question) -> list[FunnelRow]:
    """One row per step, the first one first. One query: contacts by the stage labels they had."""
    steps = stage_steps()
    statement = _GROUPED.format(expressions=expressions_of(_by_step(question)), staged=with_staged(question))
    arrived = [(_Had(labels), contacts) for labels, contacts in fetch(statement, parameters(question))]
    labels = [label for label in stage_labels(pk for had, _n in arrived for pk in had) if label.pk in steps]
    everybody = sum(contacts for _had, contacts in arrived)
    return [
        _row(step, everybody, arrived, steps, [label for label in labels if label.step == step])
        for step in sorted({steps[label.pk] for label in labels})
    ]


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the rows, and of the labels in them (`label_reached`, `label_went_through`)."""
    return {count: each for each in (_by_step(question), _by_label(question)) for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    steps = stage_steps()
    return {**question.parameters, **stage_parameters(steps), "steps": sorted(set(steps.values()))}


# -- Facts ------------------------------------------------------------------------------------------------------------

_GROUPED = """
    {expressions}
    SELECT had, count(*) FROM (
        SELECT array_remove(array_agg(DISTINCT s.label_id), NULL) AS had
        FROM arrived a {staged}
        GROUP BY a.contact_id
    ) AS contacts GROUP BY had
"""


def _expressions(question: Question) -> list[str]:
    clean = question.filtered.clean(labels=False, certain=False)
    return [people(question), clean, ARRIVED, STAGED]


def _by_step(question: Question) -> Facts:
    """Contacts by step: when they arrived, when they had reached it, when they first were in it."""
    return Facts(
        key=STEPS,
        expressions=_expressions(question),
        query="""
            SELECT step.who, a.contact_id, told.label_id, told.at, told.what
            FROM arrived a
            CROSS JOIN unnest(%(steps)s::smallint[]) AS step (who)
            CROSS JOIN LATERAL (
                SELECT 'contacts' AS what, NULL::bigint AS label_id, a.at
                UNION ALL
                (SELECT 'reached', s.label_id, s.started_at FROM staged s
                 WHERE s.contact_id = a.contact_id AND s.step >= step.who ORDER BY s.started_at, s.label_id LIMIT 1)
                UNION ALL
                (SELECT 'went_through', s.label_id, s.started_at FROM staged s
                 WHERE s.contact_id = a.contact_id AND s.step = step.who ORDER BY s.started_at, s.label_id LIMIT 1)
            ) AS told
        """,
        counts={what: f"what = '{what}'" for what in ("contacts", "reached", "went_through")},
    )


def _by_label(question: Question) -> Facts:
    """The same by label."""
    return Facts(
        expressions=_expressions(question),
        query="""
            SELECT l.who, a.contact_id, told.label_id, told.at, told.what
            FROM arrived a
            CROSS JOIN unnest(%(stage_labels)s::bigint[], %(stage_steps)s::smallint[]) AS l (who, step)
            CROSS JOIN LATERAL (
                (SELECT 'label_reached' AS what, s.label_id, s.started_at AS at FROM staged s
                 WHERE s.contact_id = a.contact_id AND (s.label_id = l.who OR s.step > l.step)
                 ORDER BY s.started_at, s.label_id LIMIT 1)
                UNION ALL
                (SELECT 'label_went_through', s.label_id, s.started_at FROM staged s
                 WHERE s.contact_id = a.contact_id AND s.label_id = l.who ORDER BY s.started_at LIMIT 1)
            ) AS told
        """,
        counts={what: f"what = '{what}'" for what in ("label_reached", "label_went_through")},
    )


# -- Rows -------------------------------------------------------------------------------------------------------------


def _row(
    step: int, everybody: int, arrived: Sequence[tuple[_Had, int]], steps: dict[int, int], labels: Sequence[Label]
) -> FunnelRow:
    of_step = {pk for pk, its in steps.items() if its == step}
    later = {pk for pk, its in steps.items() if its > step}
    return FunnelRow(
        step=step,
        name=" / ".join(map(str, labels)),
        contacts=everybody,
        reached=_who_had(arrived, of_step | later),
        went_through=_who_had(arrived, of_step),
        labels=list(_labels(arrived, labels, later)),
    )


def _labels(arrived: Sequence[tuple[_Had, int]], labels: Sequence[Label], later: set[int]) -> Iterator[FunnelLabel]:
    for label in labels:
        yield FunnelLabel(
            label=label.pk, name=str(label), reached=_who_had(arrived, {label.pk} | later),
            went_through=_who_had(arrived, {label.pk}),
        )  # fmt: skip


def _who_had(arrived: Sequence[tuple[_Had, int]], labels: Collection[int]) -> int:
    return sum(contacts for had, contacts in arrived if not had.isdisjoint(labels))
