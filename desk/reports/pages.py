"""The report pages: agents, campaigns, the rows behind a number, and the metric dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from unfold.widgets import UnfoldAdminSelectWidget

from contacts.models import Channel, Contact, ContactChannel, Team
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.base.days import DayField, typed_period
from desk.reports import campaign_charts, contradictions, data_health, report_downloads, restatements
from desk.reports.as_segment import ALL_ROWS, segment_url
from desk.reports.campaign_charts import ALL, NONE, curves_chart, funnel, quality_chart, who_of
from labelcrm.core.dates import moment_of
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import whole_number
from labels.models import Label
from reports import columns
from reports.definitions import definition, sections
from reports.figure_names import figure_of, part_of
from reports.limits import ReportLimits, in_words
from reports.query import REPORTS, InvalidQuery, ReportKind, ReportQuery, parse_query
from reports.selectors import agents, facts, periods
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.filtered_spells import hidden_contacts
from reports.selectors.periods import Period
from transfer.layouts import RECORD_LAYOUTS
from transfer.report_export import asked_again

MAY_READ = "reports.view_report"
ROWS = 50

PAGES = {
    "agents": gettext_lazy("CS quality"),
    "campaigns": gettext_lazy("Campaign quality"),
}
PRESETS = {
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "last_7": gettext_lazy("7 days"),
    "last_30": gettext_lazy("30 days"),
    "last_90": gettext_lazy("90 days"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
}


# -- Filters ----------------------------------------------------------------------------------------------------------


class FilterForm(forms.Form):
    """The filters of a page as they are set; what is typed goes through `reports.query` like everything else."""

    def __init__(self, query: ReportQuery) -> None:
        super().__init__()
        last_moment = query.period.end - timedelta(microseconds=1)
        first, last = (timezone.localtime(moment).date() for moment in (query.period.start, last_moment))
        self._day("from", _("From"), first)
        self._day("until", _("Until and including"), last)
        self._choice("channel", _("Channel"), self._channels(query.viewer), query.shown.get("channel"))
        self._choice("team", _("Team"), self._teams(query.viewer), query.shown.get("team"))
        if "label" in query.report.parameters:
            labels = [(label.pk, str(label)) for label in Label.objects.visible_to(query.viewer)]
            self._choice("label", _("Label"), labels, query.shown.get("label"))
            chosen = "true" if query.filters.certain else ""
            self._choice("certain", _("Labeller"), [("true", _("Known labeller only"))], chosen)
        if "touch" in query.report.parameters:
            touches = [(Touch.FIRST.value, _("First touch")), (Touch.LAST.value, _("Last touch"))]
            bases = [(Basis.COHORT.value, _("By date of touch")), (Basis.EVENT.value, _("By date of label"))]
            self._choice("touch", _("Touch"), touches, query.touch.value, empty=False)
            self._choice("basis", _("Basis"), bases, query.basis.value, empty=False)

    def _day(self, name: str, label: str, value: Any) -> None:
        self.fields[name] = DayField(label=label, initial=value)

    def _choice(self, name: str, label: str, choices: list[Any], value: Any, *, empty: bool = True) -> None:
        choices = [("", _("All")), *choices] if empty else choices
        self.fields[name] = forms.ChoiceField(
            label=label, choices=choices, initial=value or "", required=False, widget=UnfoldAdminSelectWidget
        )

    @staticmethod
    def _channels(viewer: Viewer) -> list[Any]:
        channels = Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY)
        return [(channel.key, channel.name) for channel in channels]

    @staticmethod
    def _teams(viewer: Viewer) -> list[Any]:
        return [(team.pk, team.name) for team in Team.objects.visible_to(viewer)]


# -- Report pages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRow:
    """One row of a page: who it is about, and the cells of each table."""

    who: str
    name: str
    notes: list[str]
    tables: list[list[columns.Cell]]
    is_total: bool = False
    line: list[columns.SmallFigure] = field(default_factory=list)


@require_GET
def report_page(request: HttpRequest, name: str) -> HttpResponse:
    """`/admin/reports/<name>/`; `?format=` one of the RECORD_LAYOUTS is the same rows as a file."""
    _may_read(request)
    query, problem = _query(request, REPORTS[name])
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        return report_downloads.download(request, _downloaded(request, query), code=code)
    groups = columns.groups_of(name, query.basis)
    rows = columns.ordered(query.rows, [c for group in groups for c in group.columns], request.GET.get("sort", ""))
    titles = {c.name: definition(c.name, get_language()).title for group in groups for c in group.columns}
    shown = [_page_row(row, query, groups, titles) for row in rows]
    if total := len(rows) > 1 and not query.only:
        shown.insert(0, _total_row(rows, query, groups, titles))
    context = {
        **admin.site.each_context(request),
        "title": PAGES[name],
        "query": query,
        "problem": problem,
        "form": FilterForm(query),
        "narrowed": bool(problem) or any(query.shown.get(name) for name in ("channel", "team", "label", "certain")),
        "tables": [_table(group, shown, place) for place, group in enumerate(groups)],
        "total": total,
        "sort": request.GET.get("sort", ""),
        "definitions": [definition(c.name, get_language()) for group in groups for c in group.columns],
        **_opening(request, query),
        "presets": [(key, words, _with(request, period=key)) for key, words in PRESETS.items()],
        "downloads": report_downloads.links(request.user, lambda code: _with(request, format=code)),
        "rows_url": f"{reverse('report-rows')}?{urlencode(_parameters(query))}",
        "sort_url": _with(request, sort=None),
        "name": name,
        "first": query.key.name,
        "few": any(cell.few for row in shown for table in row.tables for cell in table),
        "too_young": _too_young(query),
        "judged_after": in_words(_judged_after(query.report), english=get_language() == "en"),
        "gaps": _gaps(query),
        "hidden": hidden_contacts(query.viewer),
        "provisional": periods.is_provisional(query.period.end, now=query.now),
        **(_charts(request, query) if name == "campaigns" else {}),
        "longer_url": _with(request, period="last_90") if query.preset != "last_90" else "",
    }
    return TemplateResponse(request, "reports/report.html", context)


def _charts(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """The pictures of the campaign page; by date of label there are no shares, and so none."""
    figures = ("contacts", *campaign_charts.STEPS, "cost_per_high")
    titles = {figure: definition(figure, get_language()).title for figure in figures}
    drawn: dict[str, Any] = {"titles": titles, "cohort_url": _with(request, basis=None)}
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
            request.user, lambda code: _with(request, format=code, table="curves")
        ),
        "curve_rows_url": f"{reverse('report-rows')}?{urlencode(_parameters(query) | {'report': 'curves'})}",
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


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap as the page names it; an empty `until` means that it is not over."""

    name: str
    since: datetime
    until: datetime | None


