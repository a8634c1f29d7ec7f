"""What makes a scope (`labels.rules.scopes`): the team that each channel is counted in, and what is seen everywhere.

That team is the channel's own, as soon as everybody on it has been counted anew.
"""

from __future__ import annotations

from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.bulk import fetch_binary

_TEAMS = """
    SELECT c.id, CASE WHEN s.channel_id IS NULL THEN c.team_id ELSE s.team_id END
    FROM contacts_channel c LEFT JOIN labels_channelscope s ON s.channel_id = c.id
"""
_MOVED = """
    SELECT c.id FROM contacts_channel c LEFT JOIN labels_channelscope s ON s.channel_id = c.id
    WHERE s.channel_id IS NULL OR s.team_id IS DISTINCT FROM c.team_id ORDER BY c.id
"""


def counted_teams() -> dict[int, int | None]:
    """The team of each channel (ids), as projections and reports count it."""
    return dict(fetch_binary(_TEAMS, []))


def channels_everywhere() -> set[int]:
    """The ids of channels whose labels are seen with their contact by every scope: what exists in the CRM alone."""
    return {pk for (pk,) in fetch_binary("SELECT id FROM contacts_channel WHERE gateway = %s", [CRM_GATEWAY])}


def moved_channels() -> list[int]:
    """The ids of channels that are new or joined another team, and are not counted there yet."""
    return [pk for (pk,) in fetch_binary(_MOVED, [])]
