"""A merge is undone: both contacts are what they would be if nobody had merged them.

What came after the merge goes to the contact of the identity it came by. What a person wrote after the merge stays
with the survivor, because nobody can know of whom they thought.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.models import CampaignRule, CampaignTouch, Consent, Contact, ContactMerge, Message
from contacts.selectors.counting import COUNTS
from contacts.services.attribution import attribute, first_messages, forget_lost_campaigns, set_first_touch
from contacts.services.identities import lead
from contacts.services.merging import CHANNELS, MERGED_BEFORE, MOVED, PERSONS, TOUCHES
from contacts.services.messages import NewMessage, record_message_times
from contacts.services.opt_out import reconsider, settle
from contacts.services.sightings import Sighting, record_sightings
from labelcrm.core.bulk import execute, fetch

# Contact, channel, and when a label change first showed that contact there: told by labels, which stand above.
FirstChange: TypeAlias = tuple[int, int, datetime]
NAME = ("name", "name_source", "name_at")
IDENTITIES = "contacts_contactidentity"
MESSAGES = "contacts_message"
UNKNOWN = "unknown"
# Of messages, some `inbound` and some `history`: whether there is history, and when the first live one came in.
_HISTORY = """
 COALESCE(bool_or(inbound AND history), false),
 CASE WHEN bool_or(inbound AND history) THEN min(at) FILTER (WHERE inbound AND NOT history) END
"""


def check_is_last(record: ContactMerge) -> None:
    """Raises ValidationError while a later merge stands on this one: that one must be undone first."""
    later = ContactMerge.objects.filter(id__gt=record.pk, undone_at__isnull=True)
    onto = later.filter(merged_id=record.survivor_id).first() or later.filter(survivor_id=record.survivor_id).last()
    if onto is not None:
        raise ValidationError(
            _("Undo the later merge of contact %(merged)s into contact %(survivor)s first."),
            code="undo_first",
            params={"merged": onto.merged_id, "survivor": onto.survivor_id, "merge": onto.pk},
        )


def unmerge_contacts(record: ContactMerge, *, labelled: Collection[FirstChange]) -> None:
    """Give the merged contact back what it brought, and the survivor what it was. The caller holds both locks.

    `labelled`: by label changes since the merge, or by all of them where the merge did not keep what it changed.
    """
    both = [record.survivor_id, record.merged_id]
    for table in MOVED:
        give_back(record, table, record.moved.get(table, []))
    give_back(record, IDENTITIES, record.identity_ids)
    give_back(record, MERGED_BEFORE, record.moved.get(MERGED_BEFORE, []), column="merged_into_id")
    _give_back_what_came_by_identity(record)
    deleted_at = record.before.get("merged", {}).get("deleted_at")
    Contact.all_objects.filter(id=record.merged_id).update(merged_into=None, deleted_at=deleted_at)
    if not record.before:  # merged before merges kept what they changed
        _recount(both, labelled)
        _part_consents(record)
        return
    _restore_survivor(record)
    seen = _restore_channels(record)
    _restore_touches(record)
    lead(both)
    _part_consents(record)
    _count_what_came_after(record, seen, labelled)
    execute("UPDATE contacts_contact SET updated_at = now() WHERE id = ANY(%s)", [both])


def give_back(record: ContactMerge, table: str, ids: Collection[int], *, column: str = "contact_id") -> None:
    """Hang those of these rows that are still the survivor's on the merged contact again."""
    execute(
        f"UPDATE {table} SET {column} = %s WHERE id = ANY(%s) AND {column} = %s",  # noqa: S608 - names from code
        [record.merged_id, list(ids), record.survivor_id],
    )


