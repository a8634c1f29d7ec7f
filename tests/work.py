"""Long work done at once, by the test itself, as the worker of the queue "slow" does it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labelcrm.core import jobs
from labelcrm.core.models import Job
from labels.jobs import remap
from labels.models import ChannelLabel, Label


def do_work() -> None:
    """Run every waiting job to its end, in the order they were asked for."""
    for pk in Job.objects.filter(state__in=jobs.UNFINISHED).order_by("id").values_list("id", flat=True):
        jobs.run(pk, seconds=600)


def remap_now(*, channel_label: ChannelLabel, label: Label, since: datetime | None, actor: Any) -> None:
    """Give a WhatsApp label another meaning, and restate everybody who ever had it."""
    job = remap(channel_label=channel_label, label=label, since=since, actor=actor)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, (job.state, job.error)
