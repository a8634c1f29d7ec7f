"""SQL over contacts and messages: what figures count. Knows no framework, because reports are described without one."""

from __future__ import annotations

# What counts as a message, over contacts_message: all but the types that nobody here has read about.
COUNTS = "kind <> 'unknown'"


def first_live_inbound(alias: str) -> str:
    """When the contact, or contact on a channel, of the row `alias` first wrote since the number was connected."""
    return f"CASE WHEN {alias}.has_history THEN {alias}.first_live_inbound_at ELSE {alias}.first_inbound_at END"
