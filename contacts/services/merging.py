"""Two contacts turn out to be one person: what hangs on the contact itself moves, and all of it can be given back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact, ContactChannel, ContactMerge
from contacts.selectors.counting import first_live_inbound
from contacts.services.attribution import first_messages, forget_later_touches, set_first_touch
from contacts.services.contact_rows import lock_contacts
from contacts.services.identities import LID, PHONE, USER_ID, lead, would_lead
from contacts.services.opt_out import hold_files
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch

# Rows that go to the survivor as they are. Labels move in `labels.services.merging`.
MOVED = (
    "contacts_contactidentity",
    "contacts_message",
    "contacts_note",
    "contacts_consent",
    "contacts_campaigntouch",
)
MERGED_BEFORE = "contacts_contact"  # whoever had been merged into the merged one
CHANNELS = "contacts_contactchannel"
TOUCHES = "contacts_campaigntouch"

_EITHER_HAS_HISTORY = "({}.has_history OR {}.has_history)"


def _first_live(one: str, other: str) -> str:
    """When whom two rows stand for first wrote since their number was connected, where either has history."""
    first = f"LEAST({first_live_inbound(one)}, {first_live_inbound(other)})"
    return f"CASE WHEN {_EITHER_HAS_HISTORY.format(one, other)} THEN {first} END"


# What the survivor's columns become, of its own value (s) and the merged contact's (m).
_NAMED_BY_M = "(s.name = '' OR (m.name_source = 'person' AND s.name_source <> 'person'))"
_USERNAME_OF_M = "(m.username <> '' AND (s.username = '' OR s.username_at < m.username_at))"
JOINED = {
    "name": f"CASE WHEN {_NAMED_BY_M} THEN m.name ELSE s.name END",
    "name_source": f"CASE WHEN {_NAMED_BY_M} THEN m.name_source ELSE s.name_source END",
    "name_at": f"CASE WHEN {_NAMED_BY_M} THEN m.name_at ELSE s.name_at END",
    "username": f"CASE WHEN {_USERNAME_OF_M} THEN m.username ELSE s.username END",
    "username_at": f"CASE WHEN {_USERNAME_OF_M} THEN m.username_at ELSE s.username_at END",
    "assigned_to_id": "COALESCE(s.assigned_to_id, m.assigned_to_id)",
    "follow_up_at": "LEAST(s.follow_up_at, m.follow_up_at)",
    "opted_out_at": "LEAST(s.opted_out_at, m.opted_out_at)",
    "first_seen_at": "LEAST(s.first_seen_at, m.first_seen_at)",
    "first_inbound_at": "LEAST(s.first_inbound_at, m.first_inbound_at)",
    "last_inbound_at": "GREATEST(s.last_inbound_at, m.last_inbound_at)",
    "last_outbound_at": "GREATEST(s.last_outbound_at, m.last_outbound_at)",
    "has_history": _EITHER_HAS_HISTORY.format("s", "m"),
    "first_live_inbound_at": _first_live("s", "m"),
}
# These follow from identities and touches; the rest of a contact's columns no merge changes.
DERIVED = ("phone", "lid", "user_id", "campaign_id")
PERSONS = ("assigned_to_id", "follow_up_at", "opted_out_at", "campaign_id")


def merge_contacts(*, survivor_id: int, merged_id: int, reason: str, actor: Any) -> ContactMerge:
    """Move what hangs on `merged_id` (`MOVED`, and whom had been merged into it) to `survivor_id`, and join columns.

    Both are locked, in order.

    Labels are moved by `labels.services.merging.merge`, which calls this. Raises ValidationError where one of them
    has been merged already.
    """
    lock_contacts([survivor_id, merged_id])
    check_both_stand_alone(survivor_id, merged_id)
    rows = _columns([survivor_id, merged_id])
    touches = snapshot(TOUCHES, [survivor_id, merged_id])
    before = {
        "survivor": {},
        "merged": {name: rows[merged_id][name] for name in ("deleted_at",)},
        CHANNELS: snapshot(CHANNELS, [survivor_id, merged_id]),
        "last": last_rows([survivor_id, merged_id]),
    }
    moved = {table: move(table, merged_id, survivor_id) for table in MOVED}
    moved[MERGED_BEFORE] = move(MERGED_BEFORE, merged_id, survivor_id, column="merged_into_id")
    _join_channels(survivor_id, merged_id)
    _join_columns(survivor_id, merged_id)
    if any(rows[pk]["opted_out_at"] for pk in (survivor_id, merged_id)):
        hold_files()  # whoever of the two had not opted out has now
    lead([survivor_id])
    forget_later_touches(first_messages([survivor_id]))
    set_first_touch([survivor_id])
    now = _columns([survivor_id])[survivor_id]
    names = (*JOINED, *DERIVED)
    before["survivor"] = {name: rows[survivor_id][name] for name in names if rows[survivor_id][name] != now[name]}
    before["after"] = {name: now[name] for name in PERSONS}
    left = {touch["id"] for touch in snapshot(TOUCHES, [survivor_id])}
    before[TOUCHES] = [touch for touch in touches if touch["id"] not in left]
    record = ContactMerge.objects.create(
        survivor_id=survivor_id, merged_id=merged_id, identity_ids=moved["contacts_contactidentity"], moved=moved,
        before=before, reason=reason, actor=actor,
    )  # fmt: skip
    write_down(record, "contact.merged", actor=actor, reason=reason)
    return record


def preview(*, survivor_id: int, merged_id: int) -> dict[str, Any]:
    """What the survivor's columns would become, by their names; nothing is written."""
    columns = {name: f"({value})" for name, value in JOINED.items()}
    statement = ", ".join(columns.values())
    row = fetch(
        f"SELECT {statement} FROM contacts_contact s, contacts_contact m WHERE s.id = %s AND m.id = %s",  # noqa: S608 - names from code
        [survivor_id, merged_id],
    )[0]
    leading = would_lead([survivor_id, merged_id])
    return dict(zip(columns, row, strict=True)) | {kind: leading.get(kind, "") for kind in (PHONE, LID, USER_ID)}


