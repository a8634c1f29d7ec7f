"""Label activity per canonical label (docs/metrics.md, "Label activity")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labels.models import Label
from labels.models.querysets import UNMAPPED
from reports.selectors import activity_facts, facts
from reports.selectors.facts import Facts
from reports.selectors.questions import Question, or_unmapped


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One canonical label. Counts are spells except where the name says contacts; `category` is its code.

    `label` is None for all labels together that nobody has mapped yet.
    """

    label: int | None
    name: str
    category: str | None
    added: int
    added_contacts: int
    mistaps: int
    instant_mistaps: int
    found: int
    removed: int
    lost: int
    net: int
    net_by_people: int
    active_from: int
    active_to: int


def report(question: Question) -> list[LabelRow]:
    """One row per living label, in the order of categories and steps, archived ones as long as they have figures.

    Unmapped labels have one row together, the last, when it has figures. Who asks for one of them gets it alone.
    """
    values = parameters(question)
    found: dict[int | None, dict[str, Any]] = {}
    for each in _facts(question):
        for who, counts in facts.summarize(each, values).items():
            found.setdefault(who, {}).update(counts)
    chosen = question.filters.labels
    labels = Label.all_objects.select_related("category").order_by("category__position", "step", "name", "id")
    labels = labels.exclude(UNMAPPED) if chosen is None else labels.filter(pk__in=chosen)
    rows = [
        _row(label, found.get(label.pk, {}))
        for label in labels
        if not label.is_archived or any(found.get(label.pk, {}).values())
    ]
    unmapped = found.get(None, {})
    return [*rows, _row(None, unmapped)] if any(unmapped.values()) else rows


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the report, by count."""
    return {count: each for each in _facts(question) for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return question.parameters


def _facts(question: Question) -> list[Facts]:
    alone = question.filters.labels is not None
    spell, interval = ("s.label_id", "a.label_id") if alone else (or_unmapped("s"), or_unmapped("a"))
    return [activity_facts.of_spells(question, spell), activity_facts.instant_mistaps(question, interval)]


def _row(label: Any, found: Mapping[str, Any]) -> LabelRow:
    counts = activity_facts.NOTHING | {"instant_mistaps": 0} | dict(found)
    return LabelRow(
        label=None if label is None else label.pk,
        name="" if label is None else str(label),
        category=label.category.code if label is not None and label.category else None,
        net=activity_facts.net(counts),
        net_by_people=counts["added"] - counts["removed"],
        **{name: value for name, value in counts.items() if name != "active_to_contacts"},
    )
