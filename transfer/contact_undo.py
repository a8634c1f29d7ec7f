"""An import of contacts is taken back: labels come off, columns are as before, and who was new is archived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from contacts.services.taking_back import UNDO, Change, take_back
from labels.services import crm_labels
from labels.services.archiving import archive_contacts
from transfer.imports.files import ImportBatch


def take_back_contacts(changes: Sequence[Mapping[str, Any]], batch: ImportBatch) -> dict[int, str]:
    """Take back these changes of one import; returns why not everything was, as a code, by line of the file."""
    line_of = {change["contact"]: change["line"] for change in changes}
    with transaction.atomic():
        put = [(change["contact"], event) for change in changes for event in change["labels"]]
        channel = crm_labels.hold() if put else None
        lock_contacts(line_of)
        if channel is not None:
            crm_labels.take_off(put, channel=channel, key=batch.key.replace("import", "undo"))
        made = [change["contact"] for change in changes if change["created"]]
        done = take_back(
            [_change(change) for change in changes],
            contacts=Contact.all_objects.select_related("assigned_to", "campaign").in_bulk(list(line_of)),
            labelled=crm_labels.labelled(made),
            actor=batch.owner,
        )
        archive_contacts(done.archivable, actor=batch.owner, origin=UNDO)
    return {line_of[pk]: reason for pk, reason in done.kept.items()}


def _change(change: Mapping[str, Any]) -> Change:
    return Change(
        contact_id=change["contact"], created=change["created"], columns=change["columns"], note=change["note"]
    )
