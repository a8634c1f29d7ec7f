"""The people behind a number of a report as a segment, where a segment can say the same.

A segment judges clean spells, so mistaps are not in it; nor can it say what a report knows besides: gaps, shares, whose
labeller is certain, or when a campaign was met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from contacts.models import Channel
from desk.segments.drafts import Draft, Raw
from labelcrm.lib.numbers import row_id
from labels.models import Label
from reports.query import ReportQuery

MOST = 50  # labels that a condition names for "any label"


def segment_url(query: ReportQuery, figure: str, *, who: int | None, everybody: bool) -> str:
    """The builder with the people behind a figure; "" where there is no saying it, or for who keeps no segments."""
    if not query.viewer.may("reports.view_segment", "reports.add_segment") or query.filters.certain:
        return ""
    condition = _SAID.get((query.report.name, figure), lambda query: None)(query)
    if condition is None or (who is None and not everybody):
        return ""
    agents = [who] if query.report.name == "agents" and not everybody else []
    labels = _labels(query, who if query.report.name == "labels" and not everybody else None)
    if not 0 < len(labels) <= MOST:
        return ""
    raw = {"field": "label", "labels": labels, **condition}
    raw |= {"agents": agents} if agents else {}
    raw |= {"channels": keys} if (keys := _channels(query)) else {}
    return f"{reverse('admin:segments-new')}?{urlencode({'d': Draft([[raw]]).as_json()})}"


def _labels(query: ReportQuery, row: int | None) -> list[int]:
    """The label of the row, else those that the report is narrowed to, else all."""
    if row is not None:
        return [row]
    if query.filters.labels is not None:
        return sorted(query.filters.labels)
    return list(Label.all_objects.visible_to(query.viewer).order_by("id").values_list("id", flat=True)[: MOST + 1])


def _channels(query: ReportQuery) -> list[str]:
    """The numbers that the report is narrowed to."""
    rows: Any = Channel.all_objects.visible_to(query.viewer).order_by("id")
    key, team = query.shown.get("channel"), row_id(str(query.shown.get("team") or ""))
    if not key and not team:
        return []
    rows = rows.filter(key=key) if key else rows
    return list((rows.filter(team=team) if team else rows).values_list("key", flat=True))


def _in_period(op: str) -> Callable[[ReportQuery], Raw | None]:
    def said(query: ReportQuery) -> Raw | None:
        start, end = (timezone.localtime(at).isoformat() for at in (query.period.start, query.period.end))
        return {"op": op, "from": start, "to": end}

    return said


def _active(query: ReportQuery) -> Raw | None:
    """Active at the end of the period: only a period that is not over ends now."""
    return {"op": "active"} if query.period.end >= query.now else None


_SAID: Mapping[tuple[str, str], Callable[[ReportQuery], Raw | None]] = {
    ("labels", "added"): _in_period("added"),
    ("labels", "removed"): _in_period("removed"),
    ("labels", "active_to"): _active,
    ("agents", "added"): _in_period("added"),
    ("agents", "removed_by"): _in_period("removed"),
    ("agents", "active_to"): _active,
}
