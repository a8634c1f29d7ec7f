"""Ready-made segments to start from, built from what labels mean, so that they hold for labels of any name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from desk.segments.drafts import Draft, Raw
from labelcrm.core.viewer import Viewer
from labels.models import Label
from reports.segments.definition import parse_definition
from reports.segments.in_words import names_of, segment_in_words

Ids = Callable[..., list[int]]


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """A definition to begin with: its name, what it says, and the builder's address with it."""

    title: str
    in_words: str
    url: str


def starting_points(viewer: Viewer) -> list[StartingPoint]:
    """Those for which there are labels. Two queries."""
    labels = list(Label.objects.visible_to(viewer).filter(category__isnull=False))

    def ids(*meanings: str, high: bool = False) -> list[int]:
        return [each.pk for each in labels if each.meaning in meanings and (each.high_quality or not high)]

    drafts = [(title, Draft([conditions])) for title, conditions in _points(ids)]
    definitions = [parse_definition(draft.definition()) for _title, draft in drafts]
    names = names_of(definitions, viewer=viewer)
    return [
        StartingPoint(title, capfirst(segment_in_words(definition, names)), _url(title, draft))
        for (title, draft), definition in zip(drafts, definitions, strict=True)
    ]


def _url(title: str, draft: Draft) -> str:
    return f"{reverse('admin:segments-new')}?{urlencode({'name': title, 'd': draft.as_json()})}"


def _points(ids: Ids) -> Iterator[tuple[str, list[Raw]]]:
    won, loyal, cold = ids("won"), ids("loyal"), ids("cold")
    if won and loyal:
        yield _("Bought over 30 days ago, not loyal yet"), [_on(won, days=30), {**_on(loyal), "not": True}]
    if cold:
        yield _("Cold for 60 to 120 days"), [_on(cold, days=60), {**_on(cold, days=120), "not": True}]
    if loyal:
        recently = {"field": "last_inbound", "op": "between", "from": {"days_ago": 45}, "not": True}
        yield _("Loyal, silent for 45 days"), [_on(loyal), recently]
    if won:
        yield _("Repeat buyers"), [{"field": "label", "op": "ever", "times": 2, "labels": won}]
    if high := ids("grade", high=True):
        yield _("Best grade, no follow-up planned"), [_on(high), {"field": "follow_up", "op": "empty"}]


def _on(labels: list[int], *, days: int | None = None) -> dict[str, Any]:
    if days is None:
        return {"field": "label", "op": "active", "labels": labels}
    return {"field": "label", "op": "active_for", "days": days, "labels": labels}
