"""A share in a table as a dot with its interval, on a scale that the shares of one column have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reports.columns import Cell
from reports.selectors.shares import Share

SCALES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Whisker:
    """Where a share and the ends of its interval stand, in per cent of the width."""

    low: str
    middle: str
    high: str


def draw_whiskers(cells: Iterable[Cell]) -> None:
    """The intervals of all cells that are shares, those of a column on one scale."""
    shares: dict[str, list[tuple[Cell, Share]]] = defaultdict(list)
    for cell in cells:
        if cell.share is not None:
            shares[cell.column.name].append((cell, cell.share))
    for column in shares.values():
        end = scale_of(value for _cell, value in column)
        for cell, value in column:
            cell.whisker = whisker(value, end=end)


def scale_of(shares: Iterable[Share]) -> float:
    """Where the scale ends: behind the intervals of all that rest on enough, else of all."""
    some = [one for one in shares if one.high is not None]
    sure = [one for one in some if not one.few] or some  # the interval of a few reaches over everything
    highest = max((one.high or 0.0 for one in sure), default=1.0)
    return next(end for end in SCALES if highest <= end)


def whisker(value: Share, *, end: float) -> Whisker | None:
    """None where there is nothing to count."""
    if value.value is None or value.low is None or value.high is None:
        return None
    return Whisker(*(f"{100 * min(one / end, 1.0):.1f}%" for one in (value.low, value.value, value.high)))
