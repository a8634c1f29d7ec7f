"""The rows that say which identifiers a contact has, and which of them leads. Set-wise: the drain lives on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from contacts.models import IdentityKind
from labelcrm.core.bulk import array, execute, fetch, transpose
from labelcrm.lib.phones import same_number
from webhooks.gateways.events import Chat

Identifier = tuple[str, str]  # (IdentityKind, value)

PHONE, LID = IdentityKind.PHONE.value, IdentityKind.LID.value
USER_ID, PARENT_ID = IdentityKind.USER_ID.value, IdentityKind.PARENT_ID.value

_LOOKUP = """
SELECT i.kind, i.value, i.contact_id, i.id FROM contacts_contactidentity i
  JOIN unnest(%s::text[], %s::text[]) AS wanted (kind, value) ON (i.kind, i.value) = (wanted.kind, wanted.value)
"""
_ATTACH = """
INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at)
SELECT contact, kind, value, now() FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (contact, kind, value)
    ON CONFLICT (kind, value) DO NOTHING RETURNING kind, value, contact_id, id
"""
_MOVE_LEAD = """
UPDATE contacts_contactidentity i SET leads_since = new.at
  FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS new (kind, value, at)
 WHERE (i.kind, i.value) = (new.kind, new.value) AND (i.leads_since IS NULL OR i.leads_since < new.at)
"""
# WhatsApp's own form of a number goes before the form it was typed in, wherever that one stood.
_TAKE_PLACE = """
UPDATE contacts_contactidentity i
   SET leads_since = COALESCE(GREATEST(i.leads_since, other.leads_since), 'epoch') + interval '1 microsecond'
  FROM unnest(%s::text[], %s::text[]) AS form (told, typed), contacts_contactidentity other
 WHERE i.kind = 'phone' AND i.value = form.told AND other.kind = 'phone' AND other.value = form.typed
"""
# The first that leads since some time, latest first; else the one that leads already; else the oldest.
_LEADING = """
COALESCE((SELECT i.value FROM contacts_contactidentity i WHERE i.contact_id = c.id AND i.kind = '{kind}'
           ORDER BY i.leads_since DESC NULLS LAST, i.value <> c.{kind}, i.id LIMIT 1), '') AS {kind}
"""
_WOULD_LEAD = """
SELECT DISTINCT ON (i.kind) i.kind, i.value FROM contacts_contactidentity i
  JOIN contacts_contact c ON c.id = %(first)s
 WHERE i.contact_id = ANY(%(ids)s::bigint[])
 ORDER BY i.kind, i.leads_since DESC NULLS LAST, i.value NOT IN (c.phone, c.lid, c.user_id), i.id
"""
_LEAD = f"""
UPDATE contacts_contact c SET phone = n.phone, lid = n.lid, user_id = n.user_id, updated_at = now()
  FROM (SELECT c.id, {", ".join(_LEADING.format(kind=kind) for kind in (PHONE, LID, USER_ID))}
          FROM contacts_contact c WHERE c.id = ANY(%s::bigint[])) AS n
 WHERE c.id = n.id AND (c.phone, c.lid, c.user_id) <> (n.phone, n.lid, n.user_id)
"""  # noqa: S608 - three words from above


class KnownContact(NamedTuple):
    """A contact and the identity it was recognised by."""

    contact_id: int
    identity_id: int


def identifiers(chat: Chat) -> list[Identifier]:
    """The identifiers of a chat, the leading one first."""
    found = []
    if chat.phone:
        found.append((PHONE, chat.phone))
    if chat.lid:
        found.append((LID, chat.lid))
    if chat.user_id:
        found.append((USER_ID, chat.user_id))
    if chat.parent_id:
        found.append((PARENT_ID, chat.parent_id))
    return found


def other_forms(identifier: Identifier) -> list[Identifier]:
    """The same phone number in the forms it had before or after its country renumbered; nothing for what is none."""
    kind, value = identifier
    return [(PHONE, form) for form in same_number(value)[1:]] if kind == PHONE else []


def lookup(wanted: Iterable[Identifier]) -> dict[Identifier, KnownContact]:
    """Whose these identifiers are, as far as anybody has them."""
    rows = fetch(_LOOKUP, transpose(sorted(wanted), 2))
    return {(kind, value): KnownContact(contact, identity) for kind, value, contact, identity in rows}


def attach(given: Mapping[Identifier, int]) -> dict[Identifier, KnownContact]:
    """Give contacts (by id) more identifiers; those that another lane was faster with are not returned."""
    with connection.cursor() as cursor:
        cursor.execute(_ATTACH, transpose([(given[one], *one) for one in sorted(given)], 3))
        return {(kind, value): KnownContact(contact, identity) for kind, value, contact, identity in cursor.fetchall()}


def claim(ordered: Collection[Identifier]) -> dict[Identifier, int]:
    """Insert identities under ids reserved for new contacts; those that another lane holds are not returned.

    The foreign key is checked at commit, so the contacts may follow.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at)"
            # The name of the sequence is looked up once and not per row.
            " SELECT nextval((SELECT pg_get_serial_sequence('contacts_contact', 'id')::regclass)), kind, value, now()"
            " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS new (kind, value, position) ORDER BY position"
            " ON CONFLICT (kind, value) DO NOTHING RETURNING kind, value, contact_id",
            transpose(list(ordered), 2),
        )
        return {(kind, value): contact for kind, value, contact in cursor.fetchall()}


def insert_contacts(rows: Iterable[tuple[int, Identifier, datetime]]) -> None:
    """New contacts (id, leading identifier, first seen) without a name."""
    columns = [
        (contact, *(value if kind == column else "" for column in (PHONE, LID, USER_ID)), seen)
        for contact, (kind, value), seen in rows
    ]
    execute(
        "INSERT INTO contacts_contact"
        " (id, name, name_source, phone, lid, user_id, first_seen_at, created_at, updated_at)"
        " SELECT id, '', '', phone, lid, user_id, seen, now(), now()"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])"
        " AS new (id, phone, lid, user_id, seen)",
        transpose(columns, 5),
    )


def lead(contact_ids: Iterable[int]) -> None:
    """Repeat in each contact which of its identifiers leads."""
    execute(_LEAD, [array(sorted(set(contact_ids)))])


def would_lead(contact_ids: Sequence[int]) -> dict[str, str]:
    """By kind the identifiers that would lead if all of these were the first of them."""
    rows = fetch(_WOULD_LEAD, {"ids": array(contact_ids), "first": contact_ids[0]})
    return dict(rows)


def take_place(forms: Mapping[Identifier, Identifier]) -> None:
    """Forms of numbers that WhatsApp told lead over the other form of the same number."""
    execute(_TAKE_PLACE, transpose([(told[1], typed[1]) for told, typed in sorted(forms.items())], 2))


def take_lead(since: Mapping[Identifier, datetime]) -> None:
    """These identifiers lead from a time on; an earlier time than is known already changes nothing."""
    execute(_MOVE_LEAD, transpose([(*one, since[one]) for one in sorted(since)], 3))
