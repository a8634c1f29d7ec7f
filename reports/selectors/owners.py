"""Whose channel it was when, for a whole period: `contacts.selectors.ownership` asked once per change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from contacts.models import ChannelOwnership
from contacts.selectors.ownership import Ownerships
from labelcrm.core.bulk import transpose
from reports.selectors.periods import Period

OWNED = """
    owned AS (
        SELECT * FROM unnest(%(owned_channel)s::bigint[], %(owned_agent)s::bigint[], %(owned_since)s::timestamptz[],
                             %(owned_until)s::timestamptz[]) AS o (channel_id, agent_id, since, until)
    )
"""
"""A common table expression: one row per stretch in which one agent owned a channel."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """`channel` was `agent`'s in `[since, until)`."""

    channel: int
    agent: int
    since: datetime
    until: datetime


def stretches(period: Period, *, channels: Iterable[int] | None) -> list[Stretch]:
    """Every stretch of the period in which somebody owned one of the channels (None: any)."""
    return [
        stretch
        for channel, ownerships in _ownerships(channels).items()
        for stretch in _of_channel(channel, ownerships, period)
    ]


def owners_at(moment: datetime, *, channels: Iterable[int] | None) -> dict[int, int]:
    """The owner of each channel at a moment; channels nobody owned then are missing."""
    found = {channel: ownerships.at(moment).agent_id for channel, ownerships in _ownerships(channels).items()}
    return {channel: agent for channel, agent in found.items() if agent is not None}


def then(period: Period, *, now: datetime, channels: Iterable[int] | None) -> dict[str, Any]:
    """Whose each channel was at the end of a period, or is while it lasts: values of `then_channel`, `then_agent`."""
    found = owners_at(min(period.end, now) - timedelta(microseconds=1), channels=channels)
    return {"then_channel": list(found), "then_agent": list(found.values())}


def parameters(found: Iterable[Stretch]) -> dict[str, Any]:
    """The values that OWNED asks for."""
    rows = [(stretch.channel, stretch.agent, stretch.since, stretch.until) for stretch in found]
    names = ("owned_channel", "owned_agent", "owned_since", "owned_until")
    return dict(zip(names, transpose(rows, 4), strict=True))


def _ownerships(channels: Iterable[int] | None) -> dict[int, Ownerships]:
    rows = ChannelOwnership.objects.order_by("channel_id", "id")
    rows = rows if channels is None else rows.filter(channel_id__in=channels)
    grouped: dict[int, list[ChannelOwnership]] = defaultdict(list)
    for row in rows:
        grouped[row.channel_id].append(row)
    zone = ZoneInfo(settings.TIME_ZONE)
    return {channel: Ownerships(tuple(owners), zone) for channel, owners in grouped.items()}


def _of_channel(channel: int, ownerships: Ownerships, period: Period) -> Iterator[Stretch]:
    """Between two cuts nothing changes, so the owner at the first is the owner up to the second."""
    open_one: Stretch | None = None
    for since, until in pairwise(_cuts(ownerships, period)):
        agent = ownerships.at(since).agent_id
        if open_one is not None and agent == open_one.agent:
            open_one = Stretch(channel, open_one.agent, open_one.since, until)
            continue
        if open_one is not None:
            yield open_one
        open_one = None if agent is None else Stretch(channel, agent, since, until)
    if open_one is not None:
        yield open_one


def _cuts(ownerships: Ownerships, period: Period) -> list[datetime]:
    cuts = {period.start, period.end}
    hours = {time.min}
    for row in ownerships.rows:
        cuts |= {moment for moment in (row.since, row.until) if moment is not None}
        hours |= {hour for hour in (row.hour_from, row.hour_to) if hour is not None}
    if any(row.has_hours for row in ownerships.rows):
        cuts |= {
            datetime.combine(day, hour, ownerships.zone) for day in _days(ownerships.zone, period) for hour in hours
        }
    return sorted(cut for cut in cuts if period.start <= cut <= period.end)


def _days(zone: ZoneInfo, period: Period) -> Iterator[date]:
    day, last = period.start.astimezone(zone).date(), period.end.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
