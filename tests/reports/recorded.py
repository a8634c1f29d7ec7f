"""What was recorded, read one thing at a time: touches, gaps, intervals, meanings. Shared by all slow computations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.conf import settings

from contacts.models import CampaignRule, CampaignTouch, ChannelGap, ChannelStatusEvent, Message
from labels.models import ChannelLabel, ChannelLabelMeaning, LabelEvent
from labels.rules.spells import DatedMeaning, IntervalRow, SpellLimits

ZONE = ZoneInfo(settings.TIME_ZONE)


def limits() -> SpellLimits:
    """ "within 120 s (setting)", "less than 10 minutes (setting)" """
    return SpellLimits(
        mistap=timedelta(seconds=settings.MISTAP_SECONDS),
        hole=timedelta(seconds=settings.HOLE_SECONDS),
    )


# -- From messages to touches ---


@dataclass(frozen=True)
class Touch:
    """One contact came by one campaign (None: by an ad that no campaign claims)."""

    at: datetime
    campaign: int | None
    channel: int | None
    by_hand: bool = False


def touches_in(messages: list[Message]) -> dict[int, list[Touch]]:
    """ "An ad is a touch whenever it comes; words speak only in the very first message" """
    found: dict[int, list[Touch]] = defaultdict(list)
    rules = list(CampaignRule.objects.filter(active=True, campaign__deleted_at=None).order_by("priority", "id"))
    firsts: dict[int, datetime] = {}
    inbound = sorted((m for m in messages if not m.from_me), key=lambda m: (m.at, m.pk))
    for m in inbound:
        first = m.at == firsts.setdefault(m.contact_id, m.at)
        here = [rule for rule in rules if rule.channel_id in (None, m.channel_id)]
        if m.ad:
            told = (("ad", "source_id"), ("ref", "ref"), ("click", "click_id"))
            claims = [r for kind, key in told for r in here if r.kind == kind and m.ad.get(key) == r.pattern != ""]
            found[m.contact_id].append(Touch(m.at, claims[0].campaign_id if claims else None, m.channel_id))
        elif first:
            said = [r.campaign_id for r in here if r.kind == "keyword" and r.pattern.lower() in m.text.lower()]
            said += [m.channel.default_campaign_id] if m.channel.default_campaign_id and not m.history else []
            found[m.contact_id] += [Touch(m.at, campaign, m.channel_id) for campaign in said[:1]]
    for row in CampaignTouch.objects.filter(method="manual"):
        found[row.contact_id].append(Touch(row.at, row.campaign_id, row.channel_id, by_hand=True))
    return defaultdict(list, {contact: sorted(touches, key=lambda t: t.at) for contact, touches in found.items()})


def told_in(messages: list[Message]) -> dict[int, list[tuple[datetime, bool, int]]]:
    """When and on which channel each contact was heard of, and whether by a message in."""
    found: dict[int, list[tuple[datetime, bool, int]]] = defaultdict(list)
    for m in messages:
        found[m.contact_id].append((m.at, not m.from_me, m.channel_id))
    for event in LabelEvent.objects.all():
        found[event.contact_id].append((event.occurred_at, False, event.channel_id))
    return found


def came_by(told: list[tuple[datetime, bool, int]]) -> int | None:
    """The channel of the first message in, else of what was heard first."""
    inbound = [(at, channel) for at, inbound, channel in told if inbound]
    return min(inbound or [(at, channel) for at, _, channel in told], default=(None, None))[1]


# -- From the connection's log to gaps ---


def cut_off(channel: int) -> Iterable[tuple[datetime, datetime]]:
    """Times in which a number was cut off and nobody repaired it, cut wherever anything changes."""
    for_ever = datetime.max.replace(tzinfo=ZONE)
    silent: list[tuple[datetime, datetime]] = []
    repaired: list[tuple[datetime, datetime]] = []
    told_again = LabelEvent.objects.filter(channel_label__channel=channel, origin="resync")
    since: datetime | None = None
    for event in ChannelStatusEvent.objects.filter(channel=channel).order_by("at", "id"):
        if event.state == "working" and since is not None:
            soon = event.at + timedelta(seconds=settings.RESYNC_WINDOW_SECONDS)
            silent += [(since, event.at)] if event.at - since >= timedelta(seconds=settings.GAP_SECONDS) else []
            repaired += [(since, event.at)] if told_again.filter(occurred_at__range=(event.at, soon)).exists() else []
            since = None
        elif event.state in ("stopped", "failed", "pairing") and since is None:
            since = event.at
    silent += [(since, for_ever)] if since is not None else []
    noted = list(ChannelGap.objects.filter(channel=channel))
    silent += [(gap.started_at, gap.ended_at or for_ever) for gap in noted if gap.repaired_at is None]
    repaired += [(gap.started_at, gap.ended_at or for_ever) for gap in noted if gap.repaired_at is not None]
    cuts = sorted({moment for span in silent + repaired for moment in span})
    for start, end in pairwise(cuts):
        if any(a <= start < b for a, b in silent) and not any(a <= start < b for a, b in repaired):
            yield start, end


# -- From events to intervals ---


def intervals_of(contacts: Iterable[int]) -> Iterable[IntervalRow]:
    """One chat and one WhatsApp label after the other: on at an add, off at a remove or when the label is deleted."""
    events: dict[tuple[int, int], list[LabelEvent]] = defaultdict(list)
    for event in LabelEvent.objects.filter(channel_label__hidden=False).exclude(effect="echo"):
        if event.contact_id in contacts:
            events[event.contact_id, event.channel_label_id].append(event)
    for (_, channel_label), told in events.items():
        told.sort(key=lambda e: (e.occurred_at, e.kind == "remove", e.event_key))
        on: LabelEvent | None = None
        for event in told:
            if event.kind == "add" and on is None:
                on = event
            elif event.kind == "remove" and on is not None:
                reason = "reconcile" if event.origin == "reconcile" else "removed"
                yield _interval(on, event.occurred_at, reason, event)
                on = None
        if on is not None:
            deleted = ChannelLabel.objects.get(pk=channel_label).deleted_at
            yield _interval(on, max(on.occurred_at, deleted) if deleted else None, "label_deleted" if deleted else "")


def _interval(on: LabelEvent, end: datetime | None, reason: str, off: LabelEvent | None = None) -> IntervalRow:
    return IntervalRow(
        contact=on.contact_id,
        channel=on.channel_id,
        channel_label=on.channel_label_id,
        added_at=on.occurred_at,
        removed_at=end,
        origin=on.origin,
        agent=on.actor_agent_id,
        user=on.actor_user_id,
        method=on.actor_method,
        removed_by=off.actor_agent_id if off else None,
        removed_by_user=off.actor_user_id if off else None,
        removed_origin=off.origin if off else "",
        removed_reason=reason,
    )


def dated_meanings() -> dict[int, list[DatedMeaning]]:
    meanings: dict[int, list[DatedMeaning]] = defaultdict(list)
    for row in ChannelLabelMeaning.objects.all():
        meanings[row.channel_label_id].append(DatedMeaning(row.since, row.label_id))
    for label in ChannelLabel.objects.all():
        meanings.setdefault(label.pk, [DatedMeaning(None, label.label_id)])
    return {pk: sorted(rows, key=lambda m: (m.since is not None, m.since)) for pk, rows in meanings.items()}
