"""The overview: what was added and removed day by day, what is on now, and when; this period beside the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from desk.reports import report_downloads
from desk.reports.page_frame import (
    GapLine,
    address_with,
    asked_query,
    check_may_read,
    defined,
    definitions_of,
    frame,
    gap_lines,
    key_text,
    rows_address,
)
from desk.reports.pictures import Paints, Picture
from reports.columns import written
from reports.definitions import FigureDefinition
from reports.query import ReportQuery
from reports.registry import REPORTS
from reports.selectors import facts, heatmap, periods
from reports.selectors.heatmap import HeatmapRow
from reports.selectors.labels import By
from reports.selectors.periods import Period
from reports.selectors.shares import share
from transfer.layouts import RECORD_LAYOUTS

FIGURES = ("added", "mistaps", "found", "removed", "lost", "net", "active_from", "active_to")
SUMMED = (*FIGURES, "net_by_people")
MOST_DAYS = 92  # of the table, the newest; the file has all
PARTS = ("label", "category", "day")
FILES = (*PARTS, "hours")
"""The tables of the page, each a file: the key that its rows are by, and the hours of the week."""


@require_GET
def overview_page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/overview/`; `?format=` one of the RECORD_LAYOUTS is the rows of `?table=`, one of PARTS."""
    check_may_read(request)
    query, problem = asked_query(request, REPORTS["labels"])
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS and not problem:
        return report_downloads.download(request, _part(query, request.GET.get("table", "")), code=code)
    gaps = gap_lines(query, before=min(query.period.end, query.now))
    by_label, by_day, by_category = query.rows, query.told_by(By.DAY), query.told_by(By.CATEGORY)
    total, before = _sums(by_label), _sums(query.over(period_before(query)).rows)
    paints = Paints(query.question.labels, query.question.categories)
    context = {
        **frame(request, query, problem, title=_("Overview")),
        "draws": True,
        "gaps": gaps,
        "tiles": _tiles(total, before, query),
        "before": period_before(query),
        "total": total,
        "days": _days_picture(by_day, total, gaps, paints),
        "day_lines": _lines(by_day, limit=MOST_DAYS),
        "category_lines": _lines(by_category),
        "now": _active_picture(query, by_label, paints),
        "label_lines": _lines(query),
        **_hours(query),
        **defined(FIGURES),
        "files": {part: _files(request, part) for part in FILES},
    }
    return TemplateResponse(request, "reports/overview.html", context)


def _part(query: ReportQuery, table: str) -> ReportQuery:
    """The query of one of the tables."""
    if table == "hours":
        return _by_hour(query)
    return query.told_by(By(table)) if table in PARTS else query


def _files(request: HttpRequest, part: str) -> Any:
    return report_downloads.links(request.user, lambda code: address_with(request, format=code, table=part))


def _sums(rows: Sequence[Any]) -> dict[str, int]:
    """All rows together; labels do not overlap, so theirs add up."""
    return {name: sum(getattr(row, name) for row in rows) for name in SUMMED}


# -- This period and the one before -----------------------------------------------------------------------------------


def period_before(query: ReportQuery) -> Period:
    """What the period is compared with: as much of it as of the period is over, so that like stands beside like."""
    before, over = periods.before(query.period), query.now - query.period.start
    if query.now >= query.period.end or over <= timedelta(0):
        return before
    return Period(before.start, min(before.end, before.start + over))


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the period, beside what it was before."""

    definition: FigureDefinition
    text: str
    before: str
    change: str
    link: str


_TILES = ("added", "removed", "net", "active_to")


def _tiles(total: Mapping[str, int], before: Mapping[str, int], query: ReportQuery) -> list[Tile]:
    return [
        Tile(
            definition=definition,
            text=written(total[name], "count"),
            before=written(before[name], "count"),
            change=_change(total[name], before[name]),
            link=f"{rows_address(query)}&figure={name}&who=all" if total[name] and name != "net" else "",
        )
        for name, definition in zip(_TILES, definitions_of(_TILES), strict=True)
    ]


TIMES = 4  # from here on it is said how many times as much it is, and not how many per cent more


def _change(now: int, before: int) -> str:
    """How much more or less; "" where that says nothing."""
    if before <= 0 or now < 0:
        return ""
    if now > TIMES * before:
        return f"▲ {written(round(now / before), 'count')} ×"
    percent = round(100 * (now - before) / before)
    return f"▲ {percent}%" if percent > 0 else f"▼ {-percent}%" if percent < 0 else _("unchanged")


# -- Tables -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One row of a table: what it is about, its figures, and what opens each that is not 0."""

    kind: str  # one of PARTS: the subject is a Label, a Category or a day; None is not mapped yet
    subject: Any
    row: Any
    net: str
    links: dict[str, str]


def _lines(query: ReportQuery, *, limit: int | None = None) -> list[ActivityLine]:
    """The rows of a query; days the newest first, and no more than `limit`."""
    key = query.key.name
    rows = list(reversed(query.rows))[:limit] if key == "day" else query.rows
    subjects = _subjects(query, rows)
    return [
        ActivityLine(key, subjects.get(query.key.of(row)), row, written(row.net, "count"), _links(query, row))
        for row in rows
        if any(_counts(row))
    ]


