"""Random samples that can be drawn again: whom a seed chooses."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def drawn(population: Iterable[int], *, seed: int, size: int) -> list[int]:
    """At most `size` ids of the population, in the order of the draw; the same arguments draw the same.

    Seed and id give each a number, and the smallest are drawn. So nobody's chance depends on the order in which a
    database told them, and somebody who turns up later takes one place at most from the others.

    >>> drawn(range(100), seed=7, size=3) == drawn(reversed(range(100)), seed=7, size=3)
    True
    """
    return sorted(population, key=lambda pk: (_number(seed, pk), pk))[:size]


def _number(seed: int, pk: int) -> bytes:
    return blake2b(f"{seed}:{pk}".encode(), digest_size=8).digest()
