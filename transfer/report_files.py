"""A report as rows of a file: every field of its rows a column, a share as value, k, n, low and high.

Pages, jobs and the API read the same rows (`reports.query`); here they become cells. Which columns there are follows
from what the rows of a report are, not from those there happen to be, so that a file without rows has its headings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, get_type_hints

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Agent, Campaign, Team
from labels.models import Label
from reports.query import ReportQuery
from reports.row_fields import columns_of
from reports.selectors.agent_history import AgentPeriod
from reports.selectors.agents import AgentRow
from reports.selectors.before_after import Side
from reports.selectors.campaigns import CampaignRow
from reports.selectors.cohorts import CohortRow
from reports.selectors.contradictions import ContradictionRow
from reports.selectors.curves import CurveRow
from reports.selectors.data_health import ChannelHealthRow
from reports.selectors.heatmap import HeatmapRow
from reports.selectors.label_budget import (
    LabelBudgetRow,
    LabelChoiceRow,
    LabelPairRow,
    NumberBudgetRow,
    TeamBudgetRow,
)
from reports.selectors.labels import ROWS, LabelRow
from reports.selectors.movement import MovementCell, MovementRow
from reports.selectors.moves import MoveRow
from reports.selectors.periods import Period
from reports.selectors.shares import Share
from reports.selectors.stale import StaleRow
from reports.selectors.stale_findings import StaleFindingRow
from reports.selectors.step_funnel import FunnelRow
from reports.selectors.time_in_stage import TimeInStageRow
from reports.selectors.unusual import UnusualRow

Cell = Any  # text, or a number
SHARE_PARTS = tuple(field.name for field in fields(Share))


@dataclass(frozen=True, slots=True)
class ReportFile:
    """What the file of a report is called, and how its rows become lines, each with a cell per column."""

    title: str | Promise
    row: type[Any]
    columns: tuple[str, ...] = ()  # where the lines are not the rows
    lines: Callable[[Iterable[Any]], Iterator[list[Cell]]] | None = None

    @property
    def headings(self) -> list[str]:
        """The names of the columns."""
        return list(self.columns or _headings(self.row))

    def lines_of(self, rows: Iterable[Any]) -> list[list[Cell]]:
        """The lines of these rows."""
        if self.lines is not None:
            return list(self.lines(rows))
        names, shares = [field.name for field in columns_of(self.row).values()], _shares(self.row)
        return [list(_cells(row, names, shares)) for row in rows]


def _headings(row: type[Any]) -> Iterator[str]:
    shares = _shares(row)
    for name, field in columns_of(row).items():
        yield name
        if field.name in shares:
            yield from (f"{name}_{part}" for part in SHARE_PARTS[1:])


def _shares(row: type[Any]) -> set[str]:
    """The fields of a row that are a share, where there is one."""
    hints = get_type_hints(row)
    return {name for name, hint in hints.items() if hint is Share or Share in getattr(hint, "__args__", ())}


def _cells(row: Any, names: Iterable[str], shares: set[str]) -> Iterator[Cell]:
    for name in names:
        value = getattr(row, name)
        if name in shares:
            yield from (_cell(getattr(value, part, None)) for part in SHARE_PARTS)
        elif isinstance(value, list):
            yield "; ".join(map(_in_words, value))
        else:
            yield _cell(value)


def _in_words(each: Any) -> str:
    """One of several things in a cell: a label and how many contacts got it."""
    return f"{each.name or _('not mapped yet')}: {each.contacts}"


def _cell(value: Any) -> Cell:
    """Numbers as they are, yes and no as `true` and `false`, days as 2026-03-02; what there is not is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) or hasattr(value, "as_integer_ratio") else value.isoformat()


# -- Curves -----------------------------------------------------------------------------------------------------------

_OF_COHORT = ("campaign", "code", "name", "week", "n")
_OF_DAY = ("day", "high", "high_n", "won", "won_n")


