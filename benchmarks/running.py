"""Which benches there are, and how one is run."""

from __future__ import annotations

import importlib

from benchmarks.measuring import Result
from benchmarks.site import open_site

BENCHES = {
    "P1": "benchmarks.receiver",
    "P2": "benchmarks.drain",
    "P3": "benchmarks.figures",
    "P3-tenth": "benchmarks.figures_tenth",
    "P4": "benchmarks.exporting",
    "P5": "benchmarks.importing",
    "P6": "benchmarks.visible",
    "P7": "benchmarks.volume",
    "P8": "benchmarks.memory",
    "teams": "benchmarks.teams",
    "P12": "benchmarks.long_work",
    "pages": "benchmarks.open_pages",
    "segments": "benchmarks.segments",
    "flags": "benchmarks.flags",
    "flags-tenth": "benchmarks.flags_tenth",
}


def measure(name: str, rounds: int | None, seconds: float | None) -> Result:
    """Run one bench on fresh servers. Each needs a process of its own: Django's settings point to one site for good."""
    with open_site() as site:
        result: Result = importlib.import_module(BENCHES[name]).run(site, rounds=rounds, seconds=seconds)
        return result
