"""How old something is when only the hours count in which people work. Pure: no Django, no database.

A limit of three days is three working days then, and each is as long as the business is open: what came at noon is a
day old at noon of the next working day, whatever nights, Sundays and holidays lie between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FARTHEST = 4000  # calendar days: who works one day a week passes a limit of a year and a half


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """`weekdays` from 1 (Monday) to 7, at least one; open in `[opens, closes)` there, closed on the `free` days."""

    weekdays: frozenset[int]
    opens: time
    closes: time
    free: frozenset[date]
    zone: ZoneInfo

    def moment_before(self, now: datetime, *, days: int) -> datetime:
        """The first moment that is no more than `days` working days ago: what came before it is older than that.

        >>> jakarta = ZoneInfo("Asia/Jakarta")
        >>> week = WorkingTime(frozenset({1, 2, 3, 4, 5}), time(8), time(17), frozenset(), jakarta)
        >>> monday = datetime(2026, 3, 9, 10, tzinfo=jakarta)
        >>> week.moment_before(monday, days=1).astimezone(jakarta).isoformat()
        '2026-03-06T10:00:00+07:00'
        """
        day, left = now.astimezone(self.zone).date(), days * self._length()
        for back in range(FARTHEST):
            opens, closes = self._hours_of(day - timedelta(days=back))
            end = min(closes, now)
            if end > opens and left < end - opens:
                return end - left
            left -= max(end - opens, timedelta(0))
        return now - timedelta(days=FARTHEST)

    def _hours_of(self, day: date) -> tuple[datetime, datetime]:
        """When the day opens and closes; both are one moment on a day without work."""
        opens = datetime.combine(day, self.opens, self.zone).astimezone(UTC)
        if day in self.free or day.isoweekday() not in self.weekdays:
            return opens, opens
        return opens, datetime.combine(day, self.closes, self.zone).astimezone(UTC)

    def _length(self) -> timedelta:
        day = date(2026, 1, 1)
        return datetime.combine(day, self.closes) - datetime.combine(day, self.opens)
