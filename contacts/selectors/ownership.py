"""Whose channel was it at that time? Changing owners never changes the past."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet

from contacts.models import Channel, ChannelOwnership, ContactChannel

CHANNEL_OWNER, ROSTER, UNKNOWN = "channel_owner", "roster", "unknown"


class Owner(NamedTuple):
    """An agent and how we know: "channel_owner", "roster" or "unknown" (then `agent_id` is None)."""

    agent_id: int | None
    method: str


NOBODY = Owner(None, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Ownerships:
    """All ownerships of one channel, loaded once for many questions."""

    rows: tuple[ChannelOwnership, ...]
    zone: ZoneInfo

    @classmethod
    def of(cls, channel_id: int, *, zone: str) -> Ownerships:
        return cls(tuple(ChannelOwnership.objects.filter(channel_id=channel_id)), ZoneInfo(zone))

    def at(self, moment: datetime) -> Owner:
        """The one agent on shift, else the one owner without hours; nobody where two could claim it."""
        covering = [row for row in self.rows if _covers(row, moment)]
        shifts = {row.agent_id for row in covering if row.has_hours and _on_shift(row, moment.astimezone(self.zone))}
        if shifts:
            return _only(shifts, ROSTER)
        return _only({row.agent_id for row in covering if not row.has_hours}, CHANNEL_OWNER)


class NumberNow(NamedTuple):
    """A channel by name, and whose it is now (None = nobody's)."""

    name: str
    owner: int | None


def numbers_now(channels: QuerySet[Channel], *, now: datetime, zone: str) -> dict[int, NumberNow]:
    """These channels (by id, in their order) with their owner at `now`. One query: a page of the admin has few left."""
    columns = ("agent_id", "since", "until", "weekdays", "hour_from", "hour_to")
    names: dict[int, str] = {}
    owners: dict[int, list[ChannelOwnership]] = {}
    for pk, name, agent, *rest in channels.values_list("id", "name", *(f"ownerships__{column}" for column in columns)):
        names[pk] = name
        if agent is not None:
            values = zip(columns, (agent, *rest), strict=True)
            owners.setdefault(pk, []).append(ChannelOwnership(channel_id=pk, **dict(values)))
    found = {pk: Ownerships(tuple(owners.get(pk, ())), ZoneInfo(zone)).at(now).agent_id for pk in names}
    return {pk: NumberNow(name, found[pk]) for pk, name in names.items()}


def owned_by(agent: int, channels: Collection[int]) -> Q:
    """The condition that a contact is an agent's: assigned to them, or to nobody and known on one of these channels,
    which are theirs.
    """
    known = ContactChannel.objects.filter(channel__in=channels, contact=OuterRef("pk"))
    return Q(assigned_to=agent) | Q(Exists(known), assigned_to=None)


def _only(agents: Iterable[int], method: str) -> Owner:
    agents = list(agents)
    return Owner(agents[0], method) if len(agents) == 1 else NOBODY


def _covers(row: ChannelOwnership, moment: datetime) -> bool:
    return (row.since is None or row.since <= moment) and (row.until is None or moment < row.until)


def _on_shift(row: ChannelOwnership, local: datetime) -> bool:
    """True inside the row's hours; a shift that ends before it starts runs over midnight and keeps its weekday."""
    clock, day = local.time(), local.weekday()
    if row.hour_from is None or row.hour_to is None:
        return not row.weekdays or day in row.weekdays
    if row.hour_from <= row.hour_to:
        inside = row.hour_from <= clock < row.hour_to
    else:
        inside = clock >= row.hour_from or clock < row.hour_to
        if clock < row.hour_to:
            day = (day - 1) % 7
    return inside and (not row.weekdays or day in row.weekdays)
