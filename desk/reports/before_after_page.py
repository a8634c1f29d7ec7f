"""Before and after a day: what somebody changed on it, and whether a figure of CS quality shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from unfold.widgets import UnfoldAdminSelectWidget

from desk.base.days import DayField
from desk.reports import before_after_pictures, report_downloads
from desk.reports.campaign_charts import ALL
from desk.reports.filter_bar import FilterForm
from desk.reports.page_frame import asked_query, check_may_read, defined, frame, gap_lines, rows_address
from labelcrm.core.dates import is_within_reach
from labelcrm.lib.typed_days import read_day
from reports.columns import interval, written
from reports.definitions import definition
from reports.query import ReportQuery
from reports.registry import REPORTS
from reports.selectors import before_after
from reports.selectors.before_after import METRICS, BeforeAfter, Side
from reports.selectors.shares import FEW
from transfer import report_files
from transfer.layouts import RECORD_LAYOUTS

WEEKS = (2, 4, 8)
USUAL_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks besides the filters of the report."""

    day: date
    metric: str
    weeks: int


class BeforeAfterForm(FilterForm):
    """The filters of CS quality, with a day, a figure and a length in place of a period."""

    def __init__(self, query: ReportQuery, asked: Asked) -> None:
        super().__init__(query)
        filters = {name: field for name, field in self.fields.items() if name not in ("from", "until")}
        titles = [(name, definition(name, get_language()).title) for name in METRICS]
        lengths = [(weeks, ngettext("%(n)d week", "%(n)d weeks", weeks) % {"n": weeks}) for weeks in WEEKS]
        self.fields = {
            "on": DayField(label=_("What changed on"), initial=asked.day),
            "metric": _choice(_("Figure"), titles, asked.metric),
            "weeks": _choice(_("On each side"), lengths, asked.weeks),
            **filters,
        }


def _choice(label: str, choices: Sequence[tuple[Any, Any]], chosen: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, initial=chosen, required=False, widget=UnfoldAdminSelectWidget
    )


@dataclass(frozen=True, slots=True)
class SideRow:
    """One side in the table: its name, its figure and what opens it, and who is not judged."""

    name: str
    period: Any
    text: str
    beside: str
    link: str
    few: bool
    notes: list[tuple[str, str]]  # words, and the rows behind them


@require_GET
def before_after_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/agents/before-after/?on=&metric=&weeks=` and the filters of CS quality."""
    check_may_read(request)
    asked, problem = _asked(request)
    metric = METRICS[asked.metric]
    query, wrong = _query(request, asked)
    found = before_after.compare(
        query.question, metric, asked.day, weeks=asked.weeks, agent=query.only.get("agent")
    )  # fmt: skip
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not (problem or wrong):
        return report_downloads.send(
            request, query, report_files.BEFORE_AFTER, _parts(found), code=code, name=f"before-after-{asked.metric}"
        )
    gaps = gap_lines(query, before=min(query.period.end, query.now))
    title = definition(asked.metric, get_language()).title
    context = {
        **frame(request, query, problem or wrong, title=_("Before and after")),
        "form": BeforeAfterForm(query, asked),
        "presets": [],
        "asked": asked,
        "narrowed": True,
        "figure": title,
        "sentence": before_after_pictures.sentence(found, title, asked.day),
        "verdict": before_after_pictures.verdict(found),
        "picture": before_after_pictures.picture(found, _links(query, found), title=title, day=asked.day, gaps=gaps),
        "rows": _rows(query, found),
        "short": found.after.period.end > query.now,
        "is_time": bool(metric.seconds),
        "waits": metric.name in ("came_true", "cold_yet_bought"),
        "gaps": gaps,
        "draws": True,
        **defined([asked.metric]),
    }
    return TemplateResponse(request, "reports/before_after.html", context)


def _asked(request: HttpRequest) -> tuple[Asked, str]:
    """What is asked, and a sentence about a day that cannot be meant."""
    given, today = request.GET, timezone.localdate()
    weeks = next((n for n in WEEKS if str(n) == given.get("weeks")), USUAL_WEEKS)
    metric = given.get("metric", "") if given.get("metric") in METRICS else next(iter(METRICS))
    usual = today - timedelta(days=7 * weeks)
    text = given.get("on", "").strip()
    day = read_day(text, today=today) if text else usual
    if day is None or not is_within_reach(day) or day > today:
        return Asked(usual, metric, weeks), _("Choose a day that is over: there is nothing after a later one.")
    return Asked(day, metric, weeks), ""


def _query(request: HttpRequest, asked: Asked) -> tuple[ReportQuery, str]:
    before, after = before_after.sides(asked.day, weeks=asked.weeks)
    ends = {"from": before.start.isoformat(), "to": after.end.isoformat(), "period": ""}
    return asked_query(request, REPORTS["agents"], opens_on=None, **ends)


# -- The table --------------------------------------------------------------------------------------------------------


def _address(query: ReportQuery, side: Side) -> str:
    return rows_address(replace(query, period=side.period))


def _opened(query: ReportQuery, side: Side, figure: str) -> str:
    who = query.only.get("agent") or ALL
    return f"{_address(query, side)}&{urlencode({'figure': figure, 'who': who})}"


def _links(query: ReportQuery, found: BeforeAfter) -> list[str]:
    """What opens each week."""
    return [_opened(query, week, found.metric.rows) if week.share and week.share.k else "" for week in found.weeks]


def _parts(found: BeforeAfter) -> list[tuple[str, Side]]:
    """Both sides and the weeks, by what the file calls them."""
    return [("before", found.before), ("after", found.after), *(("week", week) for week in found.weeks)]


def _rows(query: ReportQuery, found: BeforeAfter) -> list[SideRow]:
    return [_row(query, found, side, name) for side, name in ((found.before, _("before")), (found.after, _("after")))]


def _row(query: ReportQuery, found: BeforeAfter, side: Side, name: str) -> SideRow:
    rows, figure = found.metric.rows, found.metric.name
    notes = [
        (words % {"n": written(n, "count")}, _opened(query, side, f"{figure}_{part}"))
        for part, n, words in (
            ("immature", side.immature, _("%(n)s too young")),
            ("unknown", side.unknown, _("%(n)s unknown because of a gap")),
        )
        if n
    ]
    if side.share is not None:
        text, beside, few = written(side.share, "share"), interval(side.share), side.share.few
        some = side.share.k
    else:
        some = len(side.seconds)
        text, few = written(side.median_s, "seconds"), some < FEW
        beside = _("9 in 10 within %(time)s, %(n)s contacts") % {
            "time": written(side.p90_s, "seconds"),
            "n": written(some, "count"),
        }
    return SideRow(name, side.period, text, beside, _opened(query, side, rows) if some else "", few, notes)
