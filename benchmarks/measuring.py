"""Rounds, medians and the table: how every bench says what it found."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of a bench. `goal` is (comparison, limit), e.g. (">=", 0.35); None for one that only informs."""

    name: str
    value: float
    unit: str = ""
    goal: tuple[str, float] | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        comparison, limit = self.goal
        return self.value >= limit if comparison == ">=" else self.value <= limit


@dataclass(kw_only=True)
class Result:
    """What one bench measured. `rounds` keeps every round as it was, for the JSON."""

    bench: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie; 0.0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def machine() -> dict[str, Any]:
    """Where this was measured: ratios travel, these figures say how far."""
    memory = Path("/proc/meminfo").read_text().split()[1] if Path("/proc/meminfo").exists() else "0"
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "memory_gib": round(int(memory) / 1024**2, 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def table(results: Sequence[Result]) -> str:
    """All figures as text, with a word on each goal."""
    lines = []
    for result in results:
        lines.append(f"\n{result.bench}  {result.title}")
        for figure in result.figures:
            goal = f"goal {figure.goal[0]} {figure.goal[1]:g}" if figure.goal else ""
            word = {True: "reached", False: "MISSED", None: ""}[figure.reached]
            lines.append(f"    {figure.name:<46} {_short(figure.value):>10} {figure.unit:<6} {goal:<16} {word}")
        lines += [f"    · {note}" for note in result.notes]
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
