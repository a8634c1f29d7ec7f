"""The daily jobs at a tenth of the size: what of their time grows with the contacts."""

from __future__ import annotations

from benchmarks import flags
from benchmarks.measuring import Result
from benchmarks.site import Site


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """As `flags`."""
    return flags.measured("flags-tenth", flags.PEOPLE // 10, rounds=rounds)
