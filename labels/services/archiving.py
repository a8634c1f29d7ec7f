"""Archiving a contact takes it out of every figure, at once and not only when the nightly check comes."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import edits
from labels.services.figures import update_figures


@transaction.atomic
def archive_contact(contact: Contact, *, actor: Any, origin: str) -> Contact:
    """Hide a contact with its labels; nothing is taken off anybody, and restoring brings all of it back."""
    lock_contacts([contact.pk])
    archived = edits.archive(contact, actor=actor, origin=origin)
    update_figures([contact.pk])
    return archived


@transaction.atomic
def restore_contact(contact: Contact, *, actor: Any, origin: str) -> Contact:
    """Show an archived contact again, in lists and in figures."""
    lock_contacts([contact.pk])
    restored = edits.restore(contact, actor=actor, origin=origin)
    update_figures([contact.pk])
    return restored
