"""Contacts behind a number of a report as a condition: the facts that the number counts, asked as the report asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.selectors.label_merges import surviving_label
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.segments.definition import NOT_FILTERS, Condition, InvalidDefinition, moment_at, unknown_value

FIELD = "report"
READS = "reports.view_report"
# What a row of a report, and a filter of one, is called where several things of its kind are named.
ROWS = {
    "label": "labels",
    "stage": "labels",
    "agent": "agents",
    "campaign": "campaigns",
    "category": "categories",
    "channel": "channels",
    "team": "teams",
}
BY_TEXT = ("categories", "channels")  # what is named by a code or a key, and not by an id
PAIRED = ":"  # between the two labels of a row that is a pair
FILTERS = {
    "label": "labels",
    "category": "categories",
    "team": "teams",
    "channel": "channels",
    "agent": "agents",
    "campaign": "campaigns",
}


def report_query(condition: Condition, *, viewer: Viewer, now: datetime) -> ReportQuery:
    """The query of the report whose number is meant, which has the figure.

    Raises InvalidDefinition for what is not there, or not the viewer's to see.
    """
    if not viewer.may(READS):
        raise unknown_value(f"{condition.place}.op")
    try:
        query = parse_query(REPORTS[condition.op], _parameters(condition, now), viewer=viewer, now=now)
    except InvalidQuery as wrong:
        raise InvalidDefinition(f"{condition.place}.{wrong.name}", wrong.message, wrong.code) from None
    # A number that no label has as its id may be another one's name.
    named = condition.values.get("label")
    if query.shown.get("label") != (named and surviving_label(named)):
        raise unknown_value(f"{condition.place}.label")
    if condition.values["figure"] not in query.facts[0]:
        raise unknown_value(f"{condition.place}.figure")
    return query


def check_row(condition: Condition, *, viewer: Viewer, now: datetime) -> None:
    """Raises InvalidDefinition where the report cannot be asked, or has no such row for the viewer."""
    query = report_query(condition, viewer=viewer, now=now)
    row = row_key(query, condition)
    if row is not None and query.subject(row, figure=condition.values["figure"]) is None:
        raise unknown_value(f"{condition.place}.row")


def row_key(query: ReportQuery, condition: Condition) -> Any:
    """The key of the row that a condition names, None for nobody's and for all of them. Raises InvalidDefinition."""
    row = condition.values.get("row")
    try:
        return None if row is None else query.read_row(condition.values["figure"], str(row))
    except InvalidQuery as wrong:
        raise InvalidDefinition(f"{condition.place}.row", wrong.message, wrong.code) from None


def things_of_report(condition: Condition) -> Iterator[tuple[str, Any]]:
    """What a condition names besides the figure: argument and value, as other conditions have them."""
    row_of, row = ROWS.get(row_name(condition)), condition.values.get("row")
    if isinstance(row, str) and PAIRED in row:
        yield from (("labels", label) for label in map(row_id, row.split(PAIRED)) if label is not None)
    elif row_of is not None and (isinstance(row, int) or (row is not None and row_of in BY_TEXT)):
        yield row_of, row
    yield from filters_of_report(condition)


def row_name(condition: Condition) -> str:
    """What the rows are of that a condition names one of: `agent`, `day`, …"""
    report, by = REPORTS[condition.op], condition.values.get("by")
    return by if by in {key.name for key in report.keys} else report.key.name


def filters_of_report(condition: Condition) -> Iterator[tuple[str, Any]]:
    """What a report is narrowed to: argument and value, as other conditions have them."""
    return ((argument, condition.values[name]) for name, argument in FILTERS.items() if name in condition.values)


def _parameters(condition: Condition, now: datetime) -> Mapping[str, str]:
    given = {name: _text(value) for name, value in condition.values.items() if name not in NOT_FILTERS}
    ends = {name: condition.values[name] for name in ("from", "to") if name in condition.values}
    return given | {name: moment_at(moment, now).isoformat() for name, moment in ends.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
