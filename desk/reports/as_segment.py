"""The people behind a number of a report as a segment: the builder, with the condition that means exactly them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from desk.segments.drafts import Draft, Raw
from reports.query import ReportQuery
from reports.segments.behind import FIELD
from reports.segments.definition import GRAMMAR
from reports.selectors.labels import By

ALL_ROWS = "all"
RIGHTS = ("reports.view_segment", "reports.add_segment")


def segment_url(query: ReportQuery, figure: str, *, row: Any, name: str) -> str:
    """The builder with the people behind a figure of a row, by its key or ALL_ROWS; "" for who keeps no segments."""
    if not query.viewer.may(*RIGHTS):
        return ""
    draft = Draft([[condition_of(query, figure, row=row)]])
    return f"{reverse('admin:segments-new')}?{urlencode({'name': name, 'd': draft.as_json()})}"


def condition_of(query: ReportQuery, figure: str, *, row: Any) -> Raw:
    """The condition that means the people behind a figure, at any later time as well."""
    start, end = (timezone.localtime(at).isoformat() for at in (query.period.start, query.period.end))
    known = GRAMMAR[FIELD][query.report.name].all
    asked = {name: value for name, value in query.shown.items() if (name, value) != ("by", By.LABEL)}
    filters = {name: _plain(value) for name, value in asked.items() if value and name in known}
    of_row = {} if row == ALL_ROWS else {"row": query.key_of(figure).type.plain(row)}
    return {"field": FIELD, "op": query.report.name, "figure": figure, **of_row, "from": start, "to": end, **filters}


def _plain(value: Any) -> Any:
    """A day as JSON has it, everything else as it is."""
    return value if isinstance(value, int | str) else value.isoformat()
