"""What is asked of a report: which time, which spells, as of when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from . import owners
from .chosen import Chosen, Filters
from .periods import Period


@dataclass(frozen=True)
class Question:
    """`now` decides what is old enough to be judged; everything stored is used, whatever the period."""

    period: Period
    filters: Filters
    now: datetime

    @cached_property
    def chosen(self) -> Chosen:
        return Chosen.by(self.filters)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values that the queries of facts may ask for."""
        stretches = owners.stretches(self.period, channels=self.filters.channels)
        return {
            "start": self.period.start,
            "end": self.period.end,
            "now": self.now,
            **self.chosen.parameters,
            **owners.parameters(stretches),
        }