def _days(rows: Iterable[CurveRow]) -> Iterator[list[Cell]]:
    """A line per cohort and day, as pivot tables want it."""
    for row in rows:
        cohort = [_cell(getattr(row, name)) for name in _OF_COHORT]
        for day, (high, won) in enumerate(zip(row.high, row.won, strict=True), start=1):
            yield [*cohort, day, high, row.high_n, won, row.won_n]


# -- Funnel and cohorts -----------------------------------------------------------------------------------------------

_OF_STEP = ("step", "name", "contacts", "reached", "went_through")
_OF_LABEL = ("label", "label_name", "label_reached", "label_went_through")
_OF_WEEK = ("week", "contacts", "within_weeks", "reached")


def _step_labels(rows: Iterable[FunnelRow]) -> Iterator[list[Cell]]:
    """A line per label, each with its step."""
    for row in rows:
        step = [_cell(getattr(row, name)) for name in _OF_STEP]
        for each in row.labels:
            yield [*step, each.label, each.name, each.reached, each.went_through]


def _weeks(rows: Iterable[CohortRow]) -> Iterator[list[Cell]]:
    """A line per cohort and number of weeks; of one that is too young for any, a line without."""
    for row in rows:
        for weeks, reached in enumerate(row.reached, start=1) if row.reached else [("", "")]:
            yield [_cell(row.week), row.contacts, weeks, reached]


# -- Findings --------------------------------------------------------------------------------------------------------

_OF_FINDING = ("contact", "rule", "labels", "since", "agent", "agent_name", "reason", "rule_id", "group")


def _findings(rows: Iterable[ContradictionRow]) -> Iterator[list[Cell]]:
    """A line per finding, its labels in one cell."""
    for row in rows:
        values = {name: getattr(row, name) for name in _OF_FINDING}
        yield [*map(_cell, (values | {"labels": "; ".join(label.name for label in row.labels)}).values())]


FILES: Mapping[str, ReportFile] = {
    "labels": ReportFile(gettext_lazy("Label activity"), LabelRow),
    "heatmap": ReportFile(gettext_lazy("By weekday and hour"), HeatmapRow),
    "agents": ReportFile(gettext_lazy("CS quality"), AgentRow),
    "campaigns": ReportFile(gettext_lazy("Campaign quality"), CampaignRow),
    "curves": ReportFile(gettext_lazy("Maturity curves"), CurveRow, (*_OF_COHORT, *_OF_DAY), _days),
    "stale": ReportFile(gettext_lazy("Stale labels"), StaleFindingRow),
    "stale-summary": ReportFile(gettext_lazy("Stale labels by label and CS"), StaleRow),
    "movement": ReportFile(gettext_lazy("Movement between stages"), MovementRow),
    "moves": ReportFile(gettext_lazy("All moves between stages"), MoveRow),
    "funnel": ReportFile(gettext_lazy("Funnel"), FunnelRow, (*_OF_STEP, *_OF_LABEL), _step_labels),
    "time-in-stage": ReportFile(gettext_lazy("Time in stage"), TimeInStageRow),
    "cohorts": ReportFile(gettext_lazy("Weekly cohorts"), CohortRow, _OF_WEEK, _weeks),
    "contradictions": ReportFile(gettext_lazy("Contradictions"), ContradictionRow, _OF_FINDING, _findings),
    "label-budget": ReportFile(gettext_lazy("Label budget"), LabelBudgetRow),
    "unusual": ReportFile(gettext_lazy("Unusual activity"), UnusualRow),
    "data-health": ReportFile(gettext_lazy("Data health"), ChannelHealthRow),
}


def file_of(query: ReportQuery) -> ReportFile:
    """The file of what is asked for: rows of label activity have as their first columns what names them."""
    known = FILES[query.report.name]
    return replace(known, row=ROWS[query.by]) if known.row is LabelRow else known


# -- Beside the rows --------------------------------------------------------------------------------------------------

_OF_CELL = ("from", "from_name", "to", "to_name", "contacts")


