"""The picture of the last days: what was added stands above a line and what was removed below it, on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from reports.selectors.spell_counts import ADDED, REMOVED, SpellCounts

HEIGHT = 150.0  # pixels for the longest bar above and the longest below together
MARGIN = 15.0  # pixels above and below for their numbers
SHORTEST = 2.0  # pixels of a bar that stands for anything at all
FILLED = 0.68  # of a day's width
LONG = 1000  # from here a number is too wide for a day's place on a phone


@dataclass(frozen=True, slots=True)
class DayBar:
    """One bar and its number; numbers with a unit are what SVG takes."""

    what: str
    number: int
    link: str
    y: str
    height: str
    number_y: str

    @property
    def is_long(self) -> bool:
        return self.number >= LONG


@dataclass(frozen=True, slots=True)
class ChartDay:
    """A business day: where its place begins, how wide it and its bars are, and its two bars."""

    day: date
    is_today: bool
    added: DayBar
    removed: DayBar
    left: str
    bar_left: str
    middle: str


@dataclass(frozen=True, slots=True)
class DaysChart:
    """Days, oldest first, and the sizes that all of them share."""

    days: tuple[ChartDay, ...]
    line_y: str
    height: str
    width: str
    bar_width: str
    added: int
    removed: int


def days_chart(days: tuple[tuple[date, SpellCounts], ...]) -> DaysChart:
    """The picture of `days`, the last of which is today."""
    most_added = max((counts.added for _, counts in days), default=0)
    most_removed = max((counts.removed for _, counts in days), default=0)
    scale = HEIGHT / max(most_added + most_removed, 1)
    line = MARGIN + max(most_added * scale, SHORTEST)
    width = 100 / max(len(days), 1)
    return DaysChart(
        days=tuple(
            ChartDay(
                day=day,
                is_today=place == len(days) - 1,
                added=_bar(ADDED, counts.added, day, scale=scale, line=line),
                removed=_bar(REMOVED, counts.removed, day, scale=scale, line=line),
                left=_percent(place * width),
                bar_left=_percent((place + (1 - FILLED) / 2) * width),
                middle=_percent((place + 0.5) * width),
            )
            for place, (day, counts) in enumerate(days)
        ),
        line_y=_pixels(line),
        height=_pixels(line + max(most_removed * scale, SHORTEST) + MARGIN),
        width=_percent(width),
        bar_width=_percent(FILLED * width),
        added=sum(counts.added for _, counts in days),
        removed=sum(counts.removed for _, counts in days),
    )


def _bar(what: str, number: int, day: date, *, scale: float, line: float) -> DayBar:
    height = max(number * scale, SHORTEST) if number else 0.0
    top = line - height if what == ADDED else line
    number_y = top - 4 if what == ADDED else top + height + 11
    link = f"{reverse('label-activity')}?what={what}&day={day.isoformat()}"
    return DayBar(what, number, link, _pixels(top), _pixels(height), _pixels(number_y))


def _pixels(number: float) -> str:
    return f"{number:.1f}"


def _percent(number: float) -> str:
    return f"{number:.3f}%"
