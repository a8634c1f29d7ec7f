"""SQL over contacts and messages: what figures count. Knows no framework, because reports are described without one."""

from __future__ import annotations

# What counts as a message, over contacts_message: all but the types that nobody here has read about.
COUNTS = "kind <> 'unknown'"


def is_living(contact: str) -> str:
    """The condition that a contact is not archived; `contact` is the expression of an id.

    The few who are have an index of their own, and nobody else's row is read.
    """
    return f"NOT EXISTS (SELECT FROM contacts_contact gone WHERE gone.id = {contact} AND gone.deleted_at IS NOT NULL)"


def first_live_inbound(alias: str) -> str:
    """When the contact, or contact on a channel, of the row `alias` first wrote since the number was connected."""
    return f"CASE WHEN {alias}.has_history THEN {alias}.first_live_inbound_at ELSE {alias}.first_inbound_at END"
