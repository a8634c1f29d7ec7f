"""Cohen's kappa: how far two people agree beyond what chance would let them (docs/metrics.md, "CS quality")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from reports.selectors.shares import FEW, share

# Upper ends of J. R. Landis and G. G. Koch, "The Measurement of Observer Agreement for Categorical Data", Biometrics
# 33, 1977: a convention and no law, for whoever reads a kappa for the first time.
GRADES = ((0.0, "none"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"), (1.0, "almost"))


Said: TypeAlias = Mapping[tuple[Any, Any], int]
"""How often the first said one thing and the second another."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """`value` from -1 to 1 with its 95 % interval, over `n` pairs.

    None when there is nothing to compare, or when chance alone would agree on everything: both only ever said the same
    one thing.
    """

    value: float | None
    n: int
    low: float | None
    high: float | None

    @property
    def few(self) -> bool:
        return self.n < FEW

    @property
    def grade(self) -> str:
        """The code of what such a kappa is called (GRADES); "" where there is none."""
        return "" if self.value is None else next(code for end, code in GRADES if self.value <= end)


def kappa(pairs: Said) -> Kappa:
    """`(po - pe) / (1 - pe)` of what two people said.

    `po` is the share they agree on, `pe` the share on which two people who say each thing as often as these do would
    agree by chance (J. Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological
    Measurement 20, 1960). The interval is that of `po` put into the same formula, as Cohen does for his standard error,
    which takes `pe` as it was found; but Wilson's interval (`shares.share`) in place of the normal one. With 20 pairs
    and good agreement it holds the true kappa in about 94 of 100 samples, where the large-sample interval of Fleiss,
    Cohen and Everitt (Psychological Bulletin 72, 1969) does in 63, and has no width when all agree.
    """
    n = sum(pairs.values())
    agreed = share(sum(count for (one, other), count in pairs.items() if one == other), n)
    chance = _by_chance(pairs, n)
    if agreed.value is None or agreed.low is None or agreed.high is None or chance >= 1:
        return Kappa(None, n, None, None)
    value, low, high = ((part - chance) / (1 - chance) for part in (agreed.value, agreed.low, agreed.high))
    return Kappa(value, n, max(-1.0, low), high)


def kappa_of_one(pairs: Said, said: Hashable) -> Kappa:
    """The same of one thing that may be said, against all others together."""
    collapsed: Counter[tuple[Hashable, Hashable]] = Counter()
    for (one, other), count in pairs.items():
        collapsed[one == said, other == said] += count
    return kappa(collapsed)


def _by_chance(pairs: Said, n: int) -> float:
    first: Counter[Hashable] = Counter()
    second: Counter[Hashable] = Counter()
    for (one, other), count in pairs.items():
        first[one] += count
        second[other] += count
    return sum(first[said] * second[said] for said in first) / (n * n) if n else 0.0
