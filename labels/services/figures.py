"""Whatever changed a contact's intervals ends here: everything that is derived from them follows, once."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from contacts.services.contact_rows import touch
from labels.services import contradictions, projections, staleness


def update_figures(contacts: Collection[int]) -> None:
    """Bring projections and flags of these contacts (ids) in step with their intervals; mark them as changed.

    The caller is in a transaction and holds the contacts' locks.
    """
    if contacts:
        projections.refresh(contacts)
        now = timezone.now()
        staleness.close_settled(now, contact_ids=contacts)
        contradictions.close_settled(now, contact_ids=contacts)
        touch(contacts)
