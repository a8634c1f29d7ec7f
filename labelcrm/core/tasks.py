"""The Celery side of long work: a turn for one job, and a look for those that wait without a task."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from labelcrm.core import heartbeats, jobs, mails, notices
from labelcrm.core.scheduled import daily_period, once_per_period


@shared_task(name=jobs.RUN_JOB)
def run_job(job_id: int) -> None:
    """Give a job its turn."""
    jobs.run(job_id)


@shared_task(name="core.heartbeat_slow")
def heartbeat_slow() -> None:
    """Run by the worker of long work: it is alive."""
    heartbeats.note("slow")


@shared_task(name="core.sweep_jobs")
def sweep_jobs() -> None:
    """Queue the jobs that lost their task or their worker."""
    jobs.sweep()


@shared_task(name="core.forget_old_jobs")
def forget_old_jobs() -> None:
    """Delete, once per business day, the jobs that ended long ago, and before that their files."""
    day = daily_period(timezone.now())
    once_per_period(
        "forget-old-jobs", day,
        lambda: {
            "jobs": jobs.forget_old(), "file_parts": jobs.forget_old_files(), "notices": notices.forget_old(),
        },
    )  # fmt: skip


@shared_task(name=notices.SEND_MAILS)
def send_mails() -> None:
    """Send the e-mails that are due."""
    mails.send_due()
