"""What the channel page writes: the channel, its secrets, its owners. Secrets never reach the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contacts.models import Channel, ChannelOwnership, ChannelSecret
from labelcrm.core import audit, edits

OVERLAP = timedelta(days=1)  # how long the former secret stays valid after a new one is set
CREDENTIALS = frozenset({"api_key", "verify_token"})


def create_channel(*, actor: Any, origin: str, **values: Any) -> Channel:
    """A new channel. Raises ValidationError when the key is taken."""
    open_values = {name: value for name, value in values.items() if name not in CREDENTIALS}
    with transaction.atomic():
        channel = edits.create(Channel, actor=actor, origin=origin, **open_values)
        given = {name: values[name] for name in CREDENTIALS & values.keys() if values[name]}
        return edit_channel(channel, actor=actor, origin=origin, **given) if given else channel


def edit_channel(channel: Channel, *, actor: Any, origin: str, **values: Any) -> Channel:
    """Change a channel; of credentials the audit trail keeps only that they changed. Raises ValidationError."""
    return edits.change(channel, actor=actor, origin=origin, private=CREDENTIALS, **values)


@transaction.atomic
def set_secret(channel: Channel, secret: str, *, actor: Any, origin: str) -> None:
    """Posts may be signed with `secret` from now on, and with the former ones for one more day."""
    soon = timezone.now() + OVERLAP
    channel.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=soon)).update(expires_at=soon)
    ChannelSecret.objects.create(channel=channel, value=secret)
    audit.record(actor=actor, action="channel.secret", obj=channel, origin=origin)


@transaction.atomic
def add_owner(ownership: ChannelOwnership, *, actor: Any, origin: str) -> None:
    """Name an owner. The first of a channel counts from the beginning, a later one from now unless it says otherwise.

    An owner without hours takes the channel over from the one before, whose time ends there. What was recorded
    before stays as it was recorded.
    """
    channel = Channel.all_objects.select_for_update().get(pk=ownership.channel_id)
    if ownership.since is None and channel.ownerships.exists():
        ownership.since = timezone.now()
    if ownership.since is not None and not ownership.has_hours:
        before = channel.ownerships.filter(until__isnull=True, weekdays=[], hour_from__isnull=True)
        before.filter(Q(since__isnull=True) | Q(since__lt=ownership.since)).update(until=ownership.since)
    ownership.save()
    details = {"agent": ownership.agent_id, "since": ownership.since and ownership.since.isoformat()}
    audit.record(actor=actor, action="channel.owner", obj=channel, origin=origin, **details)
