"""Merging contacts with their label history: both people's events are folded again as one person's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import ContactMerge
from contacts.services.activity import lock_contacts
from contacts.services.merging import merge_contacts, unmerge_contacts
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch
from labels import projecting, staleness
from labels.models import LabelCommand, StaleFlag

from . import folding

Key = tuple[int, int]

# "Still right" was said of both; the merged contact keeps its own for the day the merge is undone.
_COPY_SNOOZES = """
INSERT INTO labels_stalesnooze (contact_id, label_id, at, user_id, reason)
SELECT %s, label_id, at, user_id, reason FROM labels_stalesnooze one WHERE contact_id = %s AND NOT EXISTS (
       SELECT FROM labels_stalesnooze two WHERE two.contact_id = %s AND (two.label_id, two.at) = (one.label_id, one.at))
"""


def merge(*, survivor_id: int, merged_id: int, reason: str, actor: Any) -> ContactMerge:
    """Make `merged_id` part of `survivor_id`, in the caller's transaction; overlapping intervals are joined."""
    record = merge_contacts(survivor_id=survivor_id, merged_id=merged_id, reason=reason, actor=actor)
    keys = _keys([survivor_id, merged_id])
    execute("UPDATE labels_labelevent SET contact_id = %s WHERE contact_id = %s", [survivor_id, merged_id])
    LabelCommand.objects.filter(contact_id=merged_id).update(contact_id=survivor_id)
    execute(_COPY_SNOOZES, [survivor_id, merged_id, survivor_id])
    StaleFlag.objects.filter(contact_id=merged_id, closed_at__isnull=True).update(
        closed_at=timezone.now(), closed_reason=StaleFlag.Closed.OTHER
    )
    _refold(keys, [survivor_id, merged_id])
    return record


@transaction.atomic
def unmerge(*, record: ContactMerge, actor: Any) -> None:
    """Undo a merge: every event goes back to the contact of the identity it came by."""
    record = ContactMerge.objects.select_for_update().get(pk=record.pk, undone_at__isnull=True)
    lock_contacts([record.survivor_id, record.merged_id])
    before = _keys([record.survivor_id])
    unmerge_contacts(record)
    execute(
        "UPDATE labels_labelevent SET contact_id = %s WHERE contact_id = %s AND identity_id = ANY(%s)",
        [record.merged_id, record.survivor_id, record.identity_ids],
    )
    record.undone_at = timezone.now()
    record.save(update_fields=["undone_at"])
    audit.record(actor=actor, action="contact.unmerged", obj=record.survivor, merged=record.merged_id)
    _refold(before, [record.survivor_id, record.merged_id])


def _keys(contacts: Iterable[int]) -> set[Key]:
    rows = fetch(
        "SELECT DISTINCT contact_id, channel_label_id FROM labels_labelevent WHERE contact_id = ANY(%s)",
        [list(contacts)],
    )
    return {(contact, label) for contact, label in rows}


def _refold(before: set[Key], contacts: list[int]) -> None:
    """Fold the keys that events left and those they went to; emptied ones lose their intervals first."""
    folding.refold(before - _keys(contacts))
    folding.refold(before | _keys(contacts))
    projecting.refresh(set(contacts))
    staleness.close_settled(timezone.now(), contact_ids=contacts)
