"""A real worker is killed with -9 after the gateway took a brief and before that is written: nobody gets two."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from labelcrm.core.models import AuditEntry
from labelcrm.core.wakeups import publish
from tests.live.system import wait_until
from tests.live.test_killed_export import nobody_writes
from tests.live.test_long_work import Workers, workers
from tests.transfer.briefs.readers import outbox, reader, switch_on
from tests.webhooks.gateways.sending import FakeGateway, answers_as, fake_gateway
from transfer.briefs.brief_outbox import GIVEN_UP, SEND_BRIEFS, ask_now, send_due
from transfer.briefs.models import BriefMessage

__all__ = ["workers"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waha(transactional_db: None) -> Iterator[FakeGateway]:
    with fake_gateway(answers_as("waha")) as server:
        switch_on(server)
        yield server


def test_a_brief_reaches_the_gateway_once_over_a_killed_worker(workers: Workers, waha: FakeGateway) -> None:
    """Whether it went out is not known then, and that is what the row says: it is not sent again."""
    user = reader(weekdays=[])  # no day of its own, so that the hour at which this runs does not matter
    go, answer = threading.Event(), waha.answer
    waha.answer = lambda received: answer(received) if go.wait(30) else (500, {})
    workers.start(drains=False)
    ask_now(user)
    wait_until(lambda: bool(waha.received), seconds=60, what="the gateway is asked")
    assert outbox() == [("whatsapp", "sending", "")], "committed before anybody was called"
    with nobody_writes("transfer_briefmessage") as somebody_waits:
        go.set()
        somebody_waits()
        workers.kill()

    workers.start(drains=False)
    for _ in range(3):
        publish(SEND_BRIEFS)
        assert send_due() == 0
    BriefMessage.objects.update(at=timezone.now() - GIVEN_UP - timedelta(seconds=1))
    publish(SEND_BRIEFS)
    wait_until(lambda: outbox() != [("whatsapp", "sending", "")], seconds=60, what="another worker gives it up")
    assert outbox() == [("whatsapp", "unknown", "stopped_its_worker")]
    assert send_due() == 0
    [received] = waha.received
    assert json.loads(received.body)["chatId"] == "628123456789@c.us"
    assert not AuditEntry.objects.filter(action="brief.sent").exists()
