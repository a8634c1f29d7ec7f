"""How far contacts come, how long they take, and whether the weeks get better: three ways to look at stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from desk.reports.page_frame import address_with, key_text, rows_address
from desk.reports.pictures import Paints, Picture
from labels.models import Label
from reports.columns import written
from reports.query import ReportQuery
from reports.selectors.shares import Share, share

DAY = 86_400


def _address(query: ReportQuery, figure: str, row: Any, **more: Any) -> str:
    return f"{rows_address(query)}&{urlencode({'figure': figure, 'who': key_text(row), **more})}"


# -- Funnel -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FunnelLabelLine:
    label: Label
    n: int
    link: str


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """One step: who came this far or further, who was in it, and who of those before did not come this far."""

    step: int
    name: str
    reached: int
    share: Share
    share_text: str
    went_through: int
    of_before: Share | None
    before_text: str
    links: dict[str, str]
    labels: list[FunnelLabelLine]


def funnel(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What the funnel adds to the page."""
    rows = query.rows
    labels = Label.all_objects.in_bulk([one.label for row in rows for one in row.labels])
    steps = [_funnel_step(row, before, query, labels) for before, row in zip([None, *rows], rows, strict=False)]
    contacts = rows[0].contacts if rows else 0
    return {
        "steps": steps,
        "contacts": contacts,
        "contacts_link": _address(query, "contacts", rows[0].step) if contacts else "",
        "picture": _funnel_picture(rows, query) if contacts else None,
    }


def _funnel_step(row: Any, before: Any, query: ReportQuery, labels: Mapping[int, Label]) -> JourneyStep:
    of_all, of_before = share(row.reached, row.contacts), share(row.reached, before.reached) if before else None
    return JourneyStep(
        step=row.step,
        name=_short(row),
        reached=row.reached,
        share=of_all,
        share_text=written(of_all, "share"),
        went_through=row.went_through,
        of_before=of_before,
        before_text=written(of_before, "share") if of_before else "",
        links={name: _address(query, name, row.step) for name in ("reached", "went_through") if getattr(row, name)},
        labels=[
            FunnelLabelLine(labels[one.label], one.went_through, _address(query, "label_went_through", one.label))
            for one in row.labels
            if one.went_through
        ],
    )


def _funnel_picture(rows: Sequence[Any], query: ReportQuery) -> Picture:
    return Picture(
        name="funnel",
        kind="stack",
        title=_("How far they have come"),
        sentence=_funnel_sentence(rows),
        rows={
            "across": True,
            "height": 70 + 46 * len(rows),
            "names": [_short(row) for row in rows],
            "series": [
                {
                    "name": _("was in this step"),
                    "paint": {"own": "main"},
                    "values": [row.went_through for row in rows],
                    "links": [_address(query, "went_through", row.step) for row in rows],
                },
                {
                    "name": _("went past it"),
                    "paint": {"own": "low"},
                    "values": [row.reached - row.went_through for row in rows],
                    "links": [_address(query, "reached", row.step) for row in rows],
                },
            ],
        },
    )


def _short(row: Any) -> str:
    """A step by its first label, where it has many."""
    first = row.labels[0].name if row.labels else row.name
    more = len(row.labels) - 1
    return _("%(name)s and %(n)d more") % {"name": first, "n": more} if more > 0 else first


def _funnel_sentence(rows: Sequence[Any]) -> str:
    """The whole way, and where the most were lost."""
    last = rows[-1]
    said = _("Of %(n)s contacts who came, %(k)s reached “%(step)s” so far.")
    way = said % {"n": written(last.contacts, "count"), "k": written(last.reached, "count"), "step": _short(last)}
    falls = [(before.reached - row.reached, _short(before), _short(row)) for before, row in pairwise(rows)]
    lost, start, end = max(falls, default=(0, "", ""))
    if not lost:
        return way
    most = _("Most stop between “%(start)s” and “%(end)s”: %(n)s.")
    return f"{way} {most % {'start': start, 'end': end, 'n': written(lost, 'count')}}"


# -- Time in stage ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One stage as the table shows it; times are in words."""

    label: Label | None
    row: Any
    times: dict[str, str]
    links: dict[str, str]


_TIMES = ("median_s", "p90_s", "cumulative_median_s", "open_median_s", "km_median_s")
_STAYS = ("ended", "by_repair", "open")
TIME_FIGURES = (*_TIMES, *_STAYS)


