"""How far two middle values are apart, and how sure one may be of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

from labelcrm.lib.wilson import Z

FEWEST = 5  # of fewer values the rank formula has no ranks
EXACT = 1000  # up to so many values chances are summed, above the normal distribution is as good


@dataclass(frozen=True, slots=True)
class MedianDifference:
    """One median minus another, in the unit of the values, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone is no likely reason: the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def median(values: Sequence[float]) -> float:
    """The middle of values in ascending order, between the two middle ones where there are two."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def quantile(values: Sequence[float], part: float) -> float:
    """The value that a part of the values, in ascending order, does not exceed; between two as PostgreSQL has it."""
    place = part * (len(values) - 1)
    low, high = values[int(place)], values[min(int(place) + 1, len(values) - 1)]
    return low + (high - low) * (place - int(place))


def difference(one: Sequence[float], other: Sequence[float]) -> MedianDifference | None:
    """The median of `one` minus that of `other`, both in ascending order; None where one has fewer than FEWEST.

    The interval asks nothing of how values are distributed (R. M. Price and D. G. Bonett, Journal of Statistical
    Computation and Simulation 72, 2002): each median's standard error comes from two ranks around it (J. W. McKean and
    R. M. Schrader, Communications in Statistics 13, 1984).
    """
    if min(len(one), len(other)) < FEWEST:
        return None
    value = median(one) - median(other)
    half = Z * sqrt(_error(one) ** 2 + _error(other) ** 2)
    return MedianDifference(value, value - half, value + half)


def _error(values: Sequence[float]) -> float:
    """The standard error of a median: how far apart the c-th value from below and from above are."""
    n = len(values)
    rank = max(1, round((n + 1) / 2 - sqrt(n)))
    return (values[n - rank] - values[rank - 1]) / (2 * _width(n, rank))


def _width(n: int, rank: int) -> float:
    """How many standard errors the value of this rank lies below the median."""
    if n > EXACT:
        return (n / 2 - rank + 0.5) / (sqrt(n) / 2)
    chance = sum(comb(n, i) for i in range(rank)) / 2**n
    return -NormalDist().inv_cdf(chance)
