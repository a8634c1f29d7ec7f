"""The Celery side of morning briefs."""

from __future__ import annotations

from celery import shared_task

from transfer.briefs import brief_outbox


@shared_task(name=brief_outbox.SEND_BRIEFS)
def send_briefs() -> None:
    """Send the briefs whose hour has come."""
    brief_outbox.send_due()
