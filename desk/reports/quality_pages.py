"""CS quality and campaign quality: pages of figures that are judged, and the dictionary of what figures mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from contacts.models import Channel, ContactChannel
from contacts.selectors.viewing import viewer_of
from desk.reports import campaign_charts, quality_columns, report_downloads, soon_pictures
from desk.reports.campaign_charts import ALL, curves_chart, funnel, quality_chart, who_of
from desk.reports.page_frame import (
    GapLine,
    address_with,
    asked_query,
    asks_for_time,
    check_may_read,
    definitions_of,
    frame,
    gap_lines,
    rows_address,
    same_again,
)
from desk.reports.proven_picture import proven_picture
from desk.reports.whiskers import draw_whiskers
from labelcrm.core.viewer import Viewer
from reports import columns
from reports.definitions import definition, sections
from reports.limits import ReportLimits, in_words
from reports.query import ReportKind, ReportQuery
from reports.registry import REPORTS
from reports.selectors import agent_times, agents, periods
from reports.selectors.campaigns import Basis
from reports.selectors.periods import Period
from transfer.layouts import RECORD_LAYOUTS

PAGES = {
    "agents": gettext_lazy("CS quality"),
    "campaigns": gettext_lazy("Campaign quality"),
}


@dataclass(frozen=True, slots=True)
class PageRow:
    """One row of a page: who it is about, and the cells of each table."""

    who: str
    name: str
    notes: list[str]
    tables: list[list[columns.Cell]]
    is_total: bool = False
    line: list[columns.SmallFigure] = field(default_factory=list)
    link: str = ""  # the page that is about this row alone


@require_GET
def quality_page(request: HttpRequest, name: str) -> HttpResponse:
    """`/admin/reports/<name>/`; `?format=` one of the RECORD_LAYOUTS is the same rows as a file."""
    check_may_read(request)
    report = REPORTS[name]
    opens_on = _judged_period(report, request.GET.dict(), viewer_of(request.user))
    query, problem = asked_query(request, report, opens_on=opens_on)
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        return report_downloads.download(request, _downloaded(request, query), code=code)
    context = {
        **frame(request, query, problem, title=PAGES[name], without=() if name == "agents" else ("campaign",)),
        **_tables(request, query),
        **_opening(request, query),
        "name": name,
        "first": query.key.name,
        "too_young": _too_young(query),
        "judged_after": in_words(_judged_after(query.report), english=get_language() == "en"),
        "gaps": _gaps(query),
        **(_charts(request, query) if name == "campaigns" else _pictures(request, query)),
        "longer_url": address_with(request, period="last_90") if query.preset != "last_90" else "",
    }
    return TemplateResponse(request, "reports/report.html", context)


def _tables(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """The rows of the report in the order that was asked for, all of them together before them."""
    groups, sort = _groups(request, query), request.GET.get("sort", "")
    shown_columns = [column for group in groups for column in group.columns]
    definitions = definitions_of(dict.fromkeys([*(column.name for column in shown_columns), *_explained(query)]))
    titles = {each.name: each.title for each in definitions}
    rows = columns.ordered(query.rows, shown_columns, sort)
    shown = [_page_row(row, query, groups, titles) for row in rows]
    if total := len(rows) > 1 and not query.only:
        shown.insert(0, _total_row(query, rows, groups, titles))
    draw_whiskers(cell for row in shown for table in row.tables for cell in table)
    return {
        "tables": [_table(group, shown, place) for place, group in enumerate(groups)],
        "total": total,
        "sort": sort,
        "sort_url": address_with(request, sort=None),
        "definitions": definitions,
        "few": any(cell.few for row in shown for table in row.tables for cell in table),
    }


def _groups(request: HttpRequest, query: ReportQuery) -> list[columns.Group]:
    """The tables; those of CS quality as the reader chose their columns."""
    if query.report.name == "agents":
        return quality_columns.shown_groups(request.user)
    return columns.groups_of(query.report.name, query.basis)


def _explained(query: ReportQuery) -> tuple[str, ...]:
    """The figures of the pictures, which are explained whatever columns are shown."""
    return ("came_true", *soon_pictures.FIGURES) if query.report.name == "agents" else ()


def _pictures(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """The pictures of CS quality, which need a script; and the columns that may be chosen for its tables."""
    rows_url = rows_address(query)
    proven, soon = proven_picture(query.rows, rows_url=rows_url), soon_pictures.pictures(query.rows, rows_url=rows_url)
    return {
        "proven": proven,
        "soon": soon,
        "draws": proven is not None or bool(soon),
        "choices": quality_columns.choices(request.user),
        "choose_url": f"{reverse('report-agents-columns')}{address_with(request)}",
    }


def _charts(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """The pictures of the campaign page; by date of label there are no shares, and so none."""
    figures = ("contacts", *campaign_charts.STEPS, "cost_per_high")
    titles = {figure: definition(figure, get_language()).title for figure in figures}
    drawn: dict[str, Any] = {"titles": titles, "cohort_url": address_with(request, basis=None)}
    if not _is_cohort(query):
        return drawn
    lines = curves_chart(
        query.curves, outcome=request.GET.get("curve", ""), who=request.GET.get("of", ""),
        window=_judged_after(query.report) // timedelta(days=1),
    )  # fmt: skip
    kept = [pair for pair in request.GET.items() if pair[0] not in ("of", "curve", "format", "table")]
    return drawn | {
        "quality": quality_chart(query.rows),
        "curves": lines,
        "curve_title": titles[lines.outcome] if lines else "",
        "funnel": funnel(query.rows, [titles[step] for step in ("contacts", *campaign_charts.STEPS)]),
        "kept": kept,
        "curves_downloads": report_downloads.links(
            request.user, lambda code: address_with(request, format=code, table="curves")
        ),
        "curve_rows_url": f"{reverse('report-rows')}?{urlencode(same_again(query) | {'report': 'curves'})}",
    }


def _downloaded(request: HttpRequest, query: ReportQuery) -> ReportQuery:
    """What a file of the page holds: its own rows, or those of the maturity curves on it."""
    if request.GET.get("table") != "curves" or not _is_cohort(query):
        return query
    return replace(query, report=REPORTS["curves"])


def _too_young(query: ReportQuery) -> bool:
    """Whether the shares that wait some days are empty because everybody of the period is younger than that."""
    if query.report.name == "agents":
        return any(row.came_true_immature for row in query.rows) and not any(row.came_true.n for row in query.rows)
    if query.basis is Basis.EVENT:
        return False
    return any(row.contacts for row in query.rows) and all(row.immature == row.contacts for row in query.rows)


def _judged_after(report: ReportKind) -> timedelta:
    """How old contacts must be to be judged."""
    return ReportLimits.now().campaign if report.name == "campaigns" else agents.PROVEN_AFTER


def _gaps(query: ReportQuery) -> list[GapLine]:
    """The gaps that windows of the period may overlap."""
    if query.basis is Basis.EVENT and query.report.name == "campaigns":
        return []
    return gap_lines(query, before=min(query.period.end + _judged_after(query.report), query.now))


def _table(group: columns.Group, shown: list[PageRow], place: int) -> dict[str, Any]:
    heads = [(column, definition(column.name, get_language())) for column in group.columns]
    rows = [(row, row.tables[place]) for row in shown]
    return {"title": group.title, "keys": group.keys, "heads": heads, "rows": rows}


def _page_row(row: Any, query: ReportQuery, groups: list[columns.Group], titles: dict[str, str]) -> PageRow:
    who = query.key.of(row)
    names = {"agents": _("Nobody known"), "campaigns": _("No campaign")}
    notes = [_("archived")] if row.archived else []
    if getattr(row, "young_channel", False):
        notes.append(_("number new: under 30 days"))
    return PageRow(
        who=who_of(who),
        name=row.name or names[query.report.name],
        notes=notes,
        tables=_cells(row, groups, titles),
        line=_line(row, query),
        link=_own_page(row, query),
    )


def _own_page(row: Any, query: ReportQuery) -> str:
    """Where one CS is seen over time; nobody has no such page."""
    if query.report.name != "agents" or row.agent is None:
        return ""
    return reverse("report-agent", args=[row.agent])


def _total_row(query: ReportQuery, rows: list[Any], groups: list[columns.Group], titles: dict[str, str]) -> PageRow:
    """All rows together, which open what every one of them opens."""
    summed = columns.total(rows)
    if query.report.name == "agents":
        vars(summed).update(agent_times.of_all(query.question))
    return PageRow(ALL, _("Total"), [], _cells(summed, groups, titles), is_total=True, line=_line(summed, query))


def _line(row: Any, query: ReportQuery) -> list[columns.SmallFigure]:
    if query.report.name == "agents":
        return columns.line_of_agent(row)
    return columns.line_of(row) if _is_cohort(query) else []


def _is_cohort(query: ReportQuery) -> bool:
    """Whether the page compares campaigns by date of touch, which has shares to compare."""
    return query.report.name == "campaigns" and query.basis is Basis.COHORT


def _cells(row: Any, groups: list[columns.Group], titles: dict[str, str]) -> list[list[columns.Cell]]:
    return [[columns.cell(row, column, title=titles[column.name]) for column in group.columns] for group in groups]


def _judged_period(report: ReportKind, given: dict[str, str], viewer: Viewer) -> Period | None:
    """The period that a page opens on: the newest whose shares can all be judged; None where there is none to judge.

    The last 30 days would open on empty figures: nothing in them has had its 30 days yet. There is nothing to judge
    by date of label, nor before somebody wrote that long ago on a number of the reader.
    """
    if given.get("basis") == Basis.EVENT:
        return None
    period = periods.judged(now=timezone.now(), after=_judged_after(report))
    channels = Channel.all_objects.visible_to(viewer)
    known = ContactChannel.objects.filter(channel__in=channels, first_inbound_at__lt=period.end)
    return period if known.exists() else None


def _opening(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What the page says of the period that it opens on, and the ways to it and away from it."""
    opened = not asks_for_time(request) and not query.preset
    return {
        "opened": opened,
        "can_open": opened or _judged_period(query.report, request.GET.dict(), query.viewer) is not None,
        "opened_url": address_with(request, period=None),
        "newest_url": address_with(request, period="last_30"),
        "last_day": query.period.end - timedelta(microseconds=1),
    }


@require_GET
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Every definition on one page."""
    check_may_read(request)
    context = {
        **admin.site.each_context(request),
        "title": _("What the figures mean"),
        "sections": sections(get_language()),
    }
    return TemplateResponse(request, "reports/metrics.html", context)
