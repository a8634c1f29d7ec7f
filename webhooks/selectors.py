"""Reading the inbox: how much waits, for how long, and what became of the rest."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Min, QuerySet, Sum
from django.utils import timezone

from contacts.models import Channel
from webhooks.models import InboundEvent, PostCounter

DUPLICATE_POST = "duplicate"


def inbox_summary(channels: QuerySet[Channel] | None = None) -> dict[str, Any]:
    """Rows by state, and the age in seconds of the oldest pending one (None when nothing waits).

    `duplicate` counts stored rows without effect and posts that were answered 200 without being stored.
    `channels` limits it to those channels.
    """
    events, posts = InboundEvent.objects.all(), PostCounter.objects.filter(outcome=DUPLICATE_POST)
    if channels is not None:
        events, posts = events.filter(channel__in=channels), posts.filter(channel__in=channels)
    counts = dict(events.order_by().values_list("state").annotate(n=Count("id")))
    oldest = events.filter(state=InboundEvent.State.PENDING).aggregate(at=Min("received_at"))["at"]
    summary: dict[str, Any] = {state: counts.get(state, 0) for state in InboundEvent.State.values}
    summary["duplicate"] += posts.aggregate(n=Sum("count"))["n"] or 0
    summary["oldest_pending_seconds"] = None if oldest is None else (timezone.now() - oldest).total_seconds()
    return summary
