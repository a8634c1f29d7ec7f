"""What a channel says about itself: its connection, its own number, and when it was last heard of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contacts.models import Channel, ChannelStatusEvent
from labelcrm.core.bulk import execute


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFact:
    """The connection was in `state` at a believed time; `paired` marks a new pairing."""

    state: str
    paired: bool
    at: datetime
    received_at: datetime


def hold(channel_id: int) -> Channel:
    """The channel as it is now, archived ones too, locked until the end of the transaction.

    A lane holds its channel for each batch, and who changes what the channel's posts mean holds it before anything
    else: neither writes over the other.
    """
    return Channel.all_objects.select_for_update(no_key=True).get(pk=channel_id)


def record_statuses(channel: Channel, facts: Iterable[StatusFact]) -> None:
    """Keep what was said about the connection; the latest of it is the channel's status."""
    rows = [
        ChannelStatusEvent(channel=channel, state=f.state, paired=f.paired, at=f.at, received_at=f.received_at)
        for f in facts
    ]
    ChannelStatusEvent.objects.bulk_create(rows, ignore_conflicts=True)
    latest = max(rows, key=lambda row: row.at, default=None)
    if latest is not None and (channel.status_at is None or latest.at >= channel.status_at):
        channel.status, channel.status_at = latest.state, latest.at


def learn_own_identity(channel: Channel, *, phone: str | None, lid: str | None) -> None:
    """Remember the channel's own number and LID, which are no contacts."""
    channel.own_phone = phone or channel.own_phone
    channel.own_lid = lid or channel.own_lid


def forget_repeated_statuses(*, before: datetime) -> int:
    """Delete old connection events that say what the one before them said; returns how many.

    A number that waits for its QR code says so every half minute. What changed, and every pairing, is kept for ever.
    """
    return execute(
        "DELETE FROM contacts_channelstatusevent WHERE id IN ("
        " SELECT id FROM (SELECT id, at, paired, state = lag(state) OVER (PARTITION BY channel_id ORDER BY at, id)"
        "  AS repeats FROM contacts_channelstatusevent) AS log WHERE repeats AND NOT paired AND at < %s)",
        [before],
    )
