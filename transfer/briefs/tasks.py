"""The Celery side of morning briefs."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from labelcrm.core.scheduled import daily_period, once_per_period
from transfer.briefs import brief_outbox


@shared_task(name=brief_outbox.SEND_BRIEFS)
def send_briefs() -> None:
    """Send the briefs whose hour has come."""
    brief_outbox.send_due()


@shared_task(name="transfer.forget_old_briefs")
def forget_old_briefs() -> None:
    """Delete, once per business day, the briefs of long ago."""
    day = daily_period(timezone.now())
    once_per_period("forget-old-briefs", day, lambda: {"briefs": brief_outbox.forget_old()})
