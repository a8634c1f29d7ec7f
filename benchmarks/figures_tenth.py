"""P3 at a tenth of the size: what of its times grows with the rows."""

from __future__ import annotations

from benchmarks import figures
from benchmarks.measuring import Result
from benchmarks.site import Site


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """As P3."""
    return figures.measured("P3-tenth", figures.PEOPLE // 10, rounds=rounds)
