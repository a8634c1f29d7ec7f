"""Contacts from a file: who is meant, what is said of them, and nothing else touched.

What of it differs is found out and written by the database (`contacts.services.import_rows`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Campaign, CampaignTouch, Contact, IdentityKind
from contacts.selectors.hidden_numbers import owners_of_meta_ids
from contacts.services.attribution import MANUAL
from contacts.services.contacts import save_edited
from contacts.services.directory import resolve
from contacts.services.identities import PHONE, claim, lookup
from contacts.services.import_rows import ARCHIVED, CONFLICT, SaidRow, WrittenRow, write_rows
from labelcrm.core import audit
from labelcrm.core.bulk import array, copy_rows, execute, fetch
from labelcrm.lib.phones import same_number
from webhooks.gateways.events import Chat, ChatKind

CHUNK = 10_000


class ContactFields(NamedTuple):
    """What a file says of a contact; None is not said. A file can opt people out, never in again."""

    name: str | None = None
    assigned_to: Agent | None = None
    campaign: Campaign | None = None
    follow_up_at: datetime | None = None
    opted_out: bool = False
    note: str = ""


@dataclass(slots=True)
class Owners:
    """Whose the identifiers of a file are: contact ids by E.164 phone in any form, digits of a LID, and Meta's ids."""

    phones: dict[str, int] = field(default_factory=dict)
    lids: dict[str, int] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)


# Each by the index: for some thousand values the planner would rather read all there are.
_OWNERS = """
SELECT found.value, found.contact_id
  FROM unnest(%(values)s::text[]) AS wanted (value)
 CROSS JOIN LATERAL (
    SELECT value, contact_id FROM contacts_contactidentity WHERE kind = %(kind)s AND value = wanted.value OFFSET 0
 ) AS found
"""


def owners_of(*, phones: Iterable[str], lids: Iterable[str], user_ids: Iterable[str] = ()) -> Owners:
    """The contacts that have these identifiers, found with at most three queries."""
    wanted = set(phones)
    others = {phone: forms for phone in wanted if (forms := same_number(phone)[1:])}
    found = Owners(
        phones=_owners(IdentityKind.PHONE, wanted.union(*others.values())),
        lids=_owners(IdentityKind.LID, lids),
        user_ids=owners_of_meta_ids(user_ids),
    )
    for phone, forms in others.items():
        owner = next((found.phones[form] for form in (phone, *forms) if form in found.phones), None)
        if owner is not None:
            found.phones[phone] = owner
    return found


def _owners(kind: IdentityKind, values: Iterable[str]) -> dict[str, int]:
    wanted = sorted(set(values))
    return dict(fetch(_OWNERS, {"kind": kind.value, "values": array(wanted)})) if wanted else {}


class ContactRow(NamedTuple):
    """One row of a file: what it says of the contact with this id, or else of whoever has this E.164 phone."""

    contact_id: int | None
    phone: str
    fields: ContactFields


@dataclass(slots=True)
class ImportOutcome:
    """What became of the rows of a file, by their numbers: what was written, and which were refused and why.

    `created` are ids of contacts who were not known before.
    """

    written: dict[int, WrittenRow] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    refused: dict[int, ValidationError] = field(default_factory=dict)


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
    missing = set(created)
    for turn in _turns(ids):
        said = [_said(number, ids[number], rows[number], is_new=ids[number] in missing) for number in turn]
        missing.clear()  # who is written twice was made the first time
        for row in write_rows(said, actor=actor):
            if row.refused:
                done.refused[row.number] = ValidationError(_REFUSALS[row.refused], code=row.refused)
            else:
                done.written[row.number] = row
    done.created |= created


def _said(number: int, contact_id: int, row: ContactRow, *, is_new: bool) -> SaidRow:
    said = row.fields
    agent = said.assigned_to.pk if said.assigned_to is not None else None
    campaign = said.campaign.pk if said.campaign is not None else None
    return SaidRow(
        number, contact_id, is_new, row.phone, said.name, agent, campaign, said.follow_up_at, said.opted_out, said.note
    )


