"""What brought a contact here: campaign touches from ads, codes in first messages and channel defaults.

An ad referral is a touch whenever it comes. Words and channel defaults speak only for the very first message
in; when an earlier one turns up, the touch moves there. The earliest touch is the contact's campaign, unless a file
said another.

What was said before a number was connected counts at its own time: it is what brought the contact, and whoever
wrote half a year ago did not come by today's campaign. Only the channel's default says nothing about it, because
it tells what the number is used for now.

Ids, refs and click ids are compared exactly. Words match as a sequence of whole words, or anywhere in the text where
the rule says so. Rules are asked by priority; among equal ones the more exact goes first, so that KAOS-2-BIRU is not
taken by a rule for KAOS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from contacts.models import CampaignRule, CampaignTouch, Channel, Contact, Message
from labelcrm.core.bulk import execute
from labelcrm.lib.text import folded, words_of

AD, CLICK, REF, KEYWORD, CHANNEL, MANUAL = "ad", "click", "ref", "keyword", "channel", "manual"
FROM_FIRST_MESSAGE = (KEYWORD, CHANNEL)


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The campaign a message shows (None: an ad that no campaign claims), how, and by what."""

    campaign_id: int | None
    method: str
    evidence: dict[str, Any]


def attribute(message_ids: Collection[int]) -> None:
    """Record the touches that newly stored or filled messages bring, and the first touch of their contacts."""
    told = Message.objects.counted().filter(id__in=message_ids, from_me=False).select_related("channel", "contact")
    firsts_or_ads = Q(ad__isnull=False) | Q(at=F("contact__first_inbound_at"))
    messages = list(told.filter(firsts_or_ads).order_by("id"))
    if not messages:
        return
    rules = _rules()
    keywords = [Keyword(rule) for rule in rules if rule.kind == KEYWORD]
    forget_later_touches([m for m in messages if m.at == m.contact.first_inbound_at])
    # A first message without an ad speaks by its words, else by its channel.
    matches = [(m, _by_ad(m, rules) if m.ad else _by_words(m, keywords) or _by_channel(m)) for m in messages]
    _touch([(message, match) for message, match in matches if match is not None])
    set_first_touch({message.contact_id for message in messages})


def _rules() -> list[CampaignRule]:
    """Active rules of living campaigns, by priority; among equal ones those for one channel before those for all."""
    rules = CampaignRule.objects.filter(active=True, campaign__deleted_at__isnull=True)
    return sorted(rules, key=lambda rule: (rule.priority, rule.channel_id is None, rule.pk))


def forget_later_touches(firsts: Collection[Message]) -> None:
    """What other messages than `firsts` said by words or channel no longer counts, nor is its contact's campaign."""
    execute(
        "WITH moved AS (DELETE FROM contacts_campaigntouch WHERE contact_id = ANY(%s) AND method = ANY(%s)"
        " AND (message_id = ANY(%s)) IS NOT TRUE RETURNING contact_id, campaign_id)"
        " UPDATE contacts_contact AS c SET campaign_id = NULL FROM moved"
        " WHERE c.id = moved.contact_id AND c.campaign_id = moved.campaign_id",
        [[m.contact_id for m in firsts], list(FROM_FIRST_MESSAGE), [m.pk for m in firsts]],
    )


def _touch(matches: Collection[tuple[Message, RuleMatch]]) -> None:
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
        touch.contact_id, touch.channel_id, touch.at = message.contact_id, message.channel_id, message.at
        touch.campaign_id, touch.method, touch.evidence = match.campaign_id, match.method, match.evidence
    CampaignTouch.objects.bulk_create(fresh)
    CampaignTouch.objects.bulk_update(
        known.values(), ["contact_id", "channel_id", "at", "campaign_id", "method", "evidence"]
    )


def _by_ad(message: Message, rules: Iterable[CampaignRule]) -> RuleMatch:
    """The campaign that claims the ad by its id, then by its ref, then by its click id."""
    ad = message.ad or {}
    told = {AD: ad.get("source_id", ""), REF: ad.get("ref", ""), CLICK: ad.get("click_id", "")}
    for kind, value in told.items():
        for rule in rules:
            if rule.kind == kind and value and rule.pattern == value and _on_channel(rule, message):
                return RuleMatch(rule.campaign_id, kind, {kind: value})
    return RuleMatch(None, AD, {kind: value for kind, value in told.items() if value})


def _by_words(message: Message, keywords: Collection[Keyword]) -> RuleMatch | None:
    if not keywords:
        return None
    text = folded(message.text)
    words = f" {' '.join(words_of(text))} "
    found = [each for each in keywords if each.is_in(text, words) and _on_channel(each.rule, message)]
    if not found:
        return None
    rule = min(found, key=lambda each: each.order).rule
    return RuleMatch(rule.campaign_id, KEYWORD, {KEYWORD: rule.pattern})


class Keyword:
    """A keyword rule made ready to be looked for in many messages; of those found the lowest `order` counts.

    A value of nothing but emoji or signs has no words, so it is looked for anywhere.
    """

    def __init__(self, rule: CampaignRule) -> None:
        self.rule = rule
        self._text = folded(rule.pattern)
        self._words = words_of(self._text) if rule.match == CampaignRule.Match.WORDS else []
        self._sought = f" {' '.join(self._words)} " if self._words else self._text
        # By priority; then whole words, more letters, and one channel before all.
        exactness = (not self._words, -len("".join(words_of(self._text))), -len(self._text))
        self.order = (rule.priority, *exactness, rule.channel_id is None, rule.pk)

    def is_in(self, text: str, words: str) -> bool:
        """Whether a folded `text` has it; `words` are its words with a blank before, between and behind them."""
        return bool(self._sought) and self._sought in (words if self._words else text)


def _on_channel(rule: CampaignRule, message: Message) -> bool:
    return rule.channel_id is None or rule.channel_id == message.channel_id


def _by_channel(message: Message) -> RuleMatch | None:
    channel: Channel = message.channel
    if channel.default_campaign_id is None or message.history:
        return None
    return RuleMatch(channel.default_campaign_id, CHANNEL, {CHANNEL: channel.key})


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
