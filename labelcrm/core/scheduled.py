"""Scheduled jobs that run once per period, however many schedulers tick and however often.

A job's beat entry ticks more often than its period is long: a tick that comes while a run is under way, or after
one that succeeded, does nothing; the first tick after a missed or failed run catches up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from labelcrm.core.models import JobRun
from labelcrm.lib.failures import error_sentence

logger = logging.getLogger(__name__)

Work = Callable[[], dict[str, Any]]
DAY_BEGINS = timedelta(hours=2)  # for daily jobs, which run at night


def once_per_period(job: str, period: str, work: Work) -> JobRun | None:
    """Run `work` unless it has succeeded for this period or is running now. Returns the run, None when nothing ran.

    The row of the run keeps what `work` returned (JSON), or its error, which is raised again. The next call for the
    same period repeats a run that failed, or whose process died: PostgreSQL frees the lock of a lost connection.
    """
    with _lock(f"job:{job}") as locked:
        if not locked:
            return None
        run, _ = JobRun.objects.get_or_create(job=job, period=period)
        if run.ok:
            return None
        return _run(run, work)


def daily_period(now: datetime) -> str:
    """The period of a daily job: the business's date, except that the day of a job begins at 02:00.

    A tick before 02:00 belongs to the day before: it runs that day's job when it has not succeeded yet.
    """
    return str((now - DAY_BEGINS).astimezone(timezone.get_default_timezone()).date())


def _run(run: JobRun, work: Work) -> JobRun:
    run.started_at, run.finished_at, run.ok = timezone.now(), None, None
    run.save()
    try:
        run.result, run.ok = work(), True
    except Exception as error:
        run.result, run.ok = {"error": error_sentence(error)[:1000]}, False
        raise
    finally:
        run.finished_at = timezone.now()
        run.save()
        logger.info("job %s for %s: %s", run.job, run.period, run.result)
    return run


@contextmanager
def _lock(name: str) -> Iterator[bool]:
    """Whether this connection got the advisory lock `name`; PostgreSQL frees it when the connection ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        locked = cursor.fetchone()[0]
    try:
        yield locked
    finally:
        if locked:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