def time_in_stage(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What time in stage adds to the page."""
    rows = query.rows
    labels = Label.all_objects.in_bulk([row.stage for row in rows])
    timed = [row for row in rows if row.median_s is not None]
    return {
        "lines": [
            TimeLine(
                label=labels.get(row.stage),
                row=row,
                times={name: written(getattr(row, name), "seconds") for name in _TIMES},
                links={name: _address(query, name, row.stage) for name in _STAYS if getattr(row, name)},
            )
            for row in rows
            if row.ended or row.by_repair or row.open
        ],
        "picture": _time_picture(timed, query) if timed else None,
    }


def _time_picture(rows: Sequence[Any], query: ReportQuery) -> Picture:
    paints = Paints()
    return Picture(
        name="time-in-stage",
        kind="dots",
        title=_("How long contacts stay in a stage"),
        sentence=_time_sentence(rows),
        rows={
            "unit": "days",
            "axis": _("days"),
            "height": 50 + 38 * len(rows),
            "lines": [
                {
                    "name": row.name,
                    "paint": paints.label(row.stage),
                    "value": row.median_s / DAY,
                    "low": row.median_s / DAY,
                    "high": row.p90_s / DAY,
                    "mark": None if row.km_median_s is None else row.km_median_s / DAY,
                    "words": written(row.median_s, "seconds"),
                    "more": _("%(name)s: half within %(median)s, 9 in 10 within %(p90)s")
                    % {
                        "name": row.name,
                        "median": written(row.median_s, "seconds"),
                        "p90": written(row.p90_s, "seconds"),
                    },
                    "few": row.ended < 20,
                    "link": _address(query, "ended", row.stage),
                }
                for row in rows
            ],
        },
    )


def _time_sentence(rows: Sequence[Any]) -> str:
    longest = max(rows, key=lambda row: row.median_s)
    return _("They stay longest in “%(stage)s”: half leave it within %(median)s, 9 in 10 within %(p90)s.") % {
        "stage": longest.name,
        "median": written(longest.median_s, "seconds"),
        "p90": written(longest.p90_s, "seconds"),
    }


# -- Cohorts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CohortCell:
    name: str
    share: Share
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class CohortLine:
    """The contacts of one week, None is before labelcrm; a cell per week of their own that all of them have had."""

    week: Any
    name: str
    contacts: int
    link: str
    cells: list[CohortCell]


def cohorts(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What weekly cohorts add to the page."""
    chosen = query.step or 0
    lines = [_cohort_line(row, query) for row in query.rows]
    weeks = max((len(line.cells) for line in lines), default=0)
    steps = _steps()
    return {
        "lines": lines,
        "weeks": [_week(n) for n in range(weeks)],
        "steps": [(step, words, address_with(request, step=str(step))) for step, words in steps.items()],
        "step": chosen,
        "picture": _cohort_picture(lines, weeks, steps.get(chosen, "")) if weeks else None,
    }


def _week(n: int) -> str:
    return _("week %(n)d") % {"n": n + 1}


def _steps() -> dict[int, str]:
    """The steps by number, each called by its labels."""
    names: dict[int, list[str]] = {}
    for label in Label.objects.filter(step__isnull=False).order_by("step", "id"):
        names.setdefault(int(label.step or 0), []).append(str(label))
    return {step: ", ".join(each[:3]) + (" …" if each[3:] else "") for step, each in names.items()}


def _cohort_line(row: Any, query: ReportQuery) -> CohortLine:
    name = format_date(row.week, "DATE_FORMAT") if row.week else _("before labelcrm")
    cells = [_cohort_cell(row, query, place, k) for place, k in enumerate(row.reached)]
    return CohortLine(row.week, name, row.contacts, _address(query, "contacts", row.week), cells)


def _cohort_cell(row: Any, query: ReportQuery, place: int, k: int) -> CohortCell:
    value = share(k, row.contacts)
    text = written(value, "share").partition(" ·")[0]
    return CohortCell(_week(place), value, text, _address(query, f"reached_w{place}", row.week) if k else "")


def _cohort_picture(lines: Sequence[CohortLine], weeks: int, step: str) -> Picture:
    cells = [(week, place, cell, line) for place, line in enumerate(lines) for week, cell in enumerate(line.cells)]
    return Picture(
        name="cohorts",
        kind="heat",
        title=_("Do newer weeks do better?"),
        sentence=_cohort_sentence(lines, step),
        rows={
            "height": 44 + 30 * len(lines),
            "columns": [_week(n) for n in range(weeks)],
            "rows": [line.name for line in lines],
            "most": max((cell.share.value or 0 for _week_, _place, cell, line in cells if line.week), default=0),
            "cells": [
                [week, place, cell.share.value, _cell_words(line, week, cell), cell.text]
                for week, place, cell, line in cells
            ],
            "links": [cell.link for _week_, _place, cell, _line in cells],
        },
    )


def _cell_words(line: CohortLine, week: int, cell: CohortCell) -> str:
    return f"{line.name}, {_week(week)}: {written(cell.share, 'share')}"


def _cohort_sentence(lines: Sequence[CohortLine], step: str) -> str:
    """The first and the last cohort that are old enough, after as many weeks as both have had."""
    old = [line for line in lines if line.week and line.cells]
    if len(old) < 2:
        return _("The share of each week's new contacts that reached “%(step)s”.") % {"step": step}
    weeks = len(old[-1].cells)
    first, last = old[0].cells[weeks - 1], old[-1].cells[weeks - 1]
    said = ngettext(
        "Within %(weeks)d week, %(first)s of those who came in the week of %(first_week)s reached “%(step)s”, and"
        " %(last)s of those in the week of %(last_week)s.",
        "Within %(weeks)d weeks, %(first)s of those who came in the week of %(first_week)s reached “%(step)s”, and"
        " %(last)s of those in the week of %(last_week)s.",
        weeks,
    )
    return said % {
        "weeks": weeks,
        "first": first.text,
        "first_week": old[0].name,
        "last": last.text,
        "last_week": old[-1].name,
        "step": step,
    }
