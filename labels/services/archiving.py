"""Archiving a contact takes it out of every figure, at once and not only when the nightly check comes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import audit, edits
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


def archive_contacts(contacts: Collection[Contact], *, actor: Any, origin: str) -> None:
    """`archive_contact` for many living ones at once, whom the caller holds; queries do not grow with them."""
    ids = [contact.pk for contact in contacts]
    now = timezone.now()
    Contact.all_objects.filter(pk__in=ids).update(deleted_at=now, updated_at=now)
    audit.record_all(
        audit.entry(actor=actor, action="contact.archived", obj=contact, origin=origin) for contact in contacts
    )
    update_figures(ids)


def restore_contacts(contacts: Collection[Contact], *, actor: Any, origin: str) -> None:
    """`restore_contact` for many archived ones at once; queries do not grow with them."""
    ids = [contact.pk for contact in contacts]
    lock_contacts(ids)
    Contact.all_objects.filter(pk__in=ids).update(deleted_at=None, updated_at=timezone.now())
    audit.record_all(
        audit.entry(actor=actor, action="contact.restored", obj=contact, origin=origin) for contact in contacts
    )
    update_figures(ids)
