"""Two contacts turn out to be one person: what hangs on the contact itself moves, and can be given back."""

from __future__ import annotations

from typing import Any

from contacts.counting import COUNTS, first_live_inbound
from contacts.models import (
    CampaignTouch,
    Consent,
    Contact,
    ContactChannel,
    ContactIdentity,
    ContactMerge,
    Message,
    Note,
)
from labelcrm.core import audit
from labelcrm.core.bulk import execute

from .activity import lock_contacts
from .attribution import attribute, first_messages, forget_later_touches, forget_lost_campaigns, set_first_touch
from .identities import lead

MOVED = (Message, Note, Consent, CampaignTouch)


def _joined_history(one: str, other: str) -> str:
    """SQL that sets when the contact, or contact on a channel, of two rows first wrote since it was connected."""
    either = f"{one}.has_history OR {other}.has_history"
    first = f"LEAST({first_live_inbound(one)}, {first_live_inbound(other)})"
    return f" has_history = {either}, first_live_inbound_at = CASE WHEN {either} THEN {first} END,"


# The same from messages: of those `inbound` some may be `history`.
_HISTORY = """
 COALESCE(bool_or(inbound AND history), false),
 CASE WHEN bool_or(inbound AND history) THEN min(at) FILTER (WHERE inbound AND NOT history) END
"""


def merge_contacts(*, survivor_id: int, merged_id: int, reason: str, actor: Any) -> ContactMerge:
    """Move identities, messages, notes and touches of `merged_id` to `survivor_id`; both are locked in order.

    Labels are moved by `labels.services.merging.merge`, which calls this.
    """
    lock_contacts([survivor_id, merged_id])
    identities = list(ContactIdentity.objects.filter(contact_id=merged_id).values_list("id", flat=True))
    record = ContactMerge.objects.create(
        survivor_id=survivor_id, merged_id=merged_id, identity_ids=identities, reason=reason, actor=actor
    )
    ContactIdentity.objects.filter(id__in=identities).update(contact_id=survivor_id)
    for model in MOVED:
        model.objects.filter(contact_id=merged_id).update(contact_id=survivor_id)
    Contact.all_objects.filter(merged_into_id=merged_id).update(merged_into_id=survivor_id)
    _join_channels(survivor_id, merged_id)
    _join_fields(survivor_id, merged_id)
    lead([survivor_id])
    forget_later_touches(first_messages([survivor_id]))
    set_first_touch([survivor_id])
    audit.record(actor=actor, action="contact.merged", obj=record.survivor, merged=merged_id, reason=reason)
    return record


def _join_channels(survivor_id: int, merged_id: int) -> None:
    execute(
        "INSERT INTO contacts_contactchannel AS link"  # noqa: S608 - our own words
        " (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at)"
        " SELECT %s, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at FROM contacts_contactchannel WHERE contact_id = %s"
        " ON CONFLICT (contact_id, channel_id) DO UPDATE SET"
        f"{_joined_history('link', 'excluded')}"
        " first_seen_at = LEAST(link.first_seen_at, excluded.first_seen_at),"
        " first_inbound_at = LEAST(link.first_inbound_at, excluded.first_inbound_at),"
        " last_inbound_at = GREATEST(link.last_inbound_at, excluded.last_inbound_at),"
        " last_outbound_at = GREATEST(link.last_outbound_at, excluded.last_outbound_at)",
        [survivor_id, merged_id],
    )
    ContactChannel.objects.filter(contact_id=merged_id).delete()


def _join_fields(survivor_id: int, merged_id: int) -> None:
    """The survivor keeps what it has, gains what it lacks, and opting out stays opted out."""
    execute(
        "UPDATE contacts_contact s SET"  # noqa: S608 - our own words
        " name = CASE WHEN s.name = '' THEN m.name ELSE s.name END,"
        " name_source = CASE WHEN s.name = '' THEN m.name_source ELSE s.name_source END,"
        " name_at = CASE WHEN s.name = '' THEN m.name_at ELSE s.name_at END,"
        " assigned_to_id = COALESCE(s.assigned_to_id, m.assigned_to_id),"
        " follow_up_at = LEAST(s.follow_up_at, m.follow_up_at),"
        " opted_out_at = LEAST(s.opted_out_at, m.opted_out_at),"
        f"{_joined_history('s', 'm')}"
        " first_seen_at = LEAST(s.first_seen_at, m.first_seen_at),"
        " first_inbound_at = LEAST(s.first_inbound_at, m.first_inbound_at),"
        " last_inbound_at = GREATEST(s.last_inbound_at, m.last_inbound_at),"
        " last_outbound_at = GREATEST(s.last_outbound_at, m.last_outbound_at), updated_at = now()"
        " FROM contacts_contact m WHERE s.id = %s AND m.id = %s",
        [survivor_id, merged_id],
    )
    execute(
        "UPDATE contacts_contact SET merged_into_id = %s, deleted_at = now(), updated_at = now() WHERE id = %s",
        [survivor_id, merged_id],
    )


def unmerge_contacts(record: ContactMerge) -> None:
    """Give the merged contact its identities back, and with them the messages that came by them and their touches.

    The caller holds the locks of both.
    """
    both = [record.survivor_id, record.merged_id]
    ContactIdentity.objects.filter(id__in=record.identity_ids).update(contact_id=record.merged_id)
    Message.objects.filter(contact_id=record.survivor_id, identity_id__in=record.identity_ids).update(
        contact_id=record.merged_id
    )
    Contact.all_objects.filter(id=record.merged_id).update(merged_into=None, deleted_at=None)
    for contact_id in both:
        recount(contact_id)
    CampaignTouch.objects.filter(contact_id=record.survivor_id, message__contact_id=record.merged_id).update(
        contact_id=record.merged_id
    )
    forget_lost_campaigns(both)
    attribute([message.pk for message in first_messages(both)])
    set_first_touch(both)


def recount(contact_id: int) -> None:
    """Derive a contact's leading identifiers, channels and message times from its identities and messages."""
    execute("DELETE FROM contacts_contactchannel WHERE contact_id = %s", [contact_id])
    execute(
        "INSERT INTO contacts_contactchannel"  # noqa: S608 - our own words
        " (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at, last_outbound_at, has_history,"
        " first_live_inbound_at)"
        " SELECT %(id)s, channel_id, min(at), min(at) FILTER (WHERE inbound), max(at) FILTER (WHERE inbound),"
        f" max(at) FILTER (WHERE outbound), {_HISTORY} FROM ("
        "  SELECT channel_id, at, NOT from_me AS inbound, from_me AS outbound, history FROM contacts_message"
        f"  WHERE contact_id = %(id)s AND {COUNTS}"
        "  UNION ALL SELECT channel_id, occurred_at, false, false, false FROM labels_labelevent"
        "  WHERE contact_id = %(id)s"
        " ) AS seen GROUP BY channel_id",
        {"id": contact_id},
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
