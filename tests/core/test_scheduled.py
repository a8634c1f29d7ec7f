"""Scheduled jobs: once per period, never two at once, missed and failed ones made up for."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from celery.schedules import crontab
from django.db import connection

from labelcrm.celery import app
from labelcrm.core.models import JobRun
from labelcrm.core.scheduled import daily_period, once_per_period
from labelcrm.schedule import BEAT_SCHEDULE, JOBS

pytestmark = pytest.mark.django_db


class Work:
    """A job that counts its runs, and fails while `error` is set."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None

    def __call__(self) -> dict[str, Any]:
        self.runs += 1
        if self.error:
            raise self.error
        return {"run": self.runs}


def test_a_job_runs_once_per_period_and_keeps_its_result() -> None:
    work = Work()
    run = once_per_period("tidy", "2026-03-02", work)
    assert run is not None
    assert once_per_period("tidy", "2026-03-02", work) is None
    assert work.runs == 1
    row = JobRun.objects.get()
    assert (row.job, row.period, row.ok, row.result) == ("tidy", "2026-03-02", True, {"run": 1})
    assert row.finished_at is not None
    assert row.started_at <= row.finished_at


def test_another_period_and_another_job_are_runs_of_their_own() -> None:
    work = Work()
    for job, period in (("tidy", "2026-03-02"), ("tidy", "2026-03-03"), ("sweep", "2026-03-02")):
        once_per_period(job, period, work)
    assert work.runs == 3


def test_a_failed_run_says_why_and_is_retried_at_the_next_tick() -> None:
    work = Work()
    work.error = ValueError("the disk is full")
    with pytest.raises(ValueError, match="the disk is full"):
        once_per_period("tidy", "2026-03-02", work)
    row = JobRun.objects.get()
    assert (row.ok, row.result) == (False, {"error": "ValueError: the disk is full"})
    work.error = None
    once_per_period("tidy", "2026-03-02", work)
    row.refresh_from_db()
    assert (row.ok, row.result, work.runs) == (True, {"run": 2}, 2)


def test_a_run_whose_process_died_is_made_up_for() -> None:
    JobRun.objects.create(job="tidy", period="2026-03-02")
    work = Work()
    assert once_per_period("tidy", "2026-03-02", work) is not None
    assert work.runs == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_schedulers_at_once_only_one_runs_the_job() -> None:
    inside, leave = threading.Event(), threading.Event()
    runs: list[JobRun | None] = []

    def slow() -> dict[str, Any]:
        inside.set()
        assert leave.wait(10)
        return {"by": "the first"}

    def first() -> None:
        try:
            runs.append(once_per_period("tidy", "2026-03-02", slow))
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    second = Work()
    assert once_per_period("tidy", "2026-03-02", second) is None
    assert once_per_period("tidy", "2026-03-03", second) is None, "another day does not start beside a late one"
    assert once_per_period("sweep", "2026-03-02", second) is not None
    leave.set()
    thread.join(10)
    assert once_per_period("tidy", "2026-03-02", second) is None
    assert second.runs == 1
    assert JobRun.objects.get(job="tidy").result == {"by": "the first"}


@pytest.mark.django_db(transaction=True)
def test_the_lock_dies_with_its_connection() -> None:
    def lock_and_die() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended('job:tidy', 0))")
        connection.close()

    thread = threading.Thread(target=lock_and_die)
    thread.start()
    thread.join(10)
    _wait_until_no_lock_is_held()
    assert once_per_period("tidy", "2026-03-02", Work()) is not None


def _wait_until_no_lock_is_held() -> None:
    """PostgreSQL notices a closed connection in its own time; one that never did would hang here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('job:tidy', 0))")
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended('job:tidy', 0))")


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 1, 18, 59, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 1, 19, 0, tzinfo=UTC), "2026-03-02"),
        (datetime(2026, 3, 2, 16, 59, tzinfo=UTC), "2026-03-02"),
        (datetime(2026, 3, 2, 18, 0, tzinfo=UTC), "2026-03-02"),
    ],
)
def test_the_day_of_a_daily_job_begins_at_two_in_the_morning(now: datetime, day: str) -> None:
    """19:00 UTC is 02:00 in Jakarta."""
    assert daily_period(now) == day


def test_every_beat_job_names_a_task_that_exists_and_expires() -> None:
    app.loader.import_default_modules()
    assert len(BEAT_SCHEDULE) == len(JOBS)
    for entry in BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] > 0
        assert isinstance(entry["schedule"], (crontab, int, float))
