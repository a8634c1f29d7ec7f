"""The Celery side of exports: what is due by the clock."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from labelcrm.core.scheduled import daily_period, once_per_period
from transfer import jobs
from transfer.forgetting import forget_unfinished


@shared_task(name="transfer.run_schedules")
def run_schedules() -> None:
    """Begin the scheduled exports that are due."""
    jobs.run_due_schedules(now=timezone.now())


@shared_task(name="transfer.forget_unfinished")
def forget_unfinished_exports() -> None:
    """Delete, once per business day, what exports left that came to nothing."""
    once_per_period("forget-unfinished-exports", daily_period(timezone.now()), forget_unfinished)
