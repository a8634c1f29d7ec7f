"""How leads move: the board that adds up, and the ways to look at the same moves, one at a time.

Every way is a report of its own (`reports.query`): its rows make the picture, the table and the files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from desk.reports import journey_views, moves_view, report_downloads
from desk.reports.page_frame import (
    address_with,
    asked_query,
    check_may_read,
    defined,
    frame,
    gap_lines,
    key_text,
    rows_address,
)
from labels.models import Label
from reports.columns import written
from reports.query import ReportQuery
from reports.registry import REPORTS
from transfer.layouts import RECORD_LAYOUTS

DAYS_BACK = 365  # that the slider of the board reaches back


@dataclass(frozen=True, slots=True)
class MovementView:
    """One way to look at moves: its report, its words, its template, and what it adds to the page."""

    report: str
    title: str | Promise
    context: Callable[[HttpRequest, ReportQuery], dict[str, Any]]
    figures: tuple[str, ...]  # whose definitions stand behind an "i"


@require_GET
def movement_page(request: HttpRequest) -> HttpResponse:
    """`?view=` one of VIEWS and the parameters of its report; `?format=` one of the RECORD_LAYOUTS is a file."""
    check_may_read(request)
    name = request.GET.get("view", "")
    name = name if name in VIEWS else next(iter(VIEWS))
    view = VIEWS[name]
    query, problem = asked_query(request, _report(request, name))
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        once = name == "moves" and query.report.name == "movement"
        return report_downloads.download(request, query, code=code, beside="cells" if once else "")
    context = {
        **frame(request, query, problem, title=_("Movement"), kept=("view", "count", "step")),
        "view": name,
        "views": [(key, each.title, address_with(request, view=key)) for key, each in VIEWS.items()],
        "gaps": gap_lines(query, before=min(query.period.end, query.now)),
        "draws": True,
        **defined(view.figures, report=query.report.name),
        **view.context(request, query),
    }
    return TemplateResponse(request, f"reports/movement/{name}.html", context)


def _report(request: HttpRequest, name: str) -> Any:
    """Moves that count each contact once are the cells of the board."""
    if name == "moves" and request.GET.get("count") != moves_view.ALL_MOVES:
        return REPORTS["movement"]
    return REPORTS[VIEWS[name].report]


# -- The board --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageCard:
    """One stage: the label that it is (None: no stage), its row, what changed, and what its figures open."""

    label: Label | None
    row: Any
    change: int
    change_text: str
    links: dict[str, str]


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """The stages of one step, None is no stage."""

    step: int | None
    cards: list[StageCard]


def _board(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    board = query.board
    cards = _cards(board.rows, rows_address(query))
    total = SimpleNamespace(**{name: sum(getattr(row, name) for row in board.rows) for name in _SUMMED})
    return {
        "columns": [BoardColumn(step, list(each)) for step, each in groupby(cards, key=lambda card: card.row.step)],
        "cards": cards,
        "total": total,
        "sentence": _board_sentence(board.rows, total),
        "by_repair": sum(row.in_by_repair for row in board.rows),
        **_days(request, query),
    }


_SUMMED = ("start", "new", "in_", "out", "end")
FIGURES = ("start", "new", "in", "in_by_repair", "out", "out_by_repair", "end")


def _cards(rows: Sequence[Any], rows_url: str) -> list[StageCard]:
    labels = Label.all_objects.in_bulk([row.stage for row in rows if row.stage])
    return [
        StageCard(
            label=labels.get(row.stage or 0),
            row=row,
            change=row.end - row.start,
            change_text=signed(row.end - row.start),
            links=_links(row, rows_url),
        )
        for row in rows
    ]


def _links(row: Any, rows_url: str) -> dict[str, str]:
    """What opens each figure of a stage; nothing opens a 0."""
    figures = {figure: getattr(row, "in_" if figure == "in" else figure) for figure in FIGURES}
    row_key = key_text(row.stage)
    return {name: f"{rows_url}&{urlencode({'figure': name, 'who': row_key})}" for name, n in figures.items() if n}


def signed(number: int) -> str:
    """A change: with its sign, and none for no change."""
    return f"+{written(number, 'count')}" if number > 0 else written(number, "count")


def _board_sentence(rows: Sequence[Any], total: Any) -> str:
    """Where contacts are; "" where there are none, which the board says itself."""
    if not total.start and not total.new:
        return ""
    largest = max((row for row in rows if row.stage is not None), key=lambda row: row.end, default=None)
    counts = {
        name: written(n, "count") for name, n in (("moved", total.out), ("start", total.start), ("new", total.new))
    }
    moved = _("%(moved)s of %(start)s contacts are in another stage than at the start, and %(new)s are new.") % counts
    if not total.start:
        moved = _("All %(new)s contacts are new.") % counts
    if largest is None or not largest.end:
        return moved
    most = _("Most are in “%(stage)s”: %(n)s.") % {"stage": largest.name, "n": written(largest.end, "count")}
    return f"{moved} {most}"


def _days(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """The day as of which the board stands, its neighbours, and the slider over the days before today."""
    today = timezone.localtime(query.now).date()
    last = timezone.localtime(query.period.end - timedelta(microseconds=1)).date()
    first = timezone.localtime(query.period.start).date()
    steps = ((-30, _("30 days earlier")), (-7, _("7 days earlier")), (-1, _("1 day earlier")), (1, _("1 day later")))
    days = [(last + timedelta(days=by), words) for by, words in steps]

    def address(day: Any) -> str:
        start = min(first, day - timedelta(days=29)) if day < first else first
        return address_with(request, period=None, **{"from": start.isoformat(), "until": day.isoformat()})

    return {
        "as_of": last,
        "as_of_min": today - timedelta(days=DAYS_BACK),
        "as_of_max": today,
        "as_of_from": first,
        "as_of_days": DAYS_BACK,
        "as_of_place": max(0, DAYS_BACK - (today - last).days),
        "neighbours": [(address(day), words) for day, words in days if day <= today],
    }


VIEWS = {
    "board": MovementView("movement", gettext_lazy("Board"), _board, ("start", "new", "in", "out", "end")),
    "moves": MovementView("moves", gettext_lazy("Moves"), moves_view.context, ()),
    "funnel": MovementView(
        "funnel", gettext_lazy("Funnel"), journey_views.funnel, ("contacts", "reached", "went_through")
    ),
    "time": MovementView(
        "time-in-stage", gettext_lazy("Time in stage"), journey_views.time_in_stage, journey_views.TIME_FIGURES
    ),
    "cohorts": MovementView("cohorts", gettext_lazy("Weekly cohorts"), journey_views.cohorts, ("contacts", "reached")),
}
