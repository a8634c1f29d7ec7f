"""Whom is an identifier? Chats become contacts here, and LIDs learn their phones.

Safe beside other lanes: rows are inserted in sorted order, and an identifier that another lane created in
the meantime wins over ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from contacts.models import IdentityKind
from labelcrm.core.bulk import array, transpose
from webhooks.gateways.events import Chat

from .activity import lock_contacts

Identifier = tuple[str, str]  # (IdentityKind, value)


@dataclass(frozen=True, slots=True)
class Known:
    """A contact and the identity it was recognised by."""

    contact_id: int
    identity_id: int


@dataclass(slots=True)
class Directory:
    """The contacts of a batch of chats.

    `merges` are pairs (survivor id, merged id): contacts that turned out to be one. Whoever resolves must
    carry them out before recording anything (`labels.services.merging`).
    """

    known: dict[Identifier, Known] = field(default_factory=dict)
    merges: list[tuple[int, int]] = field(default_factory=list)
    created: set[int] = field(default_factory=set)

    def find(self, chat: Chat) -> Known | None:
        """The contact of a chat, by phone first; None for one nobody has seen."""
        return next((self.known[i] for i in identifiers(chat) if i in self.known), None)

    def redirect(self, *, merged: int, survivor: int) -> None:
        """Point every identifier of `merged` to `survivor`."""
        for identifier, known in self.known.items():
            if known.contact_id == merged:
                self.known[identifier] = Known(survivor, known.identity_id)


def identifiers(chat: Chat) -> list[Identifier]:
    """The identifiers of a chat, the leading one first."""
    found: list[Identifier] = []
    if chat.phone:
        found.append((IdentityKind.PHONE.value, chat.phone))
    if chat.lid:
        found.append((IdentityKind.LID.value, chat.lid))
    return found


def resolve(chats: Mapping[Chat, datetime], *, names_only: Iterable[Chat] = ()) -> Directory:
    """Contacts for `chats` (chat → first time seen), created where nobody knows them, LIDs and phones joined.

    `names_only` chats are looked up and joined but never created: a phone's address book is no reason to
    call somebody a contact. Everybody found is locked until the end of the caller's transaction.
    """
    everyone = {*chats, *names_only}
    wanted = {identifier for chat in everyone for identifier in identifiers(chat)}
    directory = Directory(known=_lookup(wanted))
    while True:
        _create_missing(directory, chats)
        if _is_held(directory, wanted) and _join(directory, everyone):
            return directory


def _is_held(directory: Directory, wanted: Collection[Identifier]) -> bool:
    """Lock everybody known in order; False when another lane made somebody somebody else while we waited."""
    lock_contacts(known.contact_id for known in directory.known.values())
    before, directory.known = directory.known, _lookup(wanted)
    return directory.known == before


def _lookup(wanted: Iterable[Identifier]) -> dict[Identifier, Known]:
    phones, lids = _split(wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, value, contact_id, id FROM contacts_contactidentity"
            " WHERE (kind = 'phone' AND value = ANY(%s::text[])) OR (kind = 'lid' AND value = ANY(%s::text[]))",
            [array(phones), array(lids)],
        )
        return {(kind, value): Known(contact, identity) for kind, value, contact, identity in cursor.fetchall()}


def _split(wanted: Iterable[Identifier]) -> tuple[list[str], list[str]]:
    phones: set[str] = set()
    lids: set[str] = set()
    for kind, value in wanted:
        (phones if kind == IdentityKind.PHONE else lids).add(value)
    return sorted(phones), sorted(lids)


def _create_missing(directory: Directory, chats: Mapping[Chat, datetime]) -> None:
    """New contacts for chats of which no identifier is known; the identity is inserted first, and decides."""
    leading: dict[Identifier, datetime] = {}
    for chat, seen_at in chats.items():
        if directory.find(chat) is None:
            key = identifiers(chat)[0]
            leading[key] = min(seen_at, leading.get(key, seen_at))
    if not leading:
        return
    ordered = sorted(leading)
    won = _claim(ordered)
    _insert_contacts([(contact_id, identifier, leading[identifier]) for identifier, contact_id in won.items()])
    directory.created.update(won.values())
    directory.known |= _lookup(ordered)


def _claim(ordered: list[Identifier]) -> dict[Identifier, int]:
    """Insert identities under ids reserved for new contacts; those that another lane holds are not returned.

    The foreign key is checked at commit, so the contacts may follow.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at)"
            " SELECT nextval(pg_get_serial_sequence('contacts_contact', 'id')), kind, value, now()"
            " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS new (kind, value, position) ORDER BY position"
            " ON CONFLICT (kind, value) DO NOTHING RETURNING kind, value, contact_id",
            transpose(ordered, 2),
        )
        return {(kind, value): contact for kind, value, contact in cursor.fetchall()}


