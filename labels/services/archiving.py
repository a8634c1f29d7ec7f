"""Archiving a contact takes it out of every figure, at once and not only when the nightly check comes."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import edits
from labels.services import projections, staleness


@transaction.atomic
def archive_contact(contact: Contact, *, actor: Any, origin: str) -> Contact:
    """Hide a contact with its labels; nothing is taken off anybody, and restoring brings all of it back."""
    lock_contacts([contact.pk])
    archived = edits.archive(contact, actor=actor, origin=origin)
    _restate(contact)
    return archived


@transaction.atomic
def restore_contact(contact: Contact, *, actor: Any, origin: str) -> Contact:
    """Show an archived contact again, in lists and in figures."""
    lock_contacts([contact.pk])
    restored = edits.restore(contact, actor=actor, origin=origin)
    _restate(contact)
    return restored


def _restate(contact: Contact) -> None:
    projections.refresh([contact.pk])
    staleness.close_settled(timezone.now(), contact_ids=[contact.pk])
