"""WhatsApp's list types: its "lists" (favourites, unread, ...) travel as labels, and only some are labels.

Source: WAProto LabelEditAction.ListType; Go gateways send the name, others the number.
"""

from __future__ import annotations

from typing import Any

from webhooks.gateways import shapes

LIST_TYPES = (
    "none", "unread", "groups", "favorites", "predefined", "custom", "community", "server_assigned", "drafted",
    "ai_handoff", "channels", "ai_responding", "archived", "locked", "invites", "third_party", "lead",
    "mentions_and_replies",
)  # fmt: skip


def list_type(value: Any) -> str | None:
    """Return the list type of a name or number in lower case; a name we never heard of too, so that it shows."""
    if isinstance(value, int) and not isinstance(value, bool):
        return LIST_TYPES[value] if 0 <= value < len(LIST_TYPES) else None
    word = shapes.text(value).strip().lower()
    return word if 0 < len(word) <= 30 else None