def _cells_of_board(cells: Iterable[MovementCell]) -> Iterator[list[Cell]]:
    """A line per way that contacts went, each contact once; `new` is whoever was not there at the start."""
    some = list(cells)
    names = Label.all_objects.in_bulk({pk for cell in some for pk in (cell.from_, cell.to) if isinstance(pk, int)})
    for cell in some:
        ends = [(_cell(pk), str(names[pk]) if isinstance(pk, int) else "") for pk in (cell.from_, cell.to)]
        yield [*chain.from_iterable(ends), cell.contacts]


BESIDE: Mapping[str, ReportFile] = {
    "cells": ReportFile(gettext_lazy("Movement, each contact once"), MovementCell, _OF_CELL, _cells_of_board),
    "numbers": ReportFile(gettext_lazy("Label budget by number"), NumberBudgetRow),
    "teams": ReportFile(gettext_lazy("Label budget by team"), TeamBudgetRow),
    "choices": ReportFile(gettext_lazy("Labels a CS chooses from"), LabelChoiceRow),
    "pairs": ReportFile(gettext_lazy("Labels that go together"), LabelPairRow),
}
"""What stands beside the rows of a report (`ReportQuery.beside`), as files of their own."""


# -- Over time --------------------------------------------------------------------------------------------------------

_ENDS = ("from", "to")
_OF_SIDE = ("part", *_ENDS, "value", "k", "n", "low", "high", "median_s", "p90_s", "immature", "unknown")


def _ends(period: Period) -> list[Cell]:
    """The first day of a period of whole days, and the first after it."""
    assert period.days is not None
    return [day.isoformat() for day in period.days]


def _agent_periods(rows: Iterable[AgentPeriod]) -> Iterator[list[Cell]]:
    """A line per period, the oldest first."""
    names, shares = _figures_of(AgentPeriod), _shares(AgentPeriod)
    for row in rows:
        yield [*_ends(row.period), *_cells(row, names, shares)]


def _figures_of(row: type[Any]) -> list[str]:
    """What a row of a period says besides the period."""
    return [name for name in columns_of(row) if name != "period"]


def _sides(rows: Iterable[tuple[str, Side]]) -> Iterator[list[Cell]]:
    """A line per side and week, each with what it is called: `before`, `after` or `week`.

    Of a time `n` is how many contacts it was measured of.
    """
    for part, side in rows:
        counted = [_cell(getattr(side.share, name, None)) for name in SHARE_PARTS]
        if side.share is None:
            counted[SHARE_PARTS.index("n")] = len(side.seconds)
        times = [_cell(side.median_s), _cell(side.p90_s)]
        yield [part, *_ends(side.period), *counted, *times, side.immature, side.unknown]


AGENT_PERIODS = ReportFile(
    gettext_lazy("One CS over time"),
    AgentPeriod,
    (*_ENDS, *(name for name in _headings(AgentPeriod) if name != "period")),
    _agent_periods,
)
BEFORE_AFTER = ReportFile(gettext_lazy("Before and after"), Side, _OF_SIDE, _sides)


# -- What was asked for -----------------------------------------------------------------------------------------------

_NAMED: Mapping[str, Any] = {"team": Team, "agent": Agent, "campaign": Campaign, "label": Label}


def sentence(query: ReportQuery) -> str:
    """A report with its period and filters, in words."""
    said = [str(FILES[query.report.name].title), _period(query)]
    said += [f"{name}: {_name(name, value)}" for name, value in query.shown.items() if value not in (None, "", False)]
    return "; ".join(said)


def _period(query: ReportQuery) -> str:
    return " – ".join(
        format_date(timezone.localtime(at), "DATETIME_FORMAT") for at in (query.period.start, query.period.end)
    )


def _name(name: str, value: Any) -> str:
    model = _NAMED.get(name)
    found = model.all_objects.filter(pk=value).first() if model is not None else None
    return str(found if found is not None else value)
