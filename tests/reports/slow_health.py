"""Data health the slow way: every recorded event, post and minute looked at by itself."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from contacts.models import ContactChannel
from labels.models import LabelEvent
from tests.reports.recorded import cut_off
from webhooks.models import InboundEvent

METHODS = ("crm_user", "channel_owner", "roster", "assigned", "unknown")
COUNTS = ("late", "capped", "removals_never_seen", "inferred", "lid_only", *(f"by_{method}" for method in METHODS))
MINUTE = timedelta(minutes=1)


def counts(slow: Any) -> dict[int, Counter[str]]:
    """Of each channel its counts: "label events received in the period", "contacts of the number, now"."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for event in events(slow):
        for figure in _of(slow, event):
            found[event.channel_id][figure] += 1
    for link in ContactChannel.objects.all():
        contact = slow.contacts.get(link.contact_id)
        if _counts(slow, link.channel_id) and contact is not None and contact.lid and not contact.phone:
            found[link.channel_id]["lid_only"] += 1
    return found


def events(slow: Any) -> Iterator[LabelEvent]:
    for event in LabelEvent.objects.select_related("channel_label"):
        seen = _counts(slow, event.channel_id) and event.contact_id in slow.contacts and not event.channel_label.hidden
        if seen and slow.within(event.received_at):
            yield event


def _counts(slow: Any, channel: int) -> bool:
    of_crm = slow.channel[channel].gateway == "crm"
    return not of_crm and (slow.channels is None or channel in slow.channels)


def _of(slow: Any, event: LabelEvent) -> Iterator[str]:
    live = event.origin in ("live", "crm")
    if _timed(slow, event) and _waited(event) >= 15 * MINUTE:
        yield "late"
    if event.capped:
        yield "capped"
    if live and event.kind == "remove" and event.effect == "none" and not _put_on_before(event):
        yield "removals_never_seen"
    if live and event.kind == "add" and event.effect == "opened":
        yield f"by_{event.actor_method}"
        shared = not slow.channel[event.channel_id].used_by_one
        if event.actor_method in ("roster", "assigned") or (event.actor_method == "channel_owner" and shared):
            yield "inferred"


def _timed(slow: Any, event: LabelEvent) -> bool:
    """ "What happened before the number was connected could not come in time and is not late" """
    connected = slow.channel[event.channel_id].connected_at
    return event.origin == "live" and event.occurred_at_source != "received" and event.occurred_at >= connected


def _waited(event: LabelEvent) -> timedelta:
    return event.received_at - event.occurred_at


def _put_on_before(event: LabelEvent) -> bool:
    """Whether anything told, of a time up to then, that the label was put on this chat."""
    same = LabelEvent.objects.filter(contact=event.contact_id, channel_label=event.channel_label_id, kind="add")
    return any(add.occurred_at <= event.occurred_at for add in same)


def delays(slow: Any, channel: int) -> dict[str, float | None]:
    """Median, 90th percentile and longest of the seconds from the tap until the post was processed."""
    settled = dict(InboundEvent.objects.values_list("id", "settled_at"))
    seconds = sorted(
        (max(e.received_at, settled.get(e.inbox_id) or e.received_at) - e.occurred_at).total_seconds()
        for e in events(slow)
        if e.channel_id == channel and _timed(slow, e)
    )
    if not seconds:
        return dict.fromkeys(("delay_median_s", "delay_p90_s", "delay_max_s"))
    place = 0.9 * (len(seconds) - 1)
    low, high = seconds[int(place)], seconds[min(int(place) + 1, len(seconds) - 1)]
    return {
        "delay_median_s": statistics.median(seconds),
        "delay_p90_s": low + (high - low) * (place - int(place)),
        "delay_max_s": seconds[-1],
    }


def gap_seconds(slow: Any, channel: int) -> float:
    """How long the number was cut off in the period, up to now."""
    end: datetime = min(slow.end, slow.now)
    cut = ((max(since, slow.start), min(until, end)) for since, until in cut_off(channel))
    return sum((until - since).total_seconds() for since, until in cut if since < until)