def _counts(row: Any) -> list[int]:
    return [getattr(row, name) for name in FIGURES]


def _subjects(query: ReportQuery, rows: Sequence[Any]) -> dict[Any, Any]:
    if query.by is By.LABEL:
        return {label.pk: label for label in query.question.labels}
    if query.by is By.CATEGORY:
        return {category.code: category for category in query.question.categories}
    return {row.day: row.day for row in rows}


def _links(query: ReportQuery, row: Any) -> dict[str, str]:
    who, base = key_text(query.key.of(row)), rows_address(query)
    return {
        name: f"{base}&{urlencode({'figure': name, 'who': who})}"
        for name in FIGURES
        if name != "net" and getattr(row, name)
    }


# -- Day by day -------------------------------------------------------------------------------------------------------


def _days_picture(
    by_day: ReportQuery, total: Mapping[str, int], gaps: Sequence[GapLine], paints: Paints
) -> Picture | None:
    """Added above the line and removed below it, stacked by category, with the net over them."""
    if not any(total.values()):
        return None
    days, series = [row.day for row in by_day.rows], list(_stacked(by_day, paints))
    return Picture(
        name="label-activity",
        kind="stack",
        title=_("Labels added and removed, day by day"),
        sentence=_days_sentence(by_day.rows, total),
        rows={
            "names": [format_date(day, "MONTH_DAY_FORMAT") for day in days],
            "words": [_day_words(row) for row in by_day.rows],
            "base": rows_address(by_day),
            "series": series,
            "line": {"name": _("net"), "values": [row.net for row in by_day.rows]},
            "gaps": _gap_days(gaps, days),
        },
    )


def _day_words(row: Any) -> str:
    """A day in a few lines, as its bars are pointed at."""
    said = _("%(added)s added\n%(removed)s removed\nnet %(net)s") % {
        name: written(getattr(row, name), "count") for name in ("added", "removed", "net")
    }
    return f"{format_date(row.day, 'l')} {format_date(row.day, 'MONTH_DAY_FORMAT')}\n{said}"


SIGNS = {"added": 1, "removed": -1}


def _stacked(query: ReportQuery, paints: Paints) -> Iterator[dict[str, Any]]:
    """By day and category: what is behind each figure, split by label, and labels put together by category."""
    days, (sources, values) = [row.day for row in query.rows], query.facts
    categories = query.question.categories
    code_of = {label.pk: label.category.code for label in query.question.labels if label.category}
    for figure, found in facts.by_label(sources, [*SIGNS], values).items():
        counts: Counter[tuple[str | None, date]] = Counter()
        for day, label, n in found:
            counts[code_of.get(label or 0), day] += n
        for category in [*categories, None]:
            code = category.code if category else None
            if any(counts[code, day] for day in days):
                yield {
                    "name": str(category or _("no category")),
                    "paint": paints.category(code),
                    "values": [SIGNS[figure] * counts[code, day] for day in days],
                    "links": [_bar_link(query, figure, code, day) if counts[code, day] else "" for day in days],
                }


def _bar_link(query: ReportQuery, figure: str, category: str | None, day: date) -> str:
    """What opens a part of a bar, after the base of the picture; labels without a category are together in nothing that
    could be asked for.
    """
    asked = {"figure": figure, "who": day.isoformat()}
    if category is not None and not query.shown.get("category"):
        asked["category"] = category
    return f"&{urlencode(asked)}" if category is not None else ""


def _days_sentence(rows: Sequence[Any], total: Mapping[str, int]) -> str:
    said = _("%(added)s labels were added and %(removed)s removed: %(net)s on balance.") % {
        "added": written(total["added"], "count"),
        "removed": written(total["removed"], "count"),
        "net": f"+{written(total['net'], 'count')}" if total["net"] > 0 else written(total["net"], "count"),
    }
    busiest = max(rows, key=lambda row: row.added, default=None)
    if busiest is None or not busiest.added:
        return said
    most = _("The busiest day was %(day)s with %(n)s added.") % {
        "day": f"{format_date(busiest.day, 'l')} {format_date(busiest.day, 'MONTH_DAY_FORMAT')}",
        "n": written(busiest.added, "count"),
    }
    return f"{said} {most}"


def _gap_days(gaps: Sequence[GapLine], days: Sequence[date]) -> list[dict[str, int]]:
    """The days that gaps touch, as places on the axis."""
    touched = []
    for gap in gaps:
        first = timezone.localtime(gap.since).date()
        last = timezone.localtime(gap.until).date() if gap.until else days[-1]
        places = [place for place, day in enumerate(days) if first <= day <= last]
        if places:
            touched.append({"from": places[0], "to": places[-1]})
    return touched


# -- On now -----------------------------------------------------------------------------------------------------------


