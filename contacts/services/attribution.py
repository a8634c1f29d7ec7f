"""What brought a contact here: campaign touches from ads, codes in first messages and channel defaults.

An ad referral is a touch whenever it comes. Words and channel defaults speak only for the very first message
in; when an earlier one turns up, the touch moves there. The earliest touch is the contact's campaign.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from contacts.models import CampaignRule, CampaignTouch, Channel, Contact, Message

AD, CLICK, REF, KEYWORD, CHANNEL, MANUAL = "ad", "click", "ref", "keyword", "channel", "manual"
FROM_FIRST_MESSAGE = (KEYWORD, CHANNEL)


@dataclass(frozen=True, slots=True)
class Match:
    """The campaign a message shows (None: an ad that no campaign claims), how, and by what."""

    campaign_id: int | None
    method: str
    evidence: dict[str, Any]


def attribute(message_ids: Collection[int]) -> None:
    """Record the touches that newly stored messages bring, and the first touch of their contacts."""
    messages = list(Message.objects.filter(id__in=message_ids, from_me=False).select_related("channel", "contact"))
    if not messages:
        return
    rules = list(CampaignRule.objects.filter(active=True, campaign__deleted_at__isnull=True).order_by("priority", "id"))
    for message in messages:
        if message.ad:
            _touch(message, _by_ad(message, rules))
    firsts = [message for message in messages if message.at == message.contact.first_inbound_at]
    for message in firsts:
        _move_first_touch(message, rules)
    set_first_touch({message.contact_id for message in messages})


def _touch(message: Message, match: Match) -> None:
    CampaignTouch.objects.update_or_create(
        message=message,
        defaults={
            "contact_id": message.contact_id,
            "channel_id": message.channel_id,
            "campaign_id": match.campaign_id,
            "at": message.at,
            "method": match.method,
            "evidence": match.evidence,
        },
    )


def _move_first_touch(message: Message, rules: Iterable[CampaignRule]) -> None:
    """A first message without an ad speaks by its words, else by its channel."""
    later = CampaignTouch.objects.filter(contact_id=message.contact_id, method__in=FROM_FIRST_MESSAGE)
    moved = later.exclude(message=message)
    Contact.all_objects.filter(id=message.contact_id, campaign__in=moved.values("campaign")).update(campaign=None)
    moved.delete()
    match = None if message.ad else (_by_words(message, rules) or _by_channel(message.channel))
    if match is not None:
        _touch(message, match)


def _by_ad(message: Message, rules: Iterable[CampaignRule]) -> Match:
    """The campaign that claims the ad by its id, then by its ref, then by its click id."""
    ad = message.ad or {}
    told = {AD: ad.get("source_id", ""), REF: ad.get("ref", ""), CLICK: ad.get("click_id", "")}
    for kind, value in told.items():
        for rule in rules:
            if rule.kind == kind and value and rule.pattern == value and _on_channel(rule, message):
                return Match(rule.campaign_id, kind, {kind: value})
    return Match(None, AD, {kind: value for kind, value in told.items() if value})


def _by_words(message: Message, rules: Iterable[CampaignRule]) -> Match | None:
    text = message.text.casefold()
    for rule in rules:
        if rule.kind == KEYWORD and rule.pattern.casefold() in text and _on_channel(rule, message):
            return Match(rule.campaign_id, KEYWORD, {KEYWORD: rule.pattern})
    return None


def _on_channel(rule: CampaignRule, message: Message) -> bool:
    return rule.channel_id is None or rule.channel_id == message.channel_id


def _by_channel(channel: Channel) -> Match | None:
    if channel.default_campaign_id is None:
        return None
    return Match(channel.default_campaign_id, CHANNEL, {CHANNEL: channel.key})


def set_first_touch(contact_ids: Collection[int]) -> None:
    """Write the campaign of the earliest touch into its contact; what a person set by hand comes before all."""
    touches = CampaignTouch.objects.filter(contact_id__in=contact_ids).order_by("contact_id", "at", "id")
    first: dict[int, CampaignTouch] = {}
    for touch in touches:
        known = first.setdefault(touch.contact_id, touch)
        if touch.method == MANUAL and known.method != MANUAL:
            first[touch.contact_id] = touch
    for contact_id, touch in sorted(first.items()):
        # Null-safe: a contact without a campaign differs from every campaign.
        Contact.all_objects.filter(id=contact_id).exclude(campaign__isnull=False, campaign_id=touch.campaign_id).update(
            campaign_id=touch.campaign_id
        )
