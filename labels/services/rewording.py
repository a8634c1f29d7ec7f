"""When names or meanings change, the intervals that carry them follow, and so do the projections."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from contacts.services.contact_rows import lock_contacts, touch
from labelcrm.core.bulk import execute, fetch, transpose
from labels.selectors.wording import load_wording
from labels.services import meanings, projections, staleness


def refresh_wording(channel_labels: Collection[int]) -> set[int]:
    """Write name and canonical label into the intervals of `channel_labels`.

    Returns the contacts that may change by it; they are locked.
    """
    contacts: set[int] = set()
    while found := _contacts_with(channel_labels) - contacts:
        lock_contacts(found)
        contacts |= found
    mend_wording(channel_labels)
    return contacts


def mend_wording(channel_labels: Collection[int], *, write: bool = True) -> int:
    """Compare, and mend when `write`, what intervals say of their labels; returns how many are out of date."""
    wording = load_wording(channel_labels)
    rows = fetch(
        "SELECT id, channel_label_id, removed_at, label_id, channel_label_name FROM labels_labelassignment"
        " WHERE channel_label_id = ANY(%s)",
        [sorted(channel_labels)],
    )
    stale = []
    for pk, channel_label, removed_at, label, name in rows:
        said = wording[channel_label]
        wanted = (said.label_at(removed_at), said.name_at(removed_at))
        if wanted != (label, name):
            stale.append((pk, *wanted))
    if not write:
        return len(stale)
    return execute(
        "UPDATE labels_labelassignment AS i SET label_id = n.label, channel_label_name = n.name, updated_at = now()"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS n (id, label, name) WHERE i.id = n.id",
        transpose(stale, 3),
    )


def _contacts_with(channel_labels: Collection[int]) -> set[int]:
    """Everybody who ever had one of these labels: a dated meaning can move a spell and leave its interval alone."""
    rows = fetch(
        "SELECT DISTINCT contact_id FROM labels_labelassignment WHERE channel_label_id = ANY(%s)",
        [sorted(channel_labels)],
    )
    return {contact for (contact,) in rows}


def reword(channel_labels: Collection[int]) -> set[int]:
    """`refresh_wording`, and the projections of everybody concerned; returns their contact ids."""
    contacts = refresh_wording(channel_labels)
    projections.refresh(contacts)
    staleness.close_settled(timezone.now(), contact_ids=contacts)
    touch(contacts)
    meanings.archive_unused()
    return contacts
