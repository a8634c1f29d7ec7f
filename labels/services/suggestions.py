"""What people answer to a suggested label. Nothing here runs by itself."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact
from contacts.services.contact_rows import lock_contacts
from labelcrm.core.audit import record
from labels.models import Label, LabelAssignment, Origin, SuggestionDismissal
from labels.services import crm_labels


def set_label(contact: Contact, label: Label, *, actor: Any) -> None:
    """Put a label on a contact from here: it exists in the CRM alone, as `actor`'s work.

    Raises ValidationError (`label_active`) where it is on already, on whatever number.
    """
    with transaction.atomic():
        channel = crm_labels.hold()
        lock_contacts([contact.pk])
        key = f"user:{secrets.token_hex(8)}"
        if not crm_labels.put_on([(contact.pk, label.pk)], channel=channel, key=key, user=actor):
            raise ValidationError(_("The contact has this label already."), code="label_active")
        record(actor=actor, action="label.set_here", obj=contact, label=label.pk)


def take_off(contact: Contact, label: Label, *, actor: Any) -> None:
    """Take off a label that somebody set from here. Raises ValidationError (`label_not_active`) where it is not on."""
    with transaction.atomic():
        channel = crm_labels.hold()
        lock_contacts([contact.pk])
        on = LabelAssignment.objects.filter(contact=contact, label=label, channel=channel, removed_at__isnull=True)
        put = set(on.filter(origin=Origin.CRM).values_list("contact_id", "added_event__event_key"))
        key = f"user:{secrets.token_hex(8)}"
        if not put or not crm_labels.take_off(put, channel=channel, key=key, user=actor):
            raise ValidationError(_("The contact does not have this label now."), code="label_not_active")
        record(actor=actor, action="label.taken_off_here", obj=contact, label=label.pk)


def dismiss(contact: Contact, label: Label, *, until: datetime, actor: Any) -> SuggestionDismissal:
    """Suggest the label no more for what the contact wrote up to `until`; the next message may ask for it again."""
    with transaction.atomic():
        row = SuggestionDismissal.objects.create(
            contact=contact, label=label, until=until, user=actor, at=timezone.now()
        )
        record(actor=actor, action="suggestion.dismissed", obj=contact, label=label.pk, dismissal=row.pk)
    return row
