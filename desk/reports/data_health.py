"""Data health: when numbers were silent, and how far what each told can be believed, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from contacts.models import Channel, Team
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.base.days import typed_period
from desk.labels.mapping import UNDECIDED
from desk.reports import report_downloads
from labels.models import Method
from reports.columns import written
from reports.definitions import definition
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import data_health, periods
from reports.selectors.data_health import ChannelHealthRow
from reports.selectors.gaps import Silence
from transfer.layouts import RECORD_LAYOUTS

MAY_READ = "reports.view_report"
PRESETS = {
    "last_7": gettext_lazy("7 days"),
    "last_30": gettext_lazy("30 days"),
    "last_90": gettext_lazy("90 days"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
}
MOST_DAYS = 100  # in the calendar; of a longer period the last
LEVELS = (timedelta(0), timedelta(hours=1), timedelta(hours=6), timedelta(hours=18))
FIGURES = (
    "gap_s", "late", "delay_median_s", "drift", "capped", "duplicates", "removals_never_seen", "lid_only", "inferred",
    "unmapped",
)  # fmt: skip
KEYS = frozenset({"gap_s", "late", "delay_median_s"})  # what a phone shows at once
MAPPED, LISTED = "unmapped", "inferred"


@dataclass(frozen=True, slots=True)
class HealthCell:
    """One figure of a number as it is shown; `url` opens what is behind it."""

    name: str
    title: str
    text: str
    url: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)  # (text, url)

    @property
    def is_key(self) -> bool:
        return self.name in KEYS


@dataclass(frozen=True, slots=True)
class DayOfNumber:
    """A day of the calendar: how silent (0 to 4), whether all of it was made good, and the same in words."""

    day: date
    level: int
    repaired: bool
    words: str


@dataclass(frozen=True, slots=True)
class NumberLine:
    """A number: its days, its silences in words, its figures and what to do about it."""

    row: ChannelHealthRow
    days: list[DayOfNumber]
    silences: list[Silence]
    said: str
    cells: list[HealthCell]
    todo: list[tuple[str, str]]  # (sentence, url)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/data-health/`; a period, a team or a number narrow it, `?format=` makes a file of the rows."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    query, problem = _query(request)
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        return report_downloads.download(request, query, code=code)
    silent = data_health.silent_times(query.question)
    lines = [_line(row, silent.get(row.id, []), query) for row in query.rows]
    lines.sort(key=lambda line: (-line.row.gap_s, -len(line.todo), line.row.name.casefold()))
    days = _days(query)
    context = {
        **admin.site.each_context(request),
        "title": _("Data health"),
        "query": query,
        "problem": problem,
        "filters": _filters(query, request),
        "lines": lines,
        "sentence": _sentence(query.rows),
        "first_day": days[0],
        "last_day": days[-1],
        "cut": query.period.end - query.period.start > timedelta(days=MOST_DAYS + 1),
        "any_silence": any(line.silences for line in lines),
        "definitions": [definition(name, get_language()) for name in FIGURES],
        "downloads": report_downloads.links(
            request.user, lambda code: f"?{urlencode({**_kept(request), 'format': code})}"
        ),
        "compared": any(row.drift is not None for row in query.rows),
    }
    return TemplateResponse(request, "reports/data_health.html", context)


def _query(request: HttpRequest) -> tuple[ReportQuery, str]:
    given, viewer = typed_period(_kept(request)), viewer_of(request.user)
    if given.get("from") or given.get("to"):
        given.pop("period", None)
    try:
        return parse_query(REPORTS["data-health"], given, viewer=viewer), ""
    except InvalidQuery as wrong:
        return parse_query(REPORTS["data-health"], {}, viewer=viewer), f"{wrong.name}: {wrong.message}"


def _kept(request: HttpRequest) -> dict[str, str]:
    names = ("period", "from", "to", "until", "team", "channel")
    return {name: request.GET[name] for name in names if request.GET.get(name)}


def _filters(query: ReportQuery, request: HttpRequest) -> list[dict[str, Any]]:
    """What is chosen above the page; days that were given in the address are the first choice."""
    teams = [(str(team.pk), team.name) for team in Team.objects.visible_to(query.viewer)]
    numbers = Channel.objects.visible_to(query.viewer).exclude(gateway=CRM_GATEWAY)
    return [
        {"name": "period", "title": _("Period"), "choices": list(PRESETS.items()), "chosen": query.preset},
        {"name": "team", "title": _("Team"), "choices": teams, "chosen": str(query.shown.get("team") or "")},
        {
            "name": "channel", "title": _("Number"), "choices": [(each.key, each.name) for each in numbers],
            "chosen": query.shown.get("channel") or "",
        },
    ]  # fmt: skip


def _sentence(rows: Sequence[ChannelHealthRow]) -> str:
    """What the calendar shows, in one sentence."""
    silent = [row for row in rows if row.gaps]
    if not silent:
        return _("No number was cut off without being made good.")
    words = ngettext(
        "%(n)d of %(all)d numbers was cut off, %(hours)s in all: what was labelled then is not known.",
        "%(n)d of %(all)d numbers were cut off, %(hours)s in all: what was labelled then is not known.",
        len(silent),
    )
    seconds = sum(row.gap_s for row in silent)
    return words % {"n": len(silent), "all": len(rows), "hours": written(seconds, "seconds")}


# -- One number -------------------------------------------------------------------------------------------------------


def _line(row: ChannelHealthRow, silent: Sequence[Silence], query: ReportQuery) -> NumberLine:
    latest = sorted(silent, key=lambda each: each.since, reverse=True)
    days = [_day(day, silent) for day in _days(query)]
    return NumberLine(row, days, latest, _in_words(row), list(_cells(row, query)), list(_todo(row, silent, query)))


def _in_words(row: ChannelHealthRow) -> str:
    """How silent a number was, for who cannot see the calendar too."""
    said = []
    if row.gaps:
        words = ngettext("%(n)d gap, %(length)s", "%(n)d gaps, %(length)s", row.gaps)
        said.append(words % {"n": row.gaps, "length": written(row.gap_s, "seconds")})
    if row.repaired_s:
        said.append(_("%(length)s made good") % {"length": written(row.repaired_s, "seconds")})
    return " · ".join(said) or _("no gap")


def _days(query: ReportQuery) -> list[date]:
    """The business days of the period up to today, the last MOST_DAYS of them."""
    end = min(query.period.end - timedelta(microseconds=1), query.now)
    first, last = (timezone.localtime(at).date() for at in (query.period.start, max(end, query.period.start)))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return days[-MOST_DAYS:]


def _day(day: date, silent: Sequence[Silence]) -> DayOfNumber:
    start, end = periods.midnight(day), periods.midnight(day + timedelta(days=1))
    parts = [_within(each, start, end) for each in silent]
    lost = data_health.length([each for each in parts if each is not None], repaired=False)
    good = data_health.length([each for each in parts if each is not None], repaired=True)
    level = sum(lost > limit for limit in LEVELS)
    words = ""
    if lost or good:
        length = written((lost or good).total_seconds(), "seconds")
        words = _("%(length)s unknown") % {"length": length} if lost else _("%(length)s made good") % {"length": length}
    return DayOfNumber(day, level, not lost and bool(good), words)


def _within(silence: Silence, start: datetime, end: datetime) -> Silence | None:
    since, until = max(silence.since, start), min(silence.until or end, end)
    return Silence(silence.channel, since, until, silence.repaired) if since < until else None


def _cells(row: ChannelHealthRow, query: ReportQuery) -> Iterator[HealthCell]:
    for name in FIGURES:
        value = getattr(row, name)
        kind = "seconds" if name.endswith("_s") else "count"
        text = written(value, kind) if value or not name.endswith("_s") else "–"
        lines = _beside(row, query)[name] if name in _BESIDE else []
        yield HealthCell(name, definition(name, get_language()).title, text, _url(row, name, query), lines)


_BESIDE = frozenset({"gap_s", "delay_median_s", "inferred"})


def _beside(row: ChannelHealthRow, query: ReportQuery) -> dict[str, list[tuple[str, str]]]:
    """What stands smaller under a figure."""
    good = [(_("%(length)s made good") % {"length": written(row.repaired_s, "seconds")}, "")] if row.repaired_s else []
    gaps = ngettext("%(n)d gap", "%(n)d gaps", row.gaps) % {"n": row.gaps}
    delays = [
        (_("9 in 10 within %(n)s") % {"n": written(row.delay_p90_s, "seconds")}, ""),
        (_("longest %(n)s") % {"n": written(row.delay_max_s, "seconds")}, ""),
    ]
    methods = [
        (f"{Method(method).label}: {written(count, 'count')}", _rows_url(row, f"by_{method}", query))
        for method in data_health.METHODS
        if (count := getattr(row, f"by_{method}"))
    ]
    return {
        "gap_s": ([(gaps, "")] if row.gaps else []) + good,
        "delay_median_s": delays if row.delay_max_s is not None else [],
        "inferred": methods,
    }


def _url(row: ChannelHealthRow, name: str, query: ReportQuery) -> str:
    """What is behind a figure: its contacts, or the list where it is put right; "" where there is nothing to open."""
    if not getattr(row, name):
        return ""
    if name == MAPPED:
        return f"{reverse('admin:labels_channellabel_changelist')}?{urlencode({'channel': row.id, 'state': UNDECIDED})}"
    return _rows_url(row, name, query) if name in data_health.COUNTS else ""


def _rows_url(row: ChannelHealthRow, figure: str, query: ReportQuery) -> str:
    if not query.viewer.may("contacts.view_contact"):
        return ""
    start, end = (timezone.localtime(at).isoformat() for at in (query.period.start, query.period.end))
    asked = {"report": "data-health", "from": start, "to": end, "figure": figure, "who": str(row.id)}
    return f"{reverse('report-rows')}?{urlencode(asked)}"


def _todo(row: ChannelHealthRow, silent: Sequence[Silence], query: ReportQuery) -> Iterator[tuple[str, str]]:
    """What somebody can do about a number, and where."""
    number = reverse("channel-connection", args=[row.id]) if query.viewer.may("contacts.change_channel") else ""
    if any(not each.repaired and each.until is not None and each.until >= query.now for each in silent):
        yield _("It is cut off now: look at the connection."), number
    if row.owner is None:
        yield _("It has no owner: its labels count for nobody. Say whose number it is."), number
    if row.late:
        yield _("Events came late: ask the gateway to post again when a post fails, and to keep its clock right."), ""
    if row.capped:
        yield _("The clock of the gateway or of a phone is ahead: set it by the network."), ""
    if row.drift:
        yield _("Webhooks lost events that a pull found: let the gateway post again when a post fails."), ""
