"""Contacts from a file: who is meant, what is said of them, and nothing else touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Campaign, CampaignTouch, Contact, ContactIdentity, IdentityKind, Note
from contacts.selectors.hidden_numbers import owners_of_meta_ids
from contacts.services.attribution import MANUAL
from contacts.services.contact_rows import lock_contacts
from contacts.services.contacts import ContactEdit, edit_contacts, save_edited
from contacts.services.directory import Directory, resolve
from labelcrm.core import audit
from labelcrm.core.bulk import array, copy_rows, execute
from labelcrm.lib.phones import same_number
from webhooks.gateways.events import Chat, ChatKind

ORIGIN = "import"
CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFields:
    """What a file says of a contact; None is not said. A file can opt people out, never in again."""

    name: str | None = None
    assigned_to: Agent | None = None
    campaign: Campaign | None = None
    follow_up_at: datetime | None = None
    opted_out: bool = False
    note: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the contact itself."""
        given = {"name": self.name, "assigned_to": self.assigned_to, "follow_up_at": self.follow_up_at}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(slots=True)
class Owners:
    """Whose the identifiers of a file are: contact ids by E.164 phone in any form, digits of a LID, and Meta's ids."""

    phones: dict[str, int] = field(default_factory=dict)
    lids: dict[str, int] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)


def owners_of(*, phones: Iterable[str], lids: Iterable[str], user_ids: Iterable[str] = ()) -> Owners:
    """The contacts that have these identifiers, found with three queries."""
    found = Owners()
    forms = {phone: same_number(phone) for phone in phones}
    for kind, values, known in (
        (IdentityKind.PHONE, {form for all_forms in forms.values() for form in all_forms}, found.phones),
        (IdentityKind.LID, set(lids), found.lids),
    ):
        identities = ContactIdentity.objects.filter(kind=kind, value__in=sorted(values))
        known.update(identities.values_list("value", "contact_id"))
    found.user_ids.update(owners_of_meta_ids(user_ids))
    for phone, all_forms in forms.items():
        owner = next((found.phones[form] for form in all_forms if form in found.phones), None)
        if owner is not None:
            found.phones[phone] = owner
    return found


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One row of a file: what it says of the contact with this id, or else of whoever has this E.164 phone."""

    contact_id: int | None
    phone: str
    fields: ContactFields


# What an import changes of a contact and taking it back restores, as JSON.
KEPT_COLUMNS = ("name", "name_source", "name_at", "assigned_to_id", "follow_up_at", "opted_out_at", "campaign_id")


@dataclass(slots=True)
class ImportOutcome:
    """What became of the rows of a file, by their numbers: whose contact each is, and which were refused and why.

    `created` are ids of contacts who were not known before. `changes` holds the columns that changed, each as it was
    and as it is now, and `notes` the ids of the notes that were written.
    """

    contacts: dict[int, int] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    refused: dict[int, ValidationError] = field(default_factory=dict)
    changes: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    notes: dict[int, int] = field(default_factory=dict)


def create_or_update_contacts(rows: Mapping[int, ContactRow], *, actor: Any) -> ImportOutcome:
    """Bring contacts in step with the rows of a file, by their numbers; queries grow with chunks, not with rows.

    Whoever is not known is made. A phone that somebody else brought in meanwhile is updated, not doubled. Rows that
    were refused since the file was understood keep no other from being written.
    """
    # Like the drain: new identifiers in order, then known contacts in order, so that neither waits for the other's end.
    ordered = sorted(rows, key=lambda number: (rows[number].contact_id or 0, rows[number].phone))
    done = ImportOutcome()
    with transaction.atomic():
        for start in range(0, len(ordered), CHUNK):
            _write({number: rows[number] for number in ordered[start : start + CHUNK]}, done, actor=actor)
    return done


def _write(rows: Mapping[int, ContactRow], done: ImportOutcome, *, actor: Any) -> None:
    ids, created = _identified(rows)
    contacts = _held(ids.values())
    audit.record_all(
        audit.entry(actor=actor, action="contact.created", obj=contacts[pk], origin=ORIGIN) for pk in sorted(created)
    )
    accepted: dict[int, tuple[Contact, ContactFields]] = {}
    for number, row in rows.items():
        contact = contacts.get(ids[number])
        if contact is None:
            done.refused[number] = ValidationError(_("Somebody else saved the same just now."), code="conflict")
        elif contact.is_archived:
            sentence = _("This contact is in the archive; restore it first.")
            done.refused[number] = ValidationError(sentence, code="archived")
        else:
            accepted[number] = (contact, row.fields)
    before = {number: kept_columns(contact) for number, (contact, _fields) in accepted.items()}
    _change(accepted.values(), actor=actor)
    done.contacts |= {number: contact.pk for number, (contact, _fields) in accepted.items()}
    done.created |= created
    done.notes |= _add_notes(accepted, actor=actor)
    done.changes |= {number: _differences(before[number], contact) for number, (contact, _fields) in accepted.items()}


def _change(accepted: Collection[tuple[Contact, ContactFields]], *, actor: Any) -> None:
    edits = [ContactEdit(contact, fields.values, fields.opted_out or None) for contact, fields in accepted]
    chosen = [(contact, fields.campaign) for contact, fields in accepted if fields.campaign is not None]
    campaigns, entries = _say_campaigns(chosen, actor=actor, origin=ORIGIN)
    edit_contacts(edits, actor=actor, origin=ORIGIN, campaigns=campaigns)
    audit.record_all(entries)


def kept_columns(contact: Contact) -> tuple[Any, ...]:
    """What an import may change, as it is now, in the order of KEPT_COLUMNS."""
    return tuple(getattr(contact, name) for name in KEPT_COLUMNS)


def _differences(before: tuple[Any, ...], contact: Contact) -> dict[str, list[Any]]:
    changed = zip(KEPT_COLUMNS, before, kept_columns(contact), strict=True)
    return {name: [as_json(old), as_json(new)] for name, old, new in changed if old != new}


def as_json(value: Any) -> Any:
    """A value of a column of a contact; times as text, in UTC."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _add_notes(accepted: Mapping[int, tuple[Contact, ContactFields]], *, actor: Any) -> dict[int, int]:
    """Write the notes of rows by their numbers; returns the ids of the notes."""
    told = {number: (contact, fields.note) for number, (contact, fields) in accepted.items() if fields.note}
    author = getattr(actor, "pk", None)
    notes = Note.objects.bulk_create(
        Note(contact=contact, author_id=author, text=text) for contact, text in told.values()
    )
    audit.record_all(
        audit.entry(actor=actor, action="contact.note_added", obj=contact, origin=ORIGIN, note=note.pk)
        for note, (contact, _text) in zip(notes, told.values(), strict=True)
    )
    return {number: note.pk for number, note in zip(told, notes, strict=True)}


