"""The rows behind a number of a report, page by page, and the page before a long file of one is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from contacts.models import Agent, Contact
from contacts.selectors.viewing import viewer_of
from desk.reports import report_downloads
from desk.reports.agent_page import is_own
from desk.reports.as_segment import ALL_ROWS, segment_url
from desk.reports.campaign_charts import ALL, NONE
from desk.reports.page_frame import MAY_READ, address_with, asked_query, check_may_read, same_again
from desk.theme import place_under
from labelcrm.core.dates import moment_of
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import whole_number
from labels.models import Label
from reports.figure_names import figure_of, part_of
from reports.query import InvalidQuery, ReportQuery
from reports.registry import REPORTS
from reports.selectors import facts, periods
from reports.selectors.heatmap import weekday_and_hour
from reports.selectors.row_keys import HOURS, RowKey

ROWS = 50
PAGES = {
    "labels": ("report-overview", ""),
    "heatmap": ("report-overview", ""),
    "agents": ("report-agents", ""),
    "campaigns": ("report-campaigns", ""),
    "curves": ("report-campaigns", ""),
    "movement": ("report-movement", "board"),
    "moves": ("report-movement", "moves"),
    "funnel": ("report-movement", "funnel"),
    "time-in-stage": ("report-movement", "time"),
    "cohorts": ("report-movement", "cohorts"),
    "label-budget": ("report-label-budget", ""),
    "unusual": ("report-unusual", ""),
}
"""The page that shows the numbers of a report, and which of its ways to look at them."""


@require_GET
def rows_page(request: HttpRequest) -> HttpResponse:
    """`?report=&figure=&who=` and the parameters of the report: exactly what the number counts, page by page."""
    viewer = viewer_of(request.user)
    if not viewer.may("contacts.view_contact") or not (viewer.may(MAY_READ) or _asks_for_own(request, viewer)):
        raise PermissionDenied
    report = REPORTS.get(request.GET.get("report", ""))
    if report is None or report.facts is None:
        raise Http404
    query, problem = asked_query(request, report)
    if problem:
        raise BadRequest(problem)
    sources, values = query.facts
    figure = request.GET.get("figure", "")
    if figure not in sources:
        raise Http404
    who, everybody = _who(request, query, figure)
    subject = None if who is None else query.subject(who, figure=figure)
    found = facts.rows(
        sources[figure], figure, values, who=who, everybody=everybody, beyond=_cursor(request), limit=ROWS + 1
    )
    total, people = facts.count(sources[figure], figure, values, who=who, everybody=everybody)
    title = _title(query, figure, who, subject, everybody=everybody)
    lines = _lines(found[:ROWS], query.viewer)
    back = _back(query)
    place_under(request, back)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "definition": figure_of(figure, report=report.name),
        "part": part_of(figure),
        "query": query,
        "provisional": periods.is_provisional(query.period.end, now=query.now),
        "total": total,
        "people": people,
        "rows": lines,
        "are_labelled": any(line.label for line in lines),
        "next_url": address_with(request, after=_place(found[ROWS - 1])) if len(found) > ROWS else "",
        "first_url": address_with(request, after=None) if "after" in request.GET else "",
        "segment_url": segment_url(query, figure, row=ALL_ROWS if everybody else who, name=title),
        "back_url": back,
    }
    return TemplateResponse(request, "reports/rows.html", context)


def _asks_for_own(request: HttpRequest, viewer: Viewer) -> bool:
    """Whether a CS asks for her own row of the report of agents, whose page she may open."""
    agent = whole_number(request.GET.get("who", ""))
    if request.GET.get("report") != "agents" or agent is None:
        return False
    return any(is_own(viewer, each) for each in Agent.all_objects.filter(pk=agent))


def _back(query: ReportQuery) -> str:
    """The page that shows the number; "" for a report without one, or that the reader may not open."""
    if not query.viewer.may(MAY_READ):
        return ""
    page, view = PAGES.get(query.report.name, ("", ""))
    parameters = {name: value for name, value in same_again(query).items() if name not in ("report", "week")}
    if view:
        parameters["view"] = view
    return f"{reverse(page)}?{urlencode(parameters)}" if page else ""


def _who(request: HttpRequest, query: ReportQuery, figure: str) -> tuple[Any, bool]:
    """The key of the row that is asked for, and whether all are. Raises Http404."""
    text = request.GET.get("who", ALL)
    if text in (NONE, ALL):
        return None, text == ALL
    try:
        return query.row(figure, text), False
    except InvalidQuery:
        raise Http404 from None


def _cursor(request: HttpRequest) -> facts.Cursor | None:
    text = request.GET.get("after", "")
    if not text:
        return None
    first, second, third, fourth = (*text.split("~", maxsplit=3), "", "", "")[:4]
    contact, label, at, place = whole_number(first), whole_number(second), moment_of(third), whole_number(fourth)
    if contact is None or label is None or at is None or place is None:
        raise BadRequest("This page address is damaged.")
    return contact, label, at, place


def _place(fact: facts.FactRow) -> str:
    contact, label, at, place = fact.cursor
    return f"{contact}~{label}~{at.isoformat()}~{place}"


@dataclass(frozen=True, slots=True)
class RowLine:
    """One fact on the page; `contact` is None for one that the reader may not see."""

    contact: Any
    label: Any
    at: datetime


def _lines(found: list[facts.FactRow], viewer: Viewer) -> list[RowLine]:
    contacts = {
        contact.pk: contact
        for contact in Contact.objects.visible_to(viewer).filter(pk__in={f.contact_id for f in found})
    }
    labels = Label.all_objects.in_bulk({f.label_id for f in found if f.label_id})
    return [RowLine(contacts.get(f.contact_id), labels.get(f.label_id or 0), f.at) for f in found]


def _title(query: ReportQuery, figure: str, row: Any, subject: Any, *, everybody: bool) -> str:
    title = figure_of(figure, report=query.report.name).title
    return title if everybody else f"{title}: {_row_words(query.key_of(figure), row, subject)}"


def _row_words(key: RowKey, row: Any, subject: Any) -> str:
    """What a row is called: whom it is about, else its key in words."""
    nobody = {
        "agent": _("Nobody known"),
        "campaign": _("No campaign"),
        "label": _("not mapped yet"),
        "stage": _("No stage"),
        "week": _("Before labelcrm"),
    }
    if row is None:
        return nobody.get(key.name, "–")
    if isinstance(row, date):
        return str(format_date(row, "DATE_FORMAT"))
    if key.type is HOURS:
        weekday, hour = weekday_and_hour(row)
        return f"{WEEKDAYS[weekday]} {time_format(time(hour), 'TIME_FORMAT')}"
    return str(subject if isinstance(subject, Model) else getattr(subject, "name", subject))


def export_page(request: HttpRequest) -> HttpResponse:
    """`?report=` and its parameters: the page before a job that makes its file, where that is long."""
    check_may_read(request)
    report = REPORTS.get(request.GET.get("report", ""))
    if report is None:
        raise Http404
    query, problem = asked_query(request, report)
    if problem:
        raise BadRequest(problem)
    return report_downloads.ask(request, query, back=_back(query) or reverse("admin:exports"))