_REFUSALS = {
    CONFLICT: _("Somebody else saved the same just now."),
    ARCHIVED: _("This contact is in the archive; restore it first."),
}


def _turns(ids: Mapping[int, int]) -> Iterator[Sequence[int]]:
    """The rows, by number, in turns in which each contact stands once: nearly always all of them in one."""
    left: Sequence[int] = list(ids)
    while left:
        first = {ids[number]: number for number in reversed(left)}
        turn = left if len(first) == len(left) else [number for number in left if first[ids[number]] == number]
        yield turn
        left = [] if turn is left else [number for number in left if first[ids[number]] != number]


# -- Who is meant -----------------------------------------------------------------------------------------------------


def _identified(rows: Mapping[int, ContactRow]) -> tuple[dict[int, int], set[int]]:
    """Contact ids by number of the row, and which of them are new: their identities are written, they are not yet."""
    unknown = {row.phone for row in rows.values() if row.contact_id is None}
    claimed = claim([(PHONE, phone) for phone in _first_forms(unknown)]) if unknown else {}
    found = {phone: contact for (_kind, phone), contact in claimed.items()}
    found |= _known_by_now(unknown - found.keys())
    ids = {number: found[row.phone] if row.contact_id is None else row.contact_id for number, row in rows.items()}
    return ids, set(claimed.values())


def _first_forms(phones: Iterable[str]) -> list[str]:
    """Numbers in order, one form of each, without those that somebody has in another form already."""
    ordered = sorted(set(phones))
    others = {phone: forms for phone in ordered if (forms := same_number(phone)[1:])}
    if not others:
        return ordered
    known = {value for _kind, value in lookup((PHONE, form) for forms in others.values() for form in forms)}
    doubled = {phone for phone, forms in others.items() for form in forms if form < phone and form in others}
    return [phone for phone in ordered if phone not in doubled and known.isdisjoint(others.get(phone, ()))]


def _known_by_now(phones: Collection[str]) -> dict[str, int]:
    """The contacts of numbers that somebody else was faster with, or that are known in another form; locked."""
    if not phones:
        return {}
    now = timezone.now()
    chats = {phone: Chat(raw=phone, kind=ChatKind.PERSONAL, phone=phone) for phone in sorted(phones)}
    directory = resolve(dict.fromkeys(chats.values(), now), typed=True)
    found = {phone: directory.find(chat) for phone, chat in chats.items()}
    assert all(found.values()), "resolve creates whom nobody knows"
    return {phone: known.contact_id for phone, known in found.items() if known is not None}


# -- One column of it -------------------------------------------------------------------------------------------------


def set_campaigns(
    chosen: Iterable[tuple[Contact, Campaign]], *, actor: Any, origin: str, confirmed: Collection[int] = ()
) -> None:
    """Say by hand which campaigns brought contacts that the caller holds locked.

    That goes before what messages show, and before what was said. Whose campaign it is already stays as it was found,
    but for the contacts (ids) for whom it is `confirmed`.
    """
    now = timezone.now()
    changed: dict[int, Contact] = {}
    entries: list[audit.NewEntry] = []
    for contact, campaign in chosen:
        if contact.campaign_id != campaign.pk or contact.pk in confirmed:
            details = {"campaign": campaign.pk, "before": contact.campaign_id}
            entries.append(audit.entry(actor=actor, action="contact.campaign", obj=contact, origin=origin, **details))
            contact.campaign, contact.updated_at = campaign, now
            changed[contact.pk] = contact
    if changed:
        said = "DELETE FROM contacts_campaigntouch WHERE method = %s AND contact_id = ANY(%s::bigint[])"
        execute(said, [MANUAL, array(changed)])
        touches = ((pk, contact.campaign_id, now, MANUAL, "{}") for pk, contact in changed.items())
        copy_rows(CampaignTouch._meta.db_table, ("contact_id", "campaign_id", "at", "method", "evidence"), touches)
    save_edited(changed.values())
    audit.record_all(entries)