def _insert_contacts(rows: list[tuple[int, Identifier, datetime]]) -> None:
    phone, lid = IdentityKind.PHONE, IdentityKind.LID
    columns = [
        (contact, value if kind == phone else "", value if kind == lid else "", seen)
        for contact, (kind, value), seen in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contact (id, name, name_source, phone, lid, first_seen_at, created_at, updated_at)"
            " SELECT id, '', '', phone, lid, seen, now(), now()"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) AS new (id, phone, lid, seen)",
            transpose(columns, 4),
        )


def _join(directory: Directory, chats: Iterable[Chat]) -> bool:
    """Make each (phone, LID) pair one contact: attach what is new, list what must be merged.

    False when another lane gave one of them to somebody else in the meantime: then everything is looked up again.
    """
    directory.merges.clear()
    for phone, lid in sorted({(chat.phone, chat.lid) for chat in chats if chat.phone and chat.lid}):
        of_phone, of_lid = (IdentityKind.PHONE.value, phone), (IdentityKind.LID.value, lid)
        by_phone, by_lid = directory.known.get(of_phone), directory.known.get(of_lid)
        if by_phone and not by_lid:
            if not _attach(directory, of_lid, by_phone.contact_id):
                return False
        elif by_lid and not by_phone:
            if not _attach(directory, of_phone, by_lid.contact_id):
                return False
        elif by_phone and by_lid and by_phone.contact_id != by_lid.contact_id and _may_be_one(by_phone, by_lid):
            directory.merges.append((by_phone.contact_id, by_lid.contact_id))
            directory.redirect(merged=by_lid.contact_id, survivor=by_phone.contact_id)
    return True


def _may_be_one(by_phone: Known, by_lid: Known) -> bool:
    """Two people with a phone each are never made one by a gateway's word alone, nor are two whom a person parted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM contacts_contactidentity WHERE contact_id = %(lid)s AND kind = 'phone' UNION ALL"
            " SELECT 1 FROM contacts_contactmerge WHERE survivor_id = %(phone)s AND merged_id = %(lid)s"
            " AND undone_at IS NOT NULL LIMIT 1",
            {"phone": by_phone.contact_id, "lid": by_lid.contact_id},
        )
        return cursor.fetchone() is None


def _attach(directory: Directory, identifier: Identifier, contact_id: int) -> bool:
    """Give a contact one more identifier; False when another lane was faster."""
    kind, value = identifier
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at) VALUES (%s, %s, %s, now())"
            " ON CONFLICT (kind, value) DO NOTHING RETURNING id",
            [contact_id, kind, value],
        )
        inserted = cursor.fetchone()
        if inserted is None:
            return False
        column = "phone" if kind == IdentityKind.PHONE else "lid"
        cursor.execute(
            f"UPDATE contacts_contact SET {column} = %s, updated_at = now() WHERE id = %s AND {column} = ''",  # noqa: S608 - one of two words above
            [value, contact_id],
        )
    directory.known[identifier] = Known(contact_id, inserted[0])
    return True
