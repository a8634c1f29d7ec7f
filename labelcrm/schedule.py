"""The one table of jobs that beat starts. What each does is said at its task; times are the business's.

Daily jobs tick every hour: `labelcrm.core.scheduled.once_per_period` lets one tick of a day through and makes every
later one a catch-up. `expires` keeps a worker that was away from finding a heap of old ticks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery.schedules import crontab

HOUR = 3600


@dataclass(frozen=True, slots=True)
class BeatJob:
    """`every` is a crontab, or seconds; a tick that nobody took within `expires` seconds is dropped."""

    name: str
    task: str
    every: crontab | float
    expires: float


JOBS = [
    # Finds what no nudge announced; the lanes themselves are woken by the receiver.
    BeatJob("sweep-inbox", "webhooks.sweep_inbox", every=5.0, expires=5),
    # Long work that lost its task or its worker.
    BeatJob("sweep-jobs", "core.sweep_jobs", every=5.0, expires=5),
    BeatJob("heartbeat", "webhooks.heartbeat", every=20.0, expires=20),
    BeatJob("heartbeat-slow", "core.heartbeat_slow", every=20.0, expires=60),
    # E-mails of notices: those that wait a little, and those to be tried again. Others are sent at once.
    BeatJob("send-mails", "core.send_mails", every=60.0, expires=60),
    BeatJob("run-schedules", "transfer.run_schedules", every=60.0, expires=60),
    BeatJob("forget-unfinished-exports", "transfer.forget_unfinished", every=crontab(minute=42), expires=HOUR),
    BeatJob("forget-old-briefs", "transfer.forget_old_briefs", every=crontab(minute=43), expires=HOUR),
    BeatJob("forget-old-jobs", "core.forget_old_jobs", every=crontab(minute=40), expires=HOUR),
    BeatJob("empty-old-bodies", "webhooks.empty_old_bodies", every=crontab(minute=45), expires=HOUR),
    BeatJob("forget-repeated-statuses", "webhooks.forget_repeated_statuses", every=crontab(minute=50), expires=HOUR),
    BeatJob("flag-stale", "labels.flag_stale", every=crontab(minute=5), expires=HOUR),
    BeatJob("flag-contradictions", "labels.flag_contradictions", every=crontab(minute=10), expires=HOUR),
    BeatJob("learn-limits", "labels.learn_limits", every=crontab(minute=15), expires=HOUR),
    # Once a week, on Monday, and for weeks that were missed; the second only for the last one.
    BeatJob("draw-second-looks", "labels.draw_second_looks", every=crontab(minute=35), expires=HOUR),
    BeatJob("train-suggestions", "labels.train_suggestions", every=crontab(minute=55), expires=HOUR),
    BeatJob("compact-days", "labels.compact_days", every=60.0, expires=60),
    BeatJob("follow-teams", "labels.follow_teams", every=60.0, expires=60),
    # Everybody once a day, between that whose labels changed.
    BeatJob("collect-conversions", "transfer.collect_conversions", every=crontab(minute="*/10"), expires=600),
    # Nothing to do unless an owner connected Meta.
    BeatJob("send-conversions", "transfer.send_conversions", every=60.0, expires=60),
    # Each at the hour its reader chose; nothing to do unless somebody did.
    BeatJob("send-briefs", "transfer.send_briefs", every=60.0, expires=60),
    BeatJob("check-projections", "labels.check_projections", every=crontab(minute=25), expires=HOUR),
]

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    job.name: {"task": job.task, "schedule": job.every, "options": {"expires": job.expires}} for job in JOBS
}