def write_down(record: ContactMerge, action: str, *, actor: Any, **details: Any) -> None:
    """The audit row of a merge or its end: ids alone, for what people are called must not live on there."""
    details |= {"merged": record.merged_id, "record": record.pk}
    entry = audit.entry(actor=actor, action=action, obj=record.survivor, **details)
    audit.write(entry._replace(object_name=""))


def check_both_stand_alone(*contact_ids: int) -> None:
    """Raises ValidationError where one of two contacts is missing, merged already, or the other."""
    standing = Contact.all_objects.filter(id__in=contact_ids, merged_into__isnull=True).count()
    if standing != 2:
        raise ValidationError(_("One of these contacts has been merged already."), code="merged")


def snapshot(table: str, contact_ids: list[int], *, where: str = "true") -> list[dict[str, Any]]:
    """All rows of a table that hang on these contacts, as plain values."""
    statement = f"SELECT to_jsonb(t)::text FROM {table} t WHERE contact_id = ANY(%s) AND {where} ORDER BY id"  # noqa: S608 - names from code
    return [json.loads(row) for (row,) in fetch(statement, [contact_ids])]


def last_rows(contact_ids: list[int], tables: tuple[str, ...] = ("contacts_message",)) -> dict[str, int]:
    """Of each table the id of the last row that hangs on these contacts: later ones came after the merge."""
    statement = "SELECT COALESCE(max(id), 0) FROM {} WHERE contact_id = ANY(%s)"
    return {table: fetch(statement.format(table), [contact_ids])[0][0] for table in tables}


def move(table: str, from_id: int, to_id: int, *, column: str = "contact_id") -> list[int]:
    """Hang the rows of one contact on another; returns their ids."""
    statement = f"UPDATE {table} SET {column} = %s WHERE {column} = %s RETURNING id"  # noqa: S608 - names from code
    return sorted(pk for (pk,) in fetch(statement, [to_id, from_id]))


def _columns(contact_ids: list[int]) -> dict[int, Mapping[str, Any]]:
    rows = fetch("SELECT id, to_jsonb(c)::text FROM contacts_contact c WHERE id = ANY(%s)", [contact_ids])
    return {pk: json.loads(row) for pk, row in rows}


def _join_channels(survivor_id: int, merged_id: int) -> None:
    execute(
        "INSERT INTO contacts_contactchannel AS link"  # noqa: S608 - our own words
        " (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at)"
        " SELECT %s, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at FROM contacts_contactchannel WHERE contact_id = %s"
        " ON CONFLICT (contact_id, channel_id) DO UPDATE SET"
        f" has_history = {_EITHER_HAS_HISTORY.format('link', 'excluded')},"
        f" first_live_inbound_at = {_first_live('link', 'excluded')},"
        " first_seen_at = LEAST(link.first_seen_at, excluded.first_seen_at),"
        " first_inbound_at = LEAST(link.first_inbound_at, excluded.first_inbound_at),"
        " last_inbound_at = GREATEST(link.last_inbound_at, excluded.last_inbound_at),"
        " last_outbound_at = GREATEST(link.last_outbound_at, excluded.last_outbound_at)",
        [survivor_id, merged_id],
    )
    ContactChannel.objects.filter(contact_id=merged_id).delete()


def _join_columns(survivor_id: int, merged_id: int) -> None:
    """The survivor keeps what it has, gains what it lacks, and opting out stays opted out."""
    columns = ", ".join(f"{column} = {value}" for column, value in JOINED.items())
    execute(
        f"UPDATE contacts_contact s SET {columns}, updated_at = now()"  # noqa: S608 - names from code
        " FROM contacts_contact m WHERE s.id = %s AND m.id = %s",
        [survivor_id, merged_id],
    )
    execute(
        "UPDATE contacts_contact SET merged_into_id = %s, deleted_at = COALESCE(deleted_at, now()), updated_at = now()"
        " WHERE id = %s",
        [survivor_id, merged_id],
    )
