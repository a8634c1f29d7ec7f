"""Scheduled work on labels."""

from __future__ import annotations

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from labelcrm.core.scheduled import daily_period, once_per_period
from labels.services import projections, staleness


@shared_task(name="labels.flag_stale")
def flag_stale() -> None:
    """Look once per business day for labels older than their limit."""
    now = timezone.now()
    once_per_period("flag-stale", daily_period(now), lambda: asdict(staleness.flag_stale(now)))


@shared_task(name="labels.check_projections")
def check_projections() -> None:
    """Recompute all projections once per business day; there should be nothing to mend."""
    day = daily_period(timezone.now())
    once_per_period("check-projections", day, lambda: asdict(projections.refresh_all(write=True)))
