"""Shares: a number out of another, and how sure one may be of it (docs/metrics.md, "Ground rules")."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from labelcrm.lib.wilson import wilson

FEW = 20  # below this a share is shown grey


@dataclass(frozen=True, slots=True)
class Share:
    """`k` of `n`; `value`, `low` and `high` are fractions, None when there is nothing to count."""

    value: float | None
    k: int
    n: int
    low: float | None
    high: float | None

    @property
    def few(self) -> bool:
        return self.n < FEW


def share(k: int, n: int) -> Share:
    """`k` of `n` with its 95 % Wilson score interval (E. B. Wilson, JASA 22, 1927)."""
    if n == 0:
        return Share(None, k, 0, None, None)
    low, high = wilson(k, n)
    return Share(k / n, k, n, low, high)


@dataclass(frozen=True, slots=True)
class ShareDifference:
    """How much larger one share is than another, and how sure one may be of it; fractions from -1 to 1."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone is no likely reason: the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def difference(one: Share, other: Share) -> ShareDifference | None:
    """`one` minus `other` with its 95 % interval (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10).

    None when one of them has nothing to count.
    """
    if one.value is None or other.value is None:
        return None
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    middle = one.value - other.value
    below = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    above = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return ShareDifference(middle, middle - below, middle + above)
