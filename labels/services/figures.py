"""Whatever changed a contact's intervals ends here: everything that is derived from them follows, once."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from contacts.services.contact_rows import touch
from labels.services import projections, staleness


def update_figures(contacts: Collection[int]) -> None:
    """Bring projections and stale flags of these contacts (ids) in step with their intervals; mark them as changed.

    The caller is in a transaction and holds the contacts' locks.
    """
    if contacts:
        projections.refresh(contacts)
        staleness.close_settled(timezone.now(), contact_ids=contacts)
        touch(contacts)