def insert_again(table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows that a merge took away, as `snapshot` kept them; whatever stands there by now wins."""
    rows = list(rows)
    if rows:
        columns = ", ".join(f'"{name}"' for name in rows[0])
        execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM"  # noqa: S608 - names of our own table
            f" jsonb_populate_recordset(NULL::{table}, %s::jsonb) ON CONFLICT DO NOTHING",
            [json.dumps(rows)],
        )


def _give_back_what_came_by_identity(record: ContactMerge) -> None:
    """Messages of the merged contact's identities, and the touches of every message that goes back."""
    Message.objects.filter(contact_id=record.survivor_id, identity_id__in=record.identity_ids).update(
        contact_id=record.merged_id
    )
    CampaignTouch.objects.filter(contact_id=record.survivor_id, message__contact_id=record.merged_id).update(
        contact_id=record.merged_id
    )


def _part_consents(record: ContactMerge) -> None:
    """Who opted out by a message that goes back is the merged contact, and not the survivor.

    After both have their columns again. Columns that the merge did not change are as they were before it.
    """
    said = Consent.objects.filter(contact_id=record.survivor_id, message__contact_id=record.merged_id)
    if said.update(contact_id=record.merged_id):
        kept = record.before.get("survivor", {}), record.before.get("after", {})
        was = next((row["opted_out_at"] for row in kept if "opted_out_at" in row), None)
        settle([record.merged_id])
        reconsider(record.survivor_id, was=datetime.fromisoformat(was) if was else None)


def _restore_survivor(record: ContactMerge) -> None:
    """The survivor's columns as they were, except where a person changed them since."""
    was = dict(record.before["survivor"])
    now = json.loads(
        fetch("SELECT to_jsonb(c)::text FROM contacts_contact c WHERE id = %s", [record.survivor_id])[0][0]
    )
    named_since = now["name_source"] == Contact.NameSource.PERSON and now["name"] != record.merged.name
    for name in (NAME if named_since else ()) + _changed_since(record, now):
        was.pop(name, None)
    if not was:
        return
    columns = ", ".join(f"{name} = {_STILL_THERE.get(name, f'r.{name}')}" for name in was)
    execute(
        f"UPDATE contacts_contact c SET {columns}"  # noqa: S608 - names of our own columns
        " FROM jsonb_populate_record(NULL::contacts_contact, %s::jsonb) r WHERE c.id = %s",
        [json.dumps(was), record.survivor_id],
    )


_STILL_THERE = {
    "assigned_to_id": "(SELECT a.id FROM contacts_agent a WHERE a.id = r.assigned_to_id)",
    "campaign_id": "(SELECT k.id FROM contacts_campaign k WHERE k.id = r.campaign_id)",
}


def _changed_since(record: ContactMerge, now: Mapping[str, Any]) -> tuple[str, ...]:
    after = record.before["after"]
    return tuple(name for name in PERSONS if now[name] != after[name])


def _restore_channels(record: ContactMerge) -> list[Sighting]:
    """Both contacts' times on their channels as they were; returns where the survivor was seen since besides."""
    both = [record.survivor_id, record.merged_id]
    known = {row["channel_id"] for row in record.before[CHANNELS]}
    rows = fetch(
        "DELETE FROM contacts_contactchannel WHERE contact_id = ANY(%s) RETURNING channel_id, first_seen_at", [both]
    )
    insert_again(CHANNELS, record.before[CHANNELS])
    return [Sighting(record.survivor_id, channel, at) for channel, at in rows if channel not in known]


def _restore_touches(record: ContactMerge) -> None:
    """Touches that the earlier first message of the other one had made void."""
    messages = [touch["message_id"] for touch in record.before[TOUCHES]]
    standing = set(Message.objects.filter(id__in=messages).values_list("id", flat=True))
    touches = [touch for touch in record.before[TOUCHES] if touch["message_id"] in {None, *standing}]
    named = [touch.get("rule_id") for touch in touches]
    rules = set(CampaignRule.objects.filter(id__in=named).values_list("id", flat=True))
    known = [rule if rule in rules else None for rule in named]
    insert_again(TOUCHES, [touch | {"rule_id": rule} for touch, rule in zip(touches, known, strict=True)])


def _count_what_came_after(record: ContactMerge, seen: Iterable[Sighting], labelled: Collection[FirstChange]) -> None:
    """First and last times, channels and campaigns of both, as what came after the merge moves them."""
    both = [record.survivor_id, record.merged_id]
    came = list(Message.objects.filter(contact_id__in=both, id__gt=record.before["last"][MESSAGES]).order_by("id"))
    own = {(message.contact_id, message.channel_id) for message in came} | {(c, k) for c, k, _at in labelled}
    elsewhere = {channel for _contact, channel in own}
    record_sightings(
        [
            *(one for one in seen if one.channel_id not in elsewhere),
            *(
                Sighting(message.contact_id, message.channel_id, message.at)
                for message in came
                if message.kind != UNKNOWN
            ),
            *(Sighting(contact, channel, at) for contact, channel, at in labelled),
        ]
    )
    record_message_times(message for message in map(_as_new, came) if message.counts)
    now = json.loads(
        fetch("SELECT to_jsonb(c)::text FROM contacts_contact c WHERE id = %s", [record.survivor_id])[0][0]
    )
    touched = set(CampaignTouch.objects.filter(message__in=came).values_list("contact_id", flat=True))
    if came or "campaign_id" in _changed_since(record, now):
        forget_lost_campaigns(both)
        attribute([message.pk for message in came])
        set_first_touch(touched | {record.survivor_id})


def _as_new(message: Message) -> NewMessage:
    """A stored message as it was told."""
    return NewMessage(
        contact_id=message.contact_id, identity_id=message.identity_id or 0, channel_id=message.channel_id,
        external_id=message.external_id, from_me=message.from_me, by_api=message.by_api, kind=message.kind, text="",
        at=message.at, at_source=message.at_source, received_at=message.received_at, ad=None,
        inbox_id=message.inbox_id or 0, history=message.history,
    )  # fmt: skip


def _recount(both: Collection[int], labelled: Collection[FirstChange]) -> None:
    """Derive leading identifiers, channels, message times and campaigns from identities and messages."""
    for contact_id in both:
        recount(contact_id, labelled=[sight for sight in labelled if sight[0] == contact_id])
    forget_lost_campaigns(both)
    attribute([message.pk for message in first_messages(both)])
    set_first_touch(both)


def recount(contact_id: int, *, labelled: Collection[FirstChange] = ()) -> None:
    """Derive a contact's leading identifiers, channels and message times from its identities and messages.

    `labelled`: where label changes showed it, which may be channels without a message.
    """
    execute("DELETE FROM contacts_contactchannel WHERE contact_id = %s", [contact_id])
    execute(
        "INSERT INTO contacts_contactchannel"  # noqa: S608 - our own words
        " (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at)"
        " SELECT %(id)s, channel_id, min(at), min(at) FILTER (WHERE inbound), max(at) FILTER (WHERE inbound),"
        f" max(at) FILTER (WHERE outbound), {_HISTORY} FROM ("
        "  SELECT channel_id, at, NOT from_me AS inbound, from_me AS outbound, history FROM contacts_message"
        f"  WHERE contact_id = %(id)s AND {COUNTS}"
        "  UNION ALL SELECT channel_id, at, false, false, false"
        "  FROM unnest(%(channels)s::bigint[], %(times)s::timestamptz[]) AS labelled (channel_id, at)"
        " ) AS seen GROUP BY channel_id",
        {"id": contact_id, "channels": [sight[1] for sight in labelled], "times": [sight[2] for sight in labelled]},
    )
    execute(
        "UPDATE contacts_contact c SET updated_at = now(),"  # noqa: S608 - our own words
        " (first_inbound_at, last_inbound_at, last_outbound_at, has_history, first_live_inbound_at) ="
        " (SELECT min(at) FILTER (WHERE inbound), max(at) FILTER (WHERE inbound), max(at) FILTER (WHERE NOT inbound),"
        f" {_HISTORY} FROM (SELECT at, NOT from_me AS inbound, history FROM contacts_message"
        f"  WHERE contact_id = c.id AND {COUNTS}) AS told) WHERE c.id = %s",
        [contact_id],
    )
    lead([contact_id])