def _active_picture(query: ReportQuery, rows: Sequence[Any], paints: Paints) -> Picture | None:
    """Labels by how many contacts have them at the end of the period, each in its colour."""
    some = [row for row in rows if row.active_to]
    if not some:
        return None
    some.sort(key=lambda row: -row.active_to)
    return Picture(
        name="labels-on",
        kind="ranks",
        title=_("Labels that are on"),
        sentence=_active_sentence(some),
        rows={
            "height": 26 + 30 * len(some),
            "lines": [
                {
                    "name": row.name or _("not mapped yet"),
                    "paint": paints.label(row.label),
                    "value": row.active_to,
                    "before": row.active_from,
                    "link": _links(query, row)["active_to"],
                }
                for row in some
            ],
            "words": [_("at the end"), _("at the start")],
        },
    )


def _active_sentence(rows: Sequence[Any]) -> str:
    most = rows[0]
    grown = max(rows, key=lambda row: row.active_to - row.active_from)
    said = _("Most contacts have “%(label)s”: %(n)s.") % {
        "label": most.name or _("not mapped yet"),
        "n": written(most.active_to, "count"),
    }
    if grown.active_to <= grown.active_from:
        return said
    growth = _("“%(label)s” grew most, by %(n)s.") % {
        "label": grown.name or _("not mapped yet"),
        "n": written(grown.active_to - grown.active_from, "count"),
    }
    return f"{said} {growth}"


# -- By weekday and hour ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HoursLine:
    """One weekday: messages in and labels put on, and the fullest hour of each."""

    name: str
    inbound: int
    added: int
    busiest: str
    labelled_most: str


def _by_hour(query: ReportQuery) -> ReportQuery:
    """The same question by hour of the week."""
    shown = {name: value for name, value in query.shown.items() if name != "by"}
    other = replace(query, report=REPORTS["heatmap"], shown=shown)
    vars(other)["question"] = query.question
    return other


def _hours(query: ReportQuery) -> dict[str, Any]:
    """When people write, and when labels are put on: two pictures on one scale, and their table."""
    by_hour = _by_hour(query)
    rows = by_hour.rows
    most = heatmap.highest(rows)
    if not most:
        return {}
    titles = {"inbound": _("When people write"), "added": _("When labels are put on")}
    return {
        "hours": [_hours_picture(by_hour, figure, title, most) for figure, title in titles.items()],
        "hours_lines": [_hours_line([row for row in rows if row.weekday == day]) for day in heatmap.DAYS],
        "hours_sentence": _hours_sentence(rows),
    }


def _weekday(day: int) -> str:
    return str(WEEKDAYS[day])


def _clock(hour: int) -> str:
    return str(time_format(time(hour), "TIME_FORMAT"))


def _hours_picture(query: ReportQuery, figure: str, title: str, most: int) -> Picture:
    rows, base = query.rows, rows_address(query)
    cells = [[row.hour, row.weekday, getattr(row, figure)] for row in rows]
    return Picture(
        name=f"hours-{figure}",
        kind="heat",
        title=title,
        sentence=_fullest(rows, figure),
        rows={
            "height": 250,
            "columns": [f"{hour:02}" for hour in heatmap.HOURS],
            "rows": [str(WEEKDAYS_ABBR[day]) for day in heatmap.DAYS],
            "most": most,
            "cells": [[*cell, f"{_weekday(cell[1])} {_clock(cell[0])}: {written(cell[2], 'count')}"] for cell in cells],
            "links": [f"{base}&figure={figure}&who={row.hour_of_week}" if getattr(row, figure) else "" for row in rows],
        },
    )


def _fullest(rows: Sequence[HeatmapRow], figure: str) -> str:
    most = max(rows, key=lambda row: getattr(row, figure))
    if not getattr(most, figure):
        return _("None in these days.")
    return _("Most on %(day)s at %(hour)s: %(n)s.") % {
        "day": _weekday(most.weekday),
        "hour": _clock(most.hour),
        "n": written(getattr(most, figure), "count"),
    }


def _hours_line(rows: Sequence[HeatmapRow]) -> HoursLine:
    inbound, added = (max(rows, key=lambda row: getattr(row, figure)) for figure in ("inbound", "added"))
    return HoursLine(
        name=_weekday(rows[0].weekday),
        inbound=sum(row.inbound for row in rows),
        added=sum(row.added for row in rows),
        busiest=_clock(inbound.hour) if inbound.inbound else "–",
        labelled_most=_clock(added.hour) if added.added else "–",
    )


EVENING, MORNING = 18, 8  # hours between which most offices are closed


def _hours_sentence(rows: Sequence[HeatmapRow]) -> str:
    """How much comes in when hardly anybody labels."""
    inbound, added = sum(row.inbound for row in rows), sum(row.added for row in rows)
    late = [row for row in rows if row.hour >= EVENING or row.hour < MORNING]
    shares = {
        "inbound": share(sum(row.inbound for row in late), inbound),
        "added": share(sum(row.added for row in late), added),
    }
    said = _("Between %(from)s and %(to)s came %(inbound)s of all messages, and %(added)s of all labels were put on.")
    return said % {
        "from": _clock(EVENING),
        "to": _clock(MORNING),
        **{name: written(value, "share").partition(" ·")[0] for name, value in shares.items()},
    }
