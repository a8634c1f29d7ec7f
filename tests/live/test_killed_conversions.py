"""A real worker is killed with -9 over conversions: none is lost, and what Meta hears twice it knows by its id."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from labelcrm.core.models import JobRun
from labelcrm.core.wakeups import publish
from tests.factories import THEN, TeamFactory
from tests.live.system import wait_until
from tests.live.test_killed_export import nobody_writes
from tests.live.test_long_work import Workers, workers
from tests.transfer.conversions.ads import AdShop, conversions, ctwa
from tests.transfer.conversions.meta_server import FakeMeta, fake_meta
from tests.transfer.conversions.test_meta_api import connect, states
from transfer.conversions.meta_outbox import SentCounts, send_waiting
from transfer.conversions.models import Conversion, ConversionDelivery

__all__ = ["workers"]
pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 3


@pytest.fixture
def meta() -> Iterator[FakeMeta]:
    with fake_meta() as server:
        yield server


@pytest.fixture
def leads(transactional_db: None, meta: FakeMeta) -> list[int]:
    """People who came by ads and got a good label a day ago, for a connection that is on since the day before."""
    yesterday = (timezone.now() - timedelta(days=1) - THEN) / timedelta(hours=1)
    with transaction.atomic():
        with time_machine.travel(timezone.now() - timedelta(days=2), tick=False):
            connect(meta)
        shop = AdShop(team=TeamFactory(name="Sales"))
        people = [shop.comes(yesterday, **ctwa(n)) for n in range(PEOPLE)]
        for contact in people:
            shop.labelled(contact, "Grade A", yesterday + 1)
    return [contact.pk for contact in people]


def events_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    return request["body"]["data"]


def test_a_killed_worker_loses_no_conversion_and_gives_none_another_id(
    workers: Workers, meta: FakeMeta, leads: list[int]
) -> None:
    """Killed while it collects, and after Meta took a batch but before that is written down."""
    with nobody_writes("transfer_conversion") as somebody_waits:
        workers.start(drains=False)
        publish("transfer.collect_conversions")
        somebody_waits()
        workers.kill()
    assert (conversions(), JobRun.objects.get().ok) == ([], None)

    workers.start(drains=False)
    publish("transfer.collect_conversions")
    wait_until(lambda: JobRun.objects.get().ok, seconds=60, what="another worker collects")
    assert [contact for contact, _event, _at in conversions()] == leads

    answer, go = meta.answers, threading.Event()
    meta.answers = lambda body: answer(body) if go.wait(30) else (500, {})
    publish("transfer.send_conversions")
    wait_until(lambda: bool(meta.requests), seconds=60, what="Meta is told")
    with nobody_writes("transfer_conversiondelivery") as somebody_waits:
        go.set()
        somebody_waits()
        workers.kill()
    assert states() == ["waiting"] * PEOPLE
    assert send_waiting(timezone.now()) == SentCounts(), "nobody else sends them while their lease lasts"

    ConversionDelivery.objects.update(leased_until=timezone.now())
    workers.start(drains=False)
    publish("transfer.send_conversions")
    wait_until(lambda: states() == ["done"] * PEOPLE, seconds=60, what="they are sent")
    first, second = (events_of(request) for request in meta.requests)
    assert first == second, "Meta counts what has the same id and name once"
    assert [event["event_id"] for event in first] == [f"labelcrm-{row.pk}" for row in Conversion.objects.order_by("pk")]
    assert send_waiting(timezone.now()) == SentCounts()
    assert len(meta.requests) == 2
