"""How a group of conditions comes down from everybody to whom it means: what each of them takes away, in turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labelcrm.core.viewer import Viewer
from reports.segments.definition import Condition, SegmentDefinition
from reports.segments.members import Members


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One condition: how many those before it leave, how many are left with it, and whether nobody at all meets it."""

    condition: Condition
    before: int
    left: int
    met_by_nobody: bool

    @property
    def taken(self) -> int:
        return self.before - self.left


def narrowed(group: tuple[Condition, ...], *, viewer: Viewer, now: datetime) -> list[Narrowing]:
    """The conditions of a group, each counted with those before it: a query each, and one for everybody."""

    def count(*conditions: Condition) -> int:
        return Members(SegmentDefinition((conditions,)), viewer, now).count()

    steps: list[Narrowing] = []
    before = count()
    for place, condition in enumerate(group):
        left = count(*group[: place + 1]) if before else 0
        nobody = before > 0 and left == 0 and (place == 0 or count(condition) == 0)
        steps.append(Narrowing(condition, before, left, nobody))
        before = left
    return steps
