"""The pictures of the campaign page: shares with their intervals, maturity curves, and the way from contact to done.

They are drawn on the server as SVG, in per cent of the width and pixels of the height, so they need no script and fit
every screen. What they show stands beside them as text, each number with the rows behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from reports.columns import interval, written
from reports.selectors.campaigns import CampaignRow
from reports.selectors.curves import OUTCOMES, CurveRow, together
from reports.selectors.shares import Share, share

NONE, ALL = "none", "all"  # whose row: of no campaign, of all together

MOST_CAMPAIGNS = 12  # that are drawn; the table below has all
MOST_WEEKS = 12
# Where an axis of shares ends, and into how many parts it is cut.
SCALES = ((0.05, 5), (0.1, 5), (0.2, 4), (0.3, 3), (0.4, 4), (0.5, 5), (0.6, 3), (0.8, 4), (1.0, 5))


def who_of(campaign: int | None) -> str:
    return NONE if campaign is None else str(campaign)


def name_of(row: CampaignRow | CurveRow) -> str:
    return row.name or _("No campaign")


def _scale(shares: Iterable[float]) -> tuple[float, list[tuple[float, str]]]:
    """Where the axis ends, and the places (of 1) and words of its parts."""
    highest = max(shares, default=0.0)
    end, parts = next(scale for scale in SCALES if highest <= scale[0] or scale[0] == 1.0)
    return end, [(part / parts, f"{round(100 * end * part / parts)}%") for part in range(parts + 1)]


def _percent(fraction: float) -> str:
    return f"{100 * min(max(fraction, 0.0), 1.0):.2f}%"


# -- Shares with their intervals --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShareMark:
    """One share on its line: where it and the ends of its interval are, and the same in words."""

    outcome: str
    text: str
    interval: str
    few: bool
    x: str
    low: str
    high: str
    rows: str


@dataclass(frozen=True, slots=True)
class QualityLine:
    """One campaign: a mark for each outcome that is judged, and what one high quality contact costs."""

    who: str
    name: str
    marks: list[ShareMark]
    cost: str
    cost_so_far: bool
    cost_width: str


@dataclass(frozen=True, slots=True)
class QualityChart:
    """The campaigns with the surest high quality first; `more` are not drawn."""

    lines: list[QualityLine]
    ticks: list[tuple[str, str]]
    more: int


def quality_chart(rows: Sequence[CampaignRow]) -> QualityChart | None:
    """None while nobody can be judged."""
    judged = [row for row in rows if row.high and row.won and (row.high.n or row.won.n)]
    if not judged:
        return None
    judged.sort(key=lambda row: row.high.low if row.high and row.high.low is not None else -1.0, reverse=True)
    drawn = judged[:MOST_CAMPAIGNS]
    shares = [one for row in drawn for one in (row.high, row.won) if one and one.high is not None]
    sure = [one for one in shares if not one.few] or shares  # the interval of a few reaches over everything
    end, ticks = _scale(one.high or 0.0 for one in sure)
    dearest = max((row.cost_per_high for row in drawn if row.cost_per_high), default=None)
    lines = [
        QualityLine(
            who=who_of(row.campaign),
            name=name_of(row),
            marks=[
                _mark(name, value, end=end)
                for name, value in (("high", row.high), ("won", row.won))
                if value is not None and value.n
            ],
            cost=written(row.cost_per_high, "money"),
            cost_so_far=row.so_far and row.cost_per_high is not None,
            cost_width=_percent(float(row.cost_per_high / dearest)) if row.cost_per_high and dearest else "0%",
        )
        for row in drawn
    ]
    return QualityChart(lines, [(_percent(place), words) for place, words in ticks], len(judged) - len(drawn))


def _mark(name: str, value: Share, *, end: float) -> ShareMark:
    low, middle, high = (_percent((one or 0.0) / end) for one in (value.low, value.value, value.high))
    return ShareMark(
        outcome=name, text=written(value, "share"), interval=interval(value), few=value.few, x=middle, low=low,
        high=high, rows=f"{name}_k" if value.k else "",
    )  # fmt: skip


# -- Maturity curves --------------------------------------------------------------------------------------------------

HEIGHT = 230  # pixels of the picture above its axis
APART = 14  # pixels between the names of two lines
WIDTH = 0.86  # of the picture's width that the days take; names of lines stand behind
TONES = 4  # the newest week stands out, the older are one
SHOWN_DAYS = (1, 3, 7, 14, 21, 30)  # of the table


@dataclass(slots=True)
class CurveLine:
    """The line of one week; `points` in days and in parts of the height, its end in per cent and pixels."""

    week: date
    n: int
    few: bool
    tone: int
    points: str
    end_x: str
    label_x: str
    end_y: float
    label_y: str = ""


@dataclass(frozen=True, slots=True)
class CurveCell:
    """A share on a day of the table; `rows` is the count it opens."""

    day: int
    text: str
    few: bool = False
    rows: str = ""


@dataclass(frozen=True, slots=True)
class CurveTableRow:
    week: date
    n: int
    judged: int
    days: int
    cells: list[CurveCell]


@dataclass(frozen=True, slots=True)
class CurvesChart:
    """Weekly cohorts of one campaign, or of all, and one outcome; `campaigns` are those one may choose."""

    outcome: str
    who: str
    campaigns: list[tuple[str, str]]
    lines: list[CurveLine]
    shares: list[tuple[str, str]]
    days: list[tuple[str, int]]
    width: str
    window: int
    shown_days: list[int]
    rows: list[CurveTableRow]
    more: int


def curves_chart(rows: Sequence[CurveRow], *, outcome: str, who: str, window: int) -> CurvesChart | None:
    """The picture of `outcome` for the campaign `who` (ALL for all together). None where there is no contact."""
    if not rows:
        return None
    outcome = outcome if outcome in OUTCOMES else OUTCOMES[0]
    choices = {who_of(row.campaign): name_of(row) for row in rows}
    who = who if who in choices else ALL
    cohorts = together(rows) if who == ALL else [row for row in rows if who_of(row.campaign) == who]
    drawn = [row for row in cohorts if _judged(row, outcome) and row.days][-MOST_WEEKS:]
    end, ticks = _scale(_shares(row, outcome)[-1] for row in drawn)
    shown = [day for day in SHOWN_DAYS if day < window] + [window]
    return CurvesChart(
        outcome=outcome,
        who=who,
        campaigns=list(choices.items()),
        lines=_lines(drawn, outcome, end=end, window=window),
        shares=[(f"{HEIGHT * (1 - place):.1f}", words) for place, words in ticks],
        days=[(_percent(WIDTH * day / window), day) for day in shown if 3 * day >= window],
        width=_percent(WIDTH),
        window=window,
        shown_days=shown,
        rows=[_table_row(row, outcome, shown) for row in reversed(cohorts)],
        more=max(0, sum(bool(row.days) for row in cohorts) - len(drawn)),
    )


def _judged(row: CurveRow, outcome: str) -> int:
    return row.high_n if outcome == "high" else row.won_n


def _counts(row: CurveRow, outcome: str) -> list[int]:
    return row.high if outcome == "high" else row.won


def _shares(row: CurveRow, outcome: str) -> list[float]:
    return [count / _judged(row, outcome) for count in _counts(row, outcome)]


def _lines(rows: Sequence[CurveRow], outcome: str, *, end: float, window: int) -> list[CurveLine]:
    """The oldest first, so that the newest is drawn over it."""
    lines = [
        _line(row, outcome, end=end, window=window, tone=min(age, TONES - 1))
        for age, row in zip(reversed(range(len(rows))), rows, strict=True)
    ]
    # Cohorts are a week apart: only the names of lines that end near the right edge can meet.
    late = [row.days > window - 7 for row in rows]
    _part_names(line for line, is_late in zip(lines, late, strict=True) if is_late)
    for line, is_late in zip(lines, late, strict=True):
        line.label_y = line.label_y if is_late else f"{line.end_y + 4:.1f}"
    return lines


def _line(row: CurveRow, outcome: str, *, end: float, window: int, tone: int) -> CurveLine:
    shares = [0.0, *_shares(row, outcome)]
    x = WIDTH * row.days / window
    return CurveLine(
        week=row.week,
        n=_judged(row, outcome),
        few=share(0, _judged(row, outcome)).few,
        tone=tone,
        points=" ".join(f"{day},{1 - value / end:.4f}" for day, value in enumerate(shares)),
        end_x=_percent(x),
        label_x=_percent(x + 0.012),
        end_y=HEIGHT * (1 - shares[-1] / end),
    )


def _part_names(lines: Iterable[CurveLine]) -> None:
    """Place the names so that none stands on another: from the top, and the last ones back up from the bottom."""
    ordered = sorted(lines, key=lambda line: line.end_y)
    places = [line.end_y + 4 for line in ordered]
    for this in range(1, len(places)):
        places[this] = max(places[this], places[this - 1] + APART)
    lowest = HEIGHT - 2.0
    for this in reversed(range(len(places))):
        places[this] = min(places[this], lowest)
        lowest = places[this] - APART
    for line, place in zip(ordered, places, strict=True):
        line.label_y = f"{place:.1f}"


def _table_row(row: CurveRow, outcome: str, shown: Iterable[int]) -> CurveTableRow:
    judged = _judged(row, outcome)
    cells = [_cell(_counts(row, outcome), judged, outcome, day) for day in shown]
    return CurveTableRow(week=row.week, n=row.n, judged=judged, days=row.days, cells=cells)


def _cell(counts: Sequence[int], judged: int, outcome: str, day: int) -> CurveCell:
    if day > len(counts) or not judged:
        return CurveCell(day, "")
    value = share(counts[day - 1], judged)
    return CurveCell(day, written(value, "share"), value.few, f"{outcome}_d{day}" if value.k else "")


# -- From contact to done ---------------------------------------------------------------------------------------------

STEPS = ("labelled", "high", "waiting", "won")


@dataclass(frozen=True, slots=True)
class CampaignStep:
    """How many got there: a number, its share of the contacts, and the width of its bar."""

    title: str
    count: str
    share: str
    width: str
    rows: str


@dataclass(frozen=True, slots=True)
class FunnelLine:
    who: str
    name: str
    steps: list[CampaignStep]


@dataclass(frozen=True, slots=True)
class CampaignFunnel:
    """The campaigns with the most contacts first; `more` are left to the table."""

    titles: list[str]
    lines: list[FunnelLine]
    more: int


def funnel(rows: Sequence[CampaignRow], titles: Sequence[str]) -> CampaignFunnel | None:
    """`titles` name the contacts and the steps. None where there is no contact."""
    some = sorted((row for row in rows if row.contacts), key=lambda row: -(row.contacts or 0))
    if not some:
        return None
    lines = [FunnelLine(who_of(row.campaign), name_of(row), list(_steps(row, titles))) for row in some[:MOST_CAMPAIGNS]]
    return CampaignFunnel(list(titles), lines, len(some) - len(lines))


def _steps(row: CampaignRow, titles: Sequence[str]) -> Iterable[CampaignStep]:
    contacts = row.contacts or 0
    yield CampaignStep(titles[0], written(contacts, "count"), "", "100%", "contacts")
    for name, title in zip(STEPS, titles[1:], strict=True):
        count: Any = getattr(row, f"{name}_count")
        part = count / contacts
        shown = written(count, "count")
        yield CampaignStep(title, shown, f"{round(100 * part)}%", _percent(part), f"{name}_count" if count else "")
