"""Tasks of the inbox: draining lanes, sweeping up what no nudge announced, signs of life, and tidying."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from contacts.services import connections
from labelcrm.core import heartbeats
from labelcrm.core.wakeups import publish
from webhooks.drain import inbox, lanes
from webhooks.drain.inbox import DRAIN_LANE


@shared_task(name=DRAIN_LANE)
def drain_lane(channel_id: int) -> None:
    """Drain one channel for a while; what is left is asked for again, behind the other lanes."""
    if lanes.drain(channel_id):
        publish(DRAIN_LANE, channel_id)


@shared_task(name="webhooks.sweep_inbox")
def sweep_inbox() -> None:
    """Ask for every lane that has pending rows: what arrived while Redis was away, or lost its nudge."""
    for channel_id in inbox.pending_channels():
        publish(DRAIN_LANE, channel_id)


@shared_task(name="webhooks.heartbeat")
def heartbeat() -> None:
    """Sent by beat, run by a worker: one row says that both are alive."""
    heartbeats.note("beat", "worker")


@shared_task(name="webhooks.empty_old_bodies")
def empty_old_bodies() -> None:
    """Empty applied inbox rows that are older than `INBOX_BODY_DAYS`."""
    inbox.empty_old_bodies(now=timezone.now(), days=settings.INBOX_BODY_DAYS)


@shared_task(name="webhooks.forget_repeated_statuses")
def forget_repeated_statuses() -> None:
    """Thin out the log of connections as far back as no row of the inbox can be processed again."""
    connections.forget_repeated_statuses(before=timezone.now() - timedelta(days=settings.INBOX_BODY_DAYS))