def _gaps(query: ReportQuery) -> list[GapLine]:
    """The gaps, of channels the reader sees, that windows of the period may overlap; the latest first."""
    if query.basis is Basis.EVENT and query.report.name == "campaigns":
        return []
    over = min(query.period.end + _judged_after(query.report), query.now)
    overlapping = [gap for gap in query.question.gaps if gap.since < over]
    seen = Channel.all_objects.visible_to(query.viewer).filter(pk__in={gap.channel for gap in overlapping})
    names = dict(seen.values_list("id", "name")) if overlapping else {}
    chosen = query.filters.channels
    lines = [
        GapLine(names[gap.channel], gap.since, gap.until)
        for gap in overlapping
        if gap.channel in names and (chosen is None or gap.channel in chosen)
    ]
    return sorted(lines, key=lambda line: line.since, reverse=True)


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
    )


def _total_row(rows: list[Any], query: ReportQuery, groups: list[columns.Group], titles: dict[str, str]) -> PageRow:
    """All rows together, which open what every one of them opens."""
    summed = columns.total(rows)
    return PageRow(ALL, _("Total"), [], _cells(summed, groups, titles), is_total=True, line=_line(summed, query))


def _line(row: Any, query: ReportQuery) -> list[columns.SmallFigure]:
    return columns.line_of(row) if _is_cohort(query) else []


def _is_cohort(query: ReportQuery) -> bool:
    """Whether the page compares campaigns by date of touch, which has shares to compare."""
    return query.report.name == "campaigns" and query.basis is Basis.COHORT


def _cells(row: Any, groups: list[columns.Group], titles: dict[str, str]) -> list[list[columns.Cell]]:
    return [[columns.cell(row, column, title=titles[column.name]) for column in group.columns] for group in groups]


def _query(request: HttpRequest, report: ReportKind) -> tuple[ReportQuery, str]:
    """The query of a request; when it cannot be meant, the default one and a sentence about the problem."""
    given, viewer = typed_period(request.GET.dict()), viewer_of(request.user)
    if given.get("from") or given.get("to"):
        given.pop("period", None)
    if not _asks_for_time(request) and (period := _judged_period(report, given, viewer)):
        given |= {"from": period.start.isoformat(), "to": period.end.isoformat()}
    try:
        return parse_query(report, given, viewer=viewer), ""
    except InvalidQuery as wrong:
        return parse_query(report, {}, viewer=viewer), f"{wrong.name}: {wrong.message}"


def _asks_for_time(request: HttpRequest) -> bool:
    return any(request.GET.get(name) for name in ("from", "to", "until", "period"))


def _judged_period(report: ReportKind, given: dict[str, str], viewer: Viewer) -> Period | None:
    """The period that a page opens on: the newest whose shares can all be judged; None where there is none to judge.

    The last 30 days would open on empty figures: nothing in them has had its 30 days yet. There is nothing to judge
    by date of label, nor before somebody wrote that long ago on a number of the reader.
    """
    if report.name not in PAGES or given.get("basis") == Basis.EVENT:
        return None
    period = periods.judged(now=timezone.now(), after=_judged_after(report))
    channels = Channel.all_objects.visible_to(viewer)
    known = ContactChannel.objects.filter(channel__in=channels, first_inbound_at__lt=period.end)
    return period if known.exists() else None


