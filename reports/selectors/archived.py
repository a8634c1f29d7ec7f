"""Contacts that are in no figure of any period (docs/metrics.md, "Ground rules", Restated)."""

from __future__ import annotations

from typing import Any

from contacts.models import Contact


def hidden_contacts(user: Any) -> int:
    """How many archived contacts a user, or a scope, sees; one that was merged lives on in the other."""
    archived = Contact.all_objects.visible_to(user).archived()
    found: int = archived.filter(merged_into__isnull=True).count()
    return found
