"""When a schedule is due: pure rules over the business's clock.

A day that a month does not have stands for its last day, so that 31 means the end of every month. In a zone with
summer time an hour that a day lacks counts as the one before, and one that comes twice as the first of both.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
FARTHEST = 63  # days, more than the longest way from one due day to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """`weekday` counts from Monday, 0, and is read where `every` is weekly; `day`, 1 to 31, where it is monthly."""

    every: str
    hour: int
    weekday: int = 0
    day: int = 1

    def falls_on(self, day: date) -> bool:
        """Whether the schedule is due on this day."""
        if self.every == WEEKLY:
            return day.weekday() == self.weekday
        if self.every == MONTHLY:
            return day.day == min(self.day, monthrange(day.year, day.month)[1])
        return True

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first due time after `moment`, in UTC."""
        return next(due for due in self._due_times(moment, zone, timedelta(days=1)) if due > moment)

    def latest(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The last due time that is not after `moment`, in UTC."""
        return next(due for due in self._due_times(moment, zone, timedelta(days=-1)) if due <= moment)

    def _due_times(self, moment: datetime, zone: ZoneInfo, step: timedelta) -> Iterator[datetime]:
        """The due times from the day of `moment` on, in the direction of `step`."""
        today = moment.astimezone(zone).date()
        for days in range(FARTHEST):
            day = today + step * days
            if self.falls_on(day):
                yield datetime.combine(day, time(self.hour), zone).astimezone(UTC)