def _opening(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What the page says of the period that it opens on, and the ways to it and away from it."""
    opened = not _asks_for_time(request) and not query.preset
    return {
        "opened": opened,
        "can_open": opened or _judged_period(query.report, request.GET.dict(), query.viewer) is not None,
        "opened_url": _with(request, period=None),
        "newest_url": _with(request, period="last_30"),
        "last_day": query.period.end - timedelta(microseconds=1),
    }


def _parameters(query: ReportQuery) -> dict[str, str]:
    """The parameters that ask the same of all rows again, at any later time."""
    asked = {name: value for name, value in asked_again(query).items() if name not in ("agent", "campaign")}
    return {"report": query.report.name, **asked}


def _with(request: HttpRequest, **changes: str | None) -> str:
    """This address with some parameters changed."""
    query = request.GET.copy()
    for name in ("format", "table"):
        query.pop(name, None)
    if "period" in changes:
        query.pop("from", None)
        query.pop("to", None)
        query.pop("until", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _may_read(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied


# -- Files ------------------------------------------------------------------------------------------------------------


def export_page(request: HttpRequest) -> HttpResponse:
    """`?report=` and its parameters: the page before a job that makes its file, where that is long."""
    _may_read(request)
    report = REPORTS.get(request.GET.get("report", ""))
    if report is None:
        raise Http404
    query, problem = _query(request, report)
    if problem:
        raise BadRequest(problem)
    return report_downloads.ask(request, query, back=_back(query) or reverse("admin:exports"))


# -- Rows behind a number ---------------------------------------------------------------------------------------------


@require_GET
def rows_page(request: HttpRequest) -> HttpResponse:
    """`?report=&figure=&who=` and the parameters of the report: exactly what the number counts, page by page."""
    _may_read(request)
    if not request.user.has_perm("contacts.view_contact"):
        raise PermissionDenied
    report = REPORTS.get(request.GET.get("report", ""))
    if report is None or report.facts is None:
        raise Http404
    query, problem = _query(request, report)
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
    title = _title(query, figure, subject, everybody=everybody)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "definition": figure_of(figure, report=report.name),
        "part": part_of(figure),
        "query": query,
        "provisional": periods.is_provisional(query.period.end, now=query.now),
        "total": total,
        "people": people,
        "rows": _lines(found[:ROWS], query.viewer),
        "next_url": _with(request, after=_place(found[ROWS - 1])) if len(found) > ROWS else "",
        "first_url": _with(request, after=None) if "after" in request.GET else "",
        "segment_url": segment_url(query, figure, row=ALL_ROWS if everybody else who, name=title),
        "back_url": _back(query),
    }
    return TemplateResponse(request, "reports/rows.html", context)


def _back(query: ReportQuery) -> str:
    """The page that shows the number; "" for a report without one."""
    page = "campaigns" if query.report.name == "curves" else query.report.name
    parameters = {name: value for name, value in _parameters(query).items() if name not in ("report", "week")}
    return f"{reverse(f'report-{page}')}?{urlencode(parameters)}" if page in PAGES else ""


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


def _title(query: ReportQuery, figure: str, subject: Any, *, everybody: bool) -> str:
    title = figure_of(figure, report=query.report.name).title
    if everybody:
        return title
    nobody = {
        "agent": _("Nobody known"), "campaign": _("No campaign"), "label": _("not mapped yet"), "stage": _("No stage"),
        "week": _("Before labelcrm"),
    }  # fmt: skip
    if subject is None:
        return f"{title}: {nobody.get(query.key_of(figure).name, '–')}"
    return f"{title}: {subject if isinstance(subject, Model) else getattr(subject, 'name', subject)}"


# -- Dictionary -------------------------------------------------------------------------------------------------------


@require_GET
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Every definition on one page."""
    _may_read(request)
    context = {
        **admin.site.each_context(request),
        "title": _("What the figures mean"),
        "sections": sections(get_language()),
    }
    return TemplateResponse(request, "reports/metrics.html", context)


urlpatterns = [
    path("agents/", admin.site.admin_view(report_page), {"name": "agents"}, name="report-agents"),
    path("campaigns/", admin.site.admin_view(report_page), {"name": "campaigns"}, name="report-campaigns"),
    path("rows/", admin.site.admin_view(rows_page), name="report-rows"),
    path("export/", admin.site.admin_view(export_page), name="report-export"),
    path("contradictions/", admin.site.admin_view(contradictions.page), name="report-contradictions"),
    path("data-health/", admin.site.admin_view(data_health.page), name="report-data-health"),
    path("restatements/", admin.site.admin_view(restatements.page), name="report-restatements"),
    path("metrics/", admin.site.admin_view(metrics_page), name="report-metrics"),
]