def _identified(rows: Mapping[int, ContactRow]) -> tuple[dict[int, int], set[int]]:
    """Contact ids by number of the row, and which of them are new."""
    now = timezone.now()
    chats = {
        number: Chat(raw=row.phone, kind=ChatKind.PERSONAL, phone=row.phone)
        for number, row in rows.items()
        if row.contact_id is None
    }
    directory = resolve(dict.fromkeys(chats.values(), now), typed=True) if chats else Directory()
    ids = {number: row.contact_id for number, row in rows.items() if row.contact_id is not None}
    for number, chat in chats.items():
        known = directory.find(chat)
        assert known is not None, "resolve creates whom nobody knows"
        ids[number] = known.contact_id
    return ids, directory.created


def _held(contact_ids: Collection[int]) -> dict[int, Contact]:
    """These contacts as they are now, archived ones too, locked until the end of the transaction."""
    lock_contacts(contact_ids)
    return Contact.all_objects.select_related("assigned_to").in_bulk(set(contact_ids))


def set_campaigns(chosen: Iterable[tuple[Contact, Campaign]], *, actor: Any, origin: str) -> None:
    """Say by hand which campaigns brought contacts that the caller holds locked.

    That goes before what messages show, and before what was said.
    """
    changed, entries = _say_campaigns(chosen, actor=actor, origin=origin)
    save_edited(changed)
    audit.record_all(entries)


def _say_campaigns(
    chosen: Iterable[tuple[Contact, Campaign]], *, actor: Any, origin: str
) -> tuple[Collection[Contact], list[audit.NewEntry]]:
    """Write the touches that say so; returns the contacts whose campaign that changes, and the audit rows: to save."""
    now = timezone.now()
    changed: dict[int, Contact] = {}
    entries: list[audit.NewEntry] = []
    for contact, campaign in chosen:
        if contact.campaign_id != campaign.pk:
            details = {"campaign": campaign.pk, "before": contact.campaign_id}
            entries.append(audit.entry(actor=actor, action="contact.campaign", obj=contact, origin=origin, **details))
            contact.campaign, contact.updated_at = campaign, now
            changed[contact.pk] = contact
    if changed:
        said = "DELETE FROM contacts_campaigntouch WHERE method = %s AND contact_id = ANY(%s::bigint[])"
        execute(said, [MANUAL, array(changed)])
        touches = ((pk, contact.campaign_id, now, MANUAL, "{}") for pk, contact in changed.items())
        copy_rows(CampaignTouch._meta.db_table, ("contact_id", "campaign_id", "at", "method", "evidence"), touches)
    return changed.values(), entries
