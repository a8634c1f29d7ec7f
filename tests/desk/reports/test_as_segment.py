"""Every figure of every report as a segment: exactly the people whose rows the number opens, for whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contacts.models import Team
from contacts.selectors.viewing import viewer_of
from desk.reports.as_segment import ALL_ROWS, condition_of
from reports.query import ReportQuery, parse_query
from reports.registry import REPORTS
from reports.segments.definition import parse_definition
from reports.segments.known import check_known
from reports.segments.members import Members
from reports.selectors import facts
from tests.factories import UserFactory
from tests.reports.world import DAYS, World, day

pytestmark = pytest.mark.django_db
NOW = day(DAYS)


def queries(viewer: Any) -> Iterator[ReportQuery]:
    """Each report as it is asked in each of its ways."""
    period = {"from": day(5).isoformat(), "to": day(40).isoformat()}
    for report in REPORTS.values():
        if report.facts is None:
            continue
        ways: list[dict[str, str]] = [{}]
        if "touch" in report.parameters:
            ways[0]["touch"] = "last"
        if "basis" in report.parameters:
            ways += [{"basis": "event"}]
        if "certain" in report.parameters:
            ways += [{"certain": "true", "label": "Grade A", "channel": "cs1"}]
        for way in ways:
            yield parse_query(report, period | way, viewer=viewer, now=NOW)


def figures(sources: Any) -> list[str]:
    """All of them; of the days of a curve, which differ in their number alone, a few."""
    return [name for name in sources if "_d" not in name or name.endswith(("_d1", "_d7", "_d30"))]


def test_every_figure_of_every_report_is_a_segment_of_its_rows() -> None:
    """A report that comes later is asked too, and its figures must hold."""
    World(21, contacts=16).play()
    told = set()
    for query in queries(viewer_of(UserFactory(role="owner"))):
        sources, _values = query.facts
        for figure in figures(sources):
            told |= {query.report.name} if people_of(query, figure, ALL_ROWS) else set()
    assert told == {name for name, report in REPORTS.items() if report.facts is not None}


def test_a_row_of_a_report_is_a_segment_as_its_reader_sees_it() -> None:
    World(21, contacts=16).play()
    lead = viewer_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))
    told = set()
    for query in queries(lead):
        sources, _values = query.facts
        most = {"heatmap": "inbound", "label-budget": "used"}.get(query.report.name)
        rows = sorted(query.rows, key=lambda row: -getattr(row, most)) if most else query.rows
        named = [
            query.key.of(each) for each in rows
        ]  # most hours of a week are empty, and labels that nobody uses come first
        of_rows = [figure for figure in figures(sources) if query.key_of(figure) is query.key]
        for figure in of_rows[::7]:
            for row in dict.fromkeys([*named[:2], None]):
                told |= {query.report.name} if people_of(query, figure, row) else set()
        raw = condition_of(query, figure, row=named[0])
        check_known(parse_definition({"any": [{"all": [raw]}]}), viewer=lead)
    assert told == {name for name, report in REPORTS.items() if report.facts is not None}


def people_of(query: ReportQuery, figure: str, row: int | str | None) -> set[int]:
    """The people behind a number, once it is sure that the segment means them and that the page counts them."""
    sources, values = query.facts
    asked: dict[str, Any] = {"who": None if row == ALL_ROWS else row, "everybody": row == ALL_ROWS}
    found = facts.rows(sources[figure], figure, values, **asked, limit=10_000)
    people = {each.contact_id for each in found}
    definition = parse_definition({"any": [{"all": [condition_of(query, figure, row=row)]}]})
    assert set(Members(definition, query.viewer, NOW).ids()) == people, (query.report.name, figure, row)
    assert facts.count(sources[figure], figure, values, **asked) == (len(found), len(people))
    return people
