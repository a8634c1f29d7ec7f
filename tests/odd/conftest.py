"""One row at least of everything that has an address, and a crawler that notices every fault of ours."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections, transaction
from django.test import Client, RequestFactory
from rest_framework.authtoken.models import Token

from contacts.models import Note
from labelcrm.core.models import AuditEntry, Heartbeat, JobRun
from labelcrm.core.roles import ROLES
from labels.models import StaleFlag
from reports.models import Segment
from tests.desk.conftest import Shop, make_shop
from tests.factories import THEN, CampaignFactory, UserFactory
from tests.webhooks.conftest import _front_store  # noqa: F401 - the receiver on the test's connection, for every test
from webhooks.models import InboundEvent, ReconcileRun, UnknownChannel
from webhooks.receiver.application import Receiver

OWNER, LEAD = ROLES[0], ROLES[1]


class Faults(logging.Handler):
    """Collects what is logged as an error, and every exception that is logged at all."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and not record.name.startswith("django.security"):
            self.records.append(
                f"{record.name}: {record.getMessage()[:200]} {record.exc_info and record.exc_info[1]!r}"
            )


class Crawler:
    """A logged-in client whose requests change nothing; what is our fault is kept in `faults`."""

    def __init__(self, user: Any, heard: Faults) -> None:
        self.user, self.heard = user, heard
        self.client = Client(raise_request_exception=False)
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self.token = f"Token {Token.objects.get_or_create(user=user)[0].key}"
        self.faults: list[str] = []
        self.asked = 0

    def ask(self, method: str, url: str, **extra: Any) -> Any:
        """The response; everything written meanwhile is taken back."""
        self.heard.records.clear()
        self.asked += 1
        if url.startswith("/api/"):
            extra.setdefault("headers", {})["Authorization"] = self.token
        cookies = self.client.cookies.output()
        with transaction.atomic():
            response = self.client.generic(method, url, **extra)
            transaction.set_rollback(True)
        if self.client.cookies.output() != cookies:  # logged out, or another language
            self.client.cookies.clear()
            self.client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        if response.streaming:
            _close(response)
        if response.status_code >= 500 or self.heard.records:
            shown = extra.get("data", "")
            self.faults.append(f"{response.status_code} {method} {url[:150]} {shown!r:.150} {self.heard.records[:1]}")
        return response

    def hook(self, method: str, url: str, length: str | None) -> None:
        """One request at the front door, with whatever `Content-Length`."""
        self.heard.records.clear()
        self.asked += 1
        environ = RequestFactory().generic(method, url, b"{}", content_type="application/json").environ
        environ["wsgi.input"] = io.BytesIO(b"{}")
        if length is not None:
            environ["CONTENT_LENGTH"] = length
        answers: list[str] = []
        Receiver(lambda *_: [])(environ, lambda status, headers: answers.append(status))
        # 503 with "come again" is meant for keys that nobody has set up.
        if self.heard.records or answers[0].startswith("500"):
            self.faults.append(f"{answers[0]} {method} {url[:150]} {length!r:.50} {self.heard.records[:1]}")


def _close(response: Any) -> None:
    """End a stream that nobody reads, and keep the test's connection, which Django would close with it."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


@pytest.fixture
def shop(db: None) -> Shop:
    """A team's number with one row of everything."""
    cache.clear()
    shop = make_shop("Rina")
    contact = shop.contact(campaign=CampaignFactory(), assigned_to=shop.agent, name="Bunga")
    label = shop.whatsapp_label("Grade A")
    shop.put(contact, label, hours=3)
    shop.put(contact, label, added_at=THEN, removed_at=None)
    shop.say(contact, "Halo")
    Note.objects.create(contact=contact, text="x")
    InboundEvent.objects.create(channel=shop.channel, body=b"{}")
    UnknownChannel.objects.create(gateway="waha", key="x", last_at=THEN)
    ReconcileRun.objects.create(channel=shop.channel, trigger="nightly", state="done")
    AuditEntry.objects.create(action="x", details={"a": [1]})
    JobRun.objects.create(job="stale", period="2026-03-02")
    Heartbeat.objects.create(name="worker", at=THEN)
    AccessAttempt.objects.create(username="x", ip_address="10.0.0.1", failures_since_start=1)
    StaleFlag.objects.create(
        contact=contact, label=label.label, owner=shop.agent, spell_started_at=THEN, clock_started_at=THEN,
        flagged_at=THEN, limit_days=3,
    )  # fmt: skip
    graded = {"field": "label", "op": "added", "labels": [label.label_id], "from": {"days_ago": 14}}
    Segment.objects.create(name="Panas", shared="everyone", definition={"any": [{"all": [graded]}]})
    return shop


@pytest.fixture
def heard() -> Iterator[Faults]:
    faults = Faults()
    logging.getLogger().addHandler(faults)
    yield faults
    logging.getLogger().removeHandler(faults)


@pytest.fixture
def crawler(shop: Shop, heard: Faults) -> Callable[[str], Crawler]:
    """`crawler("owner")` asks as a new user of that role, who sees the shop's team."""
    return lambda role: Crawler(UserFactory(role=role, teams=[shop.team], is_superuser=role == "owner"), heard)
