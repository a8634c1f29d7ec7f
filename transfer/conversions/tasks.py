"""Scheduled work on conversions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from transfer.conversions import conversion_jobs


@shared_task(name="transfer.collect_conversions")
def collect_conversions() -> None:
    """Find who came by an ad and got a first good label."""
    conversion_jobs.collect_now(timezone.now())


@shared_task(name="transfer.send_conversions")
def send_conversions() -> None:
    """Tell Meta what waits, where an owner switched that on."""
    conversion_jobs.send_now(timezone.now())
