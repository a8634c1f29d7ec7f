"""Campaign rules applied to the history by real workers that are killed in the middle of it: as if nothing was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from contacts.jobs import replay
from contacts.models import CampaignRule, CampaignTouch, Channel, Contact
from contacts.services.replaying import CHUNK
from labelcrm.core.bulk import execute, fetch
from labelcrm.core.models import AuditEntry
from tests.browser.serving import database_url
from tests.factories import CampaignFactory, ChannelFactory
from tests.live.system import wait_until
from tests.live.test_long_work import WAITING, Workers, a_minute_passes, wait_for
from tests.live.test_long_work import workers as workers
from tests.work import do_work

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = 3 * CHUNK + 7
HISTORY = """
    WITH people AS (
        INSERT INTO contacts_contact
            (name, name_source, phone, lid, first_seen_at, first_inbound_at, created_at, updated_at)
        SELECT 'P' || n, '', '+62811' || lpad(n::text, 7, '0'), '', t, t, now(), now()
        FROM generate_series(1, %(contacts)s) n,
             LATERAL (SELECT '2026-03-02'::timestamptz + n * interval '1 min') AS a(t)
        RETURNING id, name, first_inbound_at
    )
    INSERT INTO contacts_message (contact_id, channel_id, external_id, from_me, kind, text, at, at_source, received_at)
    SELECT id, %(channel)s, name, false, 'text', CASE id %% 3 WHEN 0 THEN 'halo' ELSE 'mau kaos' END,
           first_inbound_at, 'whatsapp', now()
    FROM people
"""  # fmt: skip


def recorded() -> list[tuple[Any, ...]]:
    touches = CampaignTouch.objects.order_by("message_id").values_list(
        "contact", "message", "at", "campaign", "method", "rule", "evidence"
    )
    return [*touches, *Contact.objects.order_by("pk").values_list("pk", "campaign")]


def undisturbed() -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """What one process that nobody disturbs records, and the job's result; afterwards it has not happened."""
    with transaction.atomic():
        job = replay(actor=None)
        do_work()
        job.refresh_from_db()
        found = recorded()
        transaction.set_rollback(True)
    return found, job.result


@contextmanager
def in_the_middle_of_a_step() -> Iterator[Callable[[], None]]:
    """Until the end of this, whoever writes touches waits, with contacts locked and some of it written."""
    with psycopg.connect(database_url()) as other:
        other.execute("LOCK TABLE contacts_campaigntouch IN SHARE MODE")
        yield lambda: wait_until(lambda: fetch(WAITING, [])[0][0] >= 1, seconds=60, what="the replay waits")


def test_a_killed_replay_goes_on_and_counts_nothing_twice(workers: Workers) -> None:
    channel: Channel = ChannelFactory()
    execute(HISTORY, {"contacts": CONTACTS, "channel": channel.pk})
    CampaignRule.objects.create(campaign=CampaignFactory(), kind="keyword", pattern="kaos")
    expected, result = undisturbed()
    assert not CampaignTouch.objects.exists()

    with in_the_middle_of_a_step() as wait_for_it:
        workers.start(drains=False)
        job = replay(actor=None)
        wait_for_it()
        workers.kill()
        Redis.from_url(settings.REDIS_URL).flushdb()
    job.refresh_from_db()
    assert (job.state, job.progress, CampaignTouch.objects.count()) == ("running", 0, 0), "nothing half-written counts"

    workers.start(drains=False)
    a_minute_passes(job)
    wait_for(job, lambda job: job.progress >= CHUNK, "another worker begins again")
    workers.kill()
    job.refresh_from_db()
    if not job.is_finished:
        after = job.cursor["after"]
        assert CampaignTouch.objects.filter(contact__gt=after).count() == 0, "as far as its cursor"
    workers.start(drains=False)
    a_minute_passes(job)
    wait_for(job, lambda job: job.is_finished, "the replay is done")

    assert (job.state, job.result) == ("done", result)
    assert recorded() == expected
    assert AuditEntry.objects.filter(action="campaigns.replayed").count() == 1
