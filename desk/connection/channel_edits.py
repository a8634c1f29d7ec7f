"""What the channel page writes besides `contacts.services.channels`. Secrets never reach the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from contacts.models import Channel, ChannelOwnership
from contacts.services import channels
from labelcrm.core import audit, edits

CREDENTIALS = frozenset({"api_key"})


def edit_channel(channel: Channel, *, actor: Any, origin: str, **values: Any) -> Channel:
    """Change a channel; of credentials the audit trail keeps only that they changed. Raises ValidationError."""
    return edits.change(channel, actor=actor, origin=origin, private=CREDENTIALS, **values)


@transaction.atomic
def add_owner(ownership: ChannelOwnership, *, actor: Any) -> None:
    """Name an owner: of the whole channel, who takes over from the one before, or of a shift or a closed period."""
    channel = Channel.all_objects.select_for_update().get(pk=ownership.channel_id)
    if not ownership.has_hours and ownership.until is None:
        channels.set_owner(channel, ownership.agent, since=ownership.since, actor=actor)
        return
    ownership.save()
    details = {"agent": ownership.agent.code, "since": ownership.since and ownership.since.isoformat()}
    audit.record(actor=actor, action="channel.shift_added", obj=channel, **details)
