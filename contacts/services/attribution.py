"""What brought a contact here: campaign touches from ads, words in first messages and numbers.

An ad referral is a touch whenever it comes. Words, patterns and numbers speak only for the very first message
in; when an earlier one turns up, the touch moves there. The earliest touch is the contact's campaign, unless a person
or a file said another. First and last touch are derived from the touches and kept nowhere else but in
`Contact.campaign`.

What was said before a number was connected counts at its own time: it is what brought the contact, and whoever
wrote half a year ago did not come by today's campaign. Only the number itself says nothing about it, because
it tells what it is used for now.

What each rule finds in a message is in `contacts.selectors.recognizing`. A touch that was recorded stays as it is when
rules change, until the history is looked through again (`contacts.services.replaying`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from contacts.models import CampaignTouch, Contact, Message
from contacts.selectors.recognizing import AD, CHANNEL, FROM_FIRST_MESSAGE, KEYWORD, MANUAL, Recognizer, RuleMatch
from labelcrm.core.bulk import execute

__all__ = ["AD", "CHANNEL", "KEYWORD", "MANUAL", "attribute", "set_first_touch"]
DERIVED = ("contact_id", "channel_id", "at", "campaign_id", "method", "rule_id", "evidence")


def attribute(message_ids: Collection[int]) -> None:
    """Record the touches that newly stored or filled messages bring, and the first touch of their contacts."""
    messages = list(telling_messages().filter(id__in=message_ids).order_by("id"))
    if not messages:
        return
    recognizer = Recognizer.now()
    # All of a contact's first ones: of two that were written in one second one may have been stored before.
    forget_later_touches(first_messages({m.contact_id for m in messages if is_first(m)}))
    matches = [(message, recognizer.match(message, is_first=is_first(message))) for message in messages]
    write_touches([(message, match) for message, match in matches if match is not None])
    set_first_touch({message.contact_id for message in messages})


def telling_messages() -> QuerySet[Message]:
    """The messages in that can be a touch: those with an ad, and the first ones of contacts."""
    told = Message.objects.counted().filter(from_me=False).select_related("contact")
    return told.filter(Q(ad__isnull=False) | Q(at=F("contact__first_inbound_at")))


def is_first(message: Message) -> bool:
    """Whether it is the first of its contact, or one of them where several were written in one moment."""
    return message.at == message.contact.first_inbound_at


def forget_later_touches(firsts: Collection[Message]) -> None:
    """What other messages than `firsts` said by words or channel no longer counts, nor is its contact's campaign."""
    execute(
        "WITH moved AS (DELETE FROM contacts_campaigntouch WHERE contact_id = ANY(%s) AND method = ANY(%s)"
        " AND (message_id = ANY(%s)) IS NOT TRUE RETURNING contact_id, campaign_id)"
        " UPDATE contacts_contact AS c SET campaign_id = NULL FROM moved"
        " WHERE c.id = moved.contact_id AND c.campaign_id = moved.campaign_id",
        [[m.contact_id for m in firsts], list(FROM_FIRST_MESSAGE), [m.pk for m in firsts]],
    )


def write_touches(matches: Collection[tuple[Message, RuleMatch]]) -> None:
    """Keep what the messages show, one touch per message."""
    known = {
        touch.message_id: touch
        for touch in CampaignTouch.objects.filter(message__in=[message for message, _ in matches])
    }
    fresh = []
    for message, match in matches:
        touch = known.get(message.pk)
        if touch is None:
            touch = CampaignTouch(message=message)
            fresh.append(touch)
        for name, value in touch_values(message, match).items():
            setattr(touch, name, value)
    CampaignTouch.objects.bulk_create(fresh)
    CampaignTouch.objects.bulk_update(known.values(), DERIVED)


def touch_values(message: Message, match: RuleMatch) -> dict[str, Any]:
    """The columns of the touch that a message is, by name."""
    values = (
        message.contact_id, message.channel_id, message.at, match.campaign_id, match.method, match.rule_id,
        match.evidence,
    )  # fmt: skip
    return dict(zip(DERIVED, values, strict=True))


def set_first_touch(contact_ids: Collection[int]) -> None:
    """Write the campaign of the earliest touch into its contact; what a person set by hand comes before all."""
    # Null-safe: a contact without a campaign differs from every campaign.
    execute(
        "UPDATE contacts_contact AS c SET campaign_id = t.campaign_id, updated_at = now() FROM ("
        " SELECT DISTINCT ON (contact_id) contact_id, campaign_id FROM contacts_campaigntouch"
        " WHERE contact_id = ANY(%s) ORDER BY contact_id, method <> %s, at, id) AS t"
        " WHERE c.id = t.contact_id AND c.campaign_id IS DISTINCT FROM t.campaign_id",
        [sorted(contact_ids), MANUAL],
    )


def first_messages(contact_ids: Collection[int]) -> list[Message]:
    """The first messages in of these contacts."""
    first = Message.objects.counted().filter(contact__in=contact_ids, from_me=False, at=F("contact__first_inbound_at"))
    return list(first.order_by("id"))


def forget_lost_campaigns(contact_ids: Collection[int]) -> None:
    """Take the campaign of contacts that have no touch any more."""
    lost = Contact.all_objects.filter(id__in=contact_ids, touches__isnull=True, campaign__isnull=False)
    lost.update(campaign=None, updated_at=Now())
