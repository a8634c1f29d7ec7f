"""What people write on a contact's card. Every change leaves its audit row."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import Consent, Contact
from contacts.services.opt_out import consent, hold_files
from contacts.services.opt_out_notices import tell_owners
from labelcrm.core import audit, edits
from labelcrm.core.bulk import execute, transpose

# Of what a contact is called the audit trail keeps only that it changed: an erased name must not live on there.
PRIVATE = frozenset({"name"})


def edit_contact(
    contact: Contact, *, actor: Any, origin: str, opted_out: bool | None = None, reason: str = "", **values: Any
) -> Contact:
    """Change `name`, `assigned_to` or `follow_up_at` of a contact, or record that they opted out or in again.

    A name typed here is not overwritten by WhatsApp profile names any more; an empty one gives it back to them.
    Opting out or in is a Consent as well, with its `reason`. Raises ValidationError.
    """
    now = timezone.now()
    with transaction.atomic():
        current = edits.locked(contact)
        columns = _columns(current, values, opted_out=opted_out, now=now)
        _keep(_consents(current, columns, actor=actor, origin=origin, now=now, reason=reason), actor=actor)
        return edits.change(current, actor=actor, origin=origin, private=PRIVATE | _BESIDE, **columns)


@dataclass(frozen=True, slots=True)
class ContactEdit:
    """What `edit_contact` is told of one contact: a row that the caller read under its lock, and checked values."""

    contact: Contact
    values: dict[str, Any]
    opted_out: bool | None = None


def edit_contacts(told: Iterable[ContactEdit], *, actor: Any, origin: str) -> None:
    """`edit_contact` for many at once, with as many queries as for one; their rows have the values afterwards."""
    now = timezone.now()
    changed: dict[int, Contact] = {}
    consents: list[Consent] = []
    entries: list[audit.NewEntry] = []
    for edit in told:
        columns = _columns(edit.contact, edit.values, opted_out=edit.opted_out, now=now)
        consents += _consents(edit.contact, columns, actor=actor, origin=origin, now=now)
        entry = edits.revise(edit.contact, actor=actor, origin=origin, private=PRIVATE | _BESIDE, **columns)
        if entry is not None:
            entries.append(entry)
            changed[edit.contact.pk] = edit.contact
    _keep(consents, actor=actor)
    save_edited(changed.values())
    audit.record_all(entries)


_BESIDE = frozenset({"name_source", "name_at", "updated_at"})


def _columns(contact: Contact, values: dict[str, Any], *, opted_out: bool | None, now: datetime) -> dict[str, Any]:
    """The columns that change, and those that follow from it."""
    columns = {name: value for name, value in values.items() if getattr(contact, name) != value}
    if opted_out is not None and opted_out != (contact.opted_out_at is not None):
        columns["opted_out_at"] = now if opted_out else None
    return columns | _beside(columns, now=now)


def _beside(values: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    if not values:
        return {}
    if "name" not in values:
        return {"updated_at": now}
    source = Contact.NameSource.PERSON if values["name"] else Contact.NameSource.NONE
    return {"updated_at": now, "name_source": source, "name_at": now if values["name"] else None}


def _consents(
    contact: Contact, columns: dict[str, Any], *, actor: Any, origin: str, now: datetime, reason: str = ""
) -> list[Consent]:
    """The consent, or its end, that a change of `opted_out_at` is."""
    if "opted_out_at" not in columns:
        return []
    opted_out = columns["opted_out_at"] is not None
    return [consent(contact, opted_out=opted_out, at=now, actor=actor, origin=origin, reason=reason)]


def _keep(consents: Collection[Consent], *, actor: Any) -> None:
    """Write consents down; while one of them is an opt-out, no file of contacts is sealed."""
    Consent.objects.bulk_create(consents)
    if out := [consent.contact_id for consent in consents if not consent.given]:
        hold_files()
        tell_owners(out, actor=actor)


def save_edited(contacts: Collection[Contact]) -> None:
    """Write what can be edited of these contacts, whose rows the caller holds locked."""
    rows = [
        (
            c.pk, c.name, c.name_source, c.name_at, c.assigned_to_id, c.follow_up_at, c.opted_out_at, c.campaign_id,
            c.updated_at,
        )
        for c in contacts
    ]  # fmt: skip
    execute(
        "UPDATE contacts_contact AS c SET name = n.name, name_source = n.source, name_at = n.named,"
        " assigned_to_id = n.agent, follow_up_at = n.follow_up, opted_out_at = n.opted_out, campaign_id = n.campaign,"
        " updated_at = n.updated"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::bigint[], %s::timestamptz[],"
        " %s::timestamptz[], %s::bigint[], %s::timestamptz[])"
        " AS n (id, name, source, named, agent, follow_up, opted_out, campaign, updated) WHERE c.id = n.id",
        transpose(rows, 9),
    )
