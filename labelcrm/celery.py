"""The Celery application. What runs by the clock is listed in `labelcrm.schedule`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, task_prerun, worker_init, worker_ready
from django.db import close_old_connections

from labelcrm.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")

app = Celery("labelcrm")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Read under this bare name by Celery's Django fix-up: without it every task ends with a closed connection,
# measured 2.5 times slower.
app.conf["CELERY_DB_REUSE_MAX"] = 10_000
app.conf.beat_schedule = BEAT_SCHEDULE
app.autodiscover_tasks()
app.autodiscover_tasks(["transfer.briefs", "transfer.conversions"])


WORKER_SECONDS = 3600  # a statement of a nightly check may take minutes; one of an hour is a server that is frozen
BEAT_SECONDS = 60


@worker_init.connect
def _worker_begins(**_: Any) -> None:
    """In the parent, before it forks."""
    from labelcrm.core.postgresql.base import wait_at_most

    wait_at_most(WORKER_SECONDS)


@worker_ready.connect
def _worker_is_up(sender: Any = None, **_: Any) -> None:
    """Seen at once, not only with the first heartbeat; a database that is away is logged and costs nothing."""
    from labelcrm.core import heartbeats

    is_slow = str(getattr(sender, "hostname", "")).startswith("slow@")
    heartbeats.note_start("slow" if is_slow else "worker")


@beat_init.connect
def _beat_is_up(**_: Any) -> None:
    from labelcrm.core import heartbeats
    from labelcrm.core.postgresql.base import wait_at_most

    wait_at_most(BEAT_SECONDS)
    heartbeats.note_start("beat")


@task_prerun.connect
def _check_connections(**_kwargs: object) -> None:
    """Have a kept connection checked before a task uses it, as Django does for a request.

    The fix-up keeps it whatever happened: one that PostgreSQL ended while nobody worked failed every later task.
    """
    close_old_connections()
