"""A remap by real workers that are killed, doubled and lose their broker, while labels come in: as if nothing was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis import Redis

from contacts.models import Channel
from contacts.services.channels import connect
from labelcrm.core import jobs
from labelcrm.core.bulk import fetch
from labelcrm.core.models import Job
from labelcrm.core.wakeups import publish
from labelcrm.env import BASE_DIR
from labelcrm.launcher.processes import command_line
from labels.jobs import remap
from labels.models import (
    ChannelLabel,
    CleanSpell,
    Label,
    LabelAssignment,
    LabelDay,
    LabelSpell,
    ScopedCleanSpell,
    ScopedLabelSpell,
    ScopedStageStay,
    StageStay,
    StaleFlag,
)
from labels.services import staleness
from labels.services.rebuilding import rebuild
from labels.services.remapping import CHUNK
from tests.adversarial.test_again_from_the_records import MOVING, content
from tests.browser.serving import database_url
from tests.live.system import wait_until
from tests.work import do_work
from webhooks.drain import lanes
from webhooks.drain.inbox import DRAIN_LANE
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
CONTACTS = 3 * CHUNK
DERIVED = (
    LabelAssignment, LabelSpell, CleanSpell, StageStay, ScopedLabelSpell, ScopedCleanSpell, ScopedStageStay, LabelDay,
)  # fmt: skip


@dataclass
class Workers:
    """Celery's workers as `make run` starts them, over the test's database; `kill` is kill -9 of all of them."""

    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *, drains: bool = True) -> None:
        """A worker that drains, if anything does, and two of long work, who cost the start of one."""
        wanted = [("worker", "1")] * drains + [("slow", "2")]
        environment = {**os.environ, "DATABASE_URL": database_url()}
        with self.log.open("ab") as log:
            self.running = [
                subprocess.Popen(
                    [*command_line(name), "--concurrency", children], cwd=BASE_DIR, env=environment, stdout=log,
                    stderr=log, start_new_session=True,
                )
                for name, children in wanted
            ]  # fmt: skip

    def kill(self) -> None:
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    found = Workers(tmp_path / "workers.log")
    Redis.from_url(settings.REDIS_URL).flushdb()
    yield found
    found.kill()


class Company:
    """A number of each of two teams; every fifth contact is known on both, so that scopes differ."""

    def __init__(self) -> None:
        self.channels = [
            connect(gateway="generic", key=key, name=key, agent=key, team=key, actor=None).channel
            for key in ("sales", "support")
        ]
        self._told = 0
        for number, channel in enumerate(self.channels):
            self._tell(channel, [self._event("saved", label, name=name) for label, name in LABELS.items()])
            people = range(0, CONTACTS, 4 * number + 1)
            self._tell(channel, [self._event("added", "1", chat, hours=number + chat % 50) for chat in people])
            self._tell(channel, [self._event("removed", "1", chat, hours=90 + chat % 50) for chat in people[::3]])
            self._tell(channel, [self._event("added", "2", chat, hours=100) for chat in people[::7]])
            lanes.drain(channel.pk, seconds=600)
        staleness.flag_stale(timezone.now())
        self.label = ChannelLabel.objects.get(channel=self.channels[0], external_id="1")

    def labels_come_in(self) -> None:
        """Both numbers tell of contacts that the remap restates at its beginning, in its middle and at its end."""
        for number, channel in enumerate(self.channels):
            people = range(number, CONTACTS, 20)
            self._tell(channel, [self._event("removed", "1", chat, hours=200) for chat in people])
            self._tell(channel, [self._event("added", "1", chat, hours=201) for chat in people[::2]])

    def _event(self, kind: str, label: str, chat: int = 0, *, hours: float = 0, name: str = "") -> dict[str, Any]:
        self._told += 1
        fields = {"label": {"id": label, "name": name}} if name else {"label": {"id": label}, "chat": f"62812{chat:07}"}
        at = START + timedelta(hours=hours, seconds=self._told % 7)
        return {"id": f"e{self._told}", "type": f"label.{kind}", "at": at.isoformat(), **fields}

    def _tell(self, channel: Channel, events: list[dict[str, Any]]) -> None:
        InboundEvent.objects.bulk_create(
            InboundEvent(channel=channel, dedupe_key=event["id"], body=json.dumps(event).encode()) for event in events
        )


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LABELS = {"1": "Grade A", "2": "Menunggu pembayaran"}


def tables() -> dict[str, Any]:
    """What is derived, without the ids of rows and the time of writing, and what is stale.

    Flags are compared after a look of today's: those of somebody whose label came off and on again depend on who
    looked in between.
    """
    staleness.flag_stale(timezone.now())
    flags = StaleFlag.objects.filter(closed_at=None).order_by("contact", "label")
    found = {
        model.__name__: content(model, without={*MOVING, "added_event_id", "removed_event_id"}) for model in DERIVED
    }
    return found | {"flags": list(flags.values_list("contact", "label", "owner", "spell_started_at", "limit_days"))}


def ask(company: Company) -> Job:
    return remap(channel_label=company.label, label=Label.objects.get(name="Selesai"), since=None, actor=None)


def undisturbed(company: Company) -> dict[str, Any]:
    """The tables after the same work by one process that nobody disturbs; afterwards it has not happened."""
    with transaction.atomic():
        job = ask(company)
        for channel in company.channels:
            lanes.drain(channel.pk, seconds=600)
        do_work()
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.error
        found = tables()
        transaction.set_rollback(True)
    return found


@contextmanager
def in_the_middle_of_a_step() -> Iterator[Callable[[int], None]]:
    """Until the end of this, whoever writes sums of days waits: intervals and spells are written then, not committed.

    What it gives waits until so many wait, for that or for the contacts of who does.
    """
    with psycopg.connect(database_url()) as other:
        other.execute("LOCK TABLE labels_labelday IN SHARE MODE")
        yield lambda wanted: wait_until(lambda: fetch(WAITING, [])[0][0] >= wanted, seconds=60, what="all wait")


def a_minute_passes(job: Job) -> None:
    """The lease of whoever has the job ends."""
    Job.objects.filter(pk=job.pk).update(leased_until=timezone.now())


def wait_for(job: Job, condition: Callable[[Job], bool], what: str) -> None:
    """Wait for what becomes of a job, while somebody looks for jobs without a task as beat does, only more often."""

    def is_true() -> bool:
        jobs.sweep()
        job.refresh_from_db()
        return condition(job)

    wait_until(is_true, seconds=60, what=what)


def nothing_is_pending() -> bool:
    return not InboundEvent.objects.filter(state=InboundEvent.State.PENDING).exists()


def test_a_disturbed_remap_leaves_what_an_undisturbed_one_leaves(workers: Workers) -> None:
    company = Company()
    company.labels_come_in()
    expected = undisturbed(company)
    with in_the_middle_of_a_step() as wait_for_so_many:
        workers.start()
        job = ask(company)
        for channel in company.channels:
            publish(DRAIN_LANE, channel.pk)
        wait_until(lambda: Job.objects.filter(state="running").exists(), seconds=60, what="the remap begins")
        wait_for_so_many(2)  # the remap and a lane
        workers.kill()
        Redis.from_url(settings.REDIS_URL).flushdb()
    job.refresh_from_db()
    restated_to = job.cursor.get("after", 0)  # the decision itself may be made, or wait for the lane with its channel
    assert (job.state, job.progress, restated_to) == ("running", 0, 0), "what the dead had begun counts for nothing"

    workers.start()
    a_minute_passes(job)
    wait_for(job, lambda job: job.progress > 0, "another worker begins again")
    with in_the_middle_of_a_step() as wait_for_so_many:
        wait_for_so_many(1)
        lease = Job.objects.get(pk=job.pk).lease
        a_minute_passes(job)  # who has the job is believed dead, and is only slow
        publish(jobs.RUN_JOB, job.pk)
        publish(jobs.RUN_JOB, job.pk)
        wait_for(job, lambda job: job.lease != lease, "the second worker takes over")
        for channel in company.channels:
            publish(DRAIN_LANE, channel.pk)
    wait_for(job, lambda job: job.is_finished, "the remap is done")
    wait_until(nothing_is_pending, seconds=60, what="the inbox is drained")

    assert (job.state, job.progress, job.result) == ("done", CONTACTS, {"contacts": CONTACTS})
    found = tables()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert rebuild(write=False) == 0
    assert found["ScopedLabelSpell"], "some are known on both numbers"
