"""Tools that read reports: the rows of pages and API, whom a number counts, and what a figure means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes

from api.base.bulk_reading import BulkReadingRefused, count_people
from api.mcp.masking import masked
from api.mcp.mcp_tool import Asker, McpTool, ToolRefused
from api.reports import MAY_READ, PARAMETERS, answer_of
from contacts.models import Channel, Contact
from reports.definitions import sections
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import facts, periods
from transfer.report_export import asked_again
from transfer.report_files import FILES

MOST_ROWS = 200
MOST_PEOPLE = 50
EVERY_ROW = "all"


# -- What there is ----------------------------------------------------------------------------------------------------


def list_reports(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every report: what its rows are of, what it can be asked, and which counts can be followed to people."""
    return {"reports": [_described(name, asker) for name in REPORTS]}


def _described(name: str, asker: Asker) -> dict[str, Any]:
    report = REPORTS[name]
    return {
        "report": name,
        "title": str(FILES[name].title),
        "rows_are_of": report.key.name,
        "parameters": sorted(report.parameters),
        "columns": FILES[name].headings,
        "counts": sorted(_query(name, {}, asker).facts[0]) if report.facts is not None else [],
    }


def explain_figures(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """What figures mean, in the words of the metric dictionary; all of them where none is named."""
    wanted = set(given.get("figures", ()))
    told = [
        {"section": section, "figure": each.name, "title": each.title, "meaning": each.text}
        for section, definitions in sections(get_language())
        for each in definitions
        if not wanted or each.name in wanted
    ]
    if unknown := wanted - {each["figure"] for each in told}:
        raise ToolRefused(f"No figure is called {', '.join(sorted(unknown))}. Without `figures` all are told.")
    return {"figures": told, "page": asker.link(reverse("report-metrics"))}


# -- Reading ----------------------------------------------------------------------------------------------------------


def read_report(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of a report, with its period, what it leaves out, and the gaps that it is uncertain because of."""
    query = _asked(asker, given)
    answer = answer_of(query)
    rows = answer["rows"]
    return {
        **answer,
        "rows": rows[:MOST_ROWS],
        "rows_left_off": max(0, len(rows) - MOST_ROWS),
        "provisional": periods.is_provisional(query.period.end, now=query.now),
        "gaps": list(_gaps(query)),
        "page": asker.link(_page(query)),
    }


def people_behind(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """The first people whom a count counts, and how many there are in all."""
    query = _asked(asker, given)
    figure = given["figure"]
    sources, values = query.facts if query.report.facts is not None else ({}, {})
    if figure not in sources:
        raise ToolRefused(f"{query.report.name} has no count called {figure}. It has: {', '.join(sorted(sources))}.")
    whose = _whose(query, figure, str(given.get("row", EVERY_ROW)))
    total, contacts = facts.count(sources[figure], figure, values, **whose)
    found = facts.rows(sources[figure], figure, values, limit=MOST_PEOPLE, **whose)
    return {
        **answer_of(query, rows=False),
        "figure": figure,
        "counted": total,
        "contacts": contacts,
        "people": _people(found, asker),
        "page": asker.link(_page(query)),
    }


def _asked(asker: Asker, given: Mapping[str, Any]) -> ReportQuery:
    name = given["report"]
    if name not in REPORTS:
        raise ToolRefused(f"There is no report {name}. There are: {', '.join(sorted(REPORTS))}.")
    own = {"report", "figure", "row"}
    parameters = {key: _text(value) for key, value in given.items() if key not in own and value not in (None, "")}
    if unknown := parameters.keys() - REPORTS[name].parameters:
        known = ", ".join(sorted(REPORTS[name].parameters))
        raise ToolRefused(f"The report {name} does not take {', '.join(sorted(unknown))}. It takes: {known}.")
    return _query(name, parameters, asker)


def _query(name: str, parameters: Mapping[str, str], asker: Asker) -> ReportQuery:
    try:
        return parse_query(REPORTS[name], parameters, viewer=asker.viewer)
    except InvalidQuery as wrong:
        raise ToolRefused(f"{wrong.name}: {wrong.message}") from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whose(query: ReportQuery, figure: str, row: str) -> dict[str, Any]:
    if row == EVERY_ROW:
        return {"who": None, "everybody": True}
    try:
        return {"who": query.row(figure, row)}
    except InvalidQuery as wrong:
        raise ToolRefused(f"row: {wrong.message}") from None


def _people(found: list[facts.FactRow], asker: Asker) -> list[dict[str, Any]]:
    """Whom the rows are about, as far as the reader sees them."""
    seen = Contact.objects.visible_to(asker.viewer).in_bulk({row.contact_id for row in found})
    try:
        count_people(seen, user=asker.user, resource="mcp")
    except BulkReadingRefused as refused:
        raise ToolRefused(str(refused.detail)) from None
    return [
        {**masked(seen[row.contact_id], asker), "label": row.label_id, "at": timezone.localtime(row.at).isoformat()}
        for row in found
        if row.contact_id in seen
    ]


def _gaps(query: ReportQuery) -> Iterator[dict[str, Any]]:
    """The gaps of numbers that the reader sees, from the beginning of the period on."""
    names = dict(Channel.all_objects.visible_to(query.viewer).values_list("id", "name"))
    chosen = query.filters.channels
    for gap in query.question.gaps:
        if gap.channel in names and (chosen is None or gap.channel in chosen):
            until = None if gap.until is None else timezone.localtime(gap.until).isoformat()
            yield {"number": names[gap.channel], "since": timezone.localtime(gap.since).isoformat(), "until": until}


def _page(query: ReportQuery) -> str:
    """The page of a report, or its address in the API where there is none."""
    try:
        path = reverse(f"report-{query.report.name}")
    except NoReverseMatch:
        path = reverse(f"api-report-{query.report.name}")
    return f"{path}?{urlencode(asked_again(query))}"


# -- Tools ------------------------------------------------------------------------------------------------------------

_REPORT = {
    "type": "string",
    "enum": sorted(REPORTS),
    "description": "Which report; `list_reports` says what each holds.",
}
_TYPES = {OpenApiTypes.STR: "string", OpenApiTypes.BOOL: "boolean", OpenApiTypes.DATE: "string"}


def _schema(kind: Any, description: str, choices: list[Any] | None) -> dict[str, Any]:
    """A parameter of reports as JSON schema."""
    schema = kind if isinstance(kind, dict) else {"type": _TYPES[kind]}
    return {**schema, "description": description} | ({"enum": choices} if choices else {})


_NARROWED = {name: _schema(*each) for name, each in PARAMETERS.items()}

TOOLS = (
    McpTool(
        name="list_reports",
        title="List the reports",
        description="What reports there are, what their rows are of, their parameters, columns and counts.",
        answer=list_reports,
        rights=(MAY_READ,),
    ),
    McpTool(
        name="explain_figures",
        title="Explain figures",
        description="What figures of reports mean. Read this before you compare or explain a number.",
        answer=explain_figures,
        rights=(MAY_READ,),
        parameters={"figures": {"type": "array", "items": {"type": "string"}, "description": "Their API names."}},
    ),
    McpTool(
        name="read_report",
        title="Read a report",
        description="The rows of a report over a period (the last 30 days where none is given). A share is {value, k, "
        "n, low, high}: low and high are the ends of its 95 % interval; below n = 20 say that it is uncertain. Tell "
        "the period, n and the gaps with every number.",
        answer=read_report,
        rights=(MAY_READ,),
        parameters={"report": _REPORT, **_NARROWED},
        required=("report",),
    ),
    McpTool(
        name="people_behind",
        title="See who is behind a number",
        description=f"Whom a count of a report counts: how many, and the first {MOST_PEOPLE} of them with initials, "
        "the last digits of their number and the address of their page.",
        answer=people_behind,
        rights=(MAY_READ, "contacts.view_contact"),
        parameters={
            "report": _REPORT,
            "figure": {"type": "string", "maxLength": 60, "description": "One of the report's counts."},
            "row": {
                "type": "string",
                "maxLength": 100,
                "description": "The key of a row, `null` for nobody's, or `all`.",
            },
            **_NARROWED,
        },
        required=("report", "figure"),
    ),
)
