"""How sure one may be of a share that was counted."""

from __future__ import annotations

from math import sqrt

Z = 1.959963984540054  # 97.5th percentile of the normal distribution: 95 % between both sides


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of `k` of `n`, as fractions (E. B. Wilson, JASA 22, 1927). `n` is above 0."""
    p, z2 = k / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, middle - half)
    high = 1.0 if k == n else min(1.0, middle + half)
    return low, high
