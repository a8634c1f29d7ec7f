"""Scheduled work on labels."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any

from celery import shared_task
from django.utils import timezone

from labelcrm.core.scheduled import daily_period, once_per_period
from labels import jobs
from labels.services import contradictions, day_sums, learned_limits, second_looks, staleness


@shared_task(name="labels.flag_stale")
def flag_stale() -> None:
    """Look once per business day for labels older than their limit."""
    now = timezone.now()
    once_per_period("flag-stale", daily_period(now), lambda: asdict(staleness.flag_stale(now)))


@shared_task(name="labels.flag_contradictions")
def flag_contradictions() -> None:
    """Look once per business day for labels that contradict each other."""
    now = timezone.now()
    period = daily_period(now)
    once_per_period(contradictions.JOB, period, lambda: asdict(contradictions.flag_contradictions(now)))


@shared_task(name="labels.learn_limits")
def learn_limits() -> None:
    """Once per business day, how long labels stayed on those who then went on."""
    now = timezone.now()
    once_per_period("learn-limits", daily_period(now), lambda: {"labels": learned_limits.learn(now)})


@shared_task(name=second_looks.TASK)
def draw_second_looks() -> None:
    """Draw, once per week, what is to be looked at of the week before, and of the weeks that were missed."""

    def draw(week: date) -> dict[str, Any]:
        return asdict(second_looks.draw(week, actor=None))

    for week in second_looks.due_weeks(timezone.now()):
        once_per_period(second_looks.JOB, week.isoformat(), partial(draw, week))


@shared_task(name="labels.train_suggestions")
def train_suggestions() -> None:
    """Start, once per week, the job that learns suggestions from labelled chats."""
    week = second_looks.last_week(timezone.now()).isoformat()
    once_per_period("train-suggestions", week, lambda: {"job": jobs.train_suggestions(actor=None).pk})


@shared_task(name="labels.check_projections")
def check_projections() -> None:
    """Start, once per business day, the job that derives everything again; there should be nothing to mend."""
    day = daily_period(timezone.now())
    once_per_period("check-projections", day, lambda: {"job": jobs.rebuild(actor=None).pk})


@shared_task(name="labels.follow_teams")
def follow_teams() -> None:
    """Count channels that joined another team there."""
    jobs.follow_teams()


@shared_task(name="labels.compact_days")
def compact_days() -> None:
    """Make one row of many differences of a day, some ten thousand of them in one go."""
    for _ in range(20):
        if not day_sums.compact():
            return
