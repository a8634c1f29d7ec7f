"""What Meta's API is told, and what comes of each of its answers. The server is ours, on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact
from labelcrm.core.models import AuditEntry
from labelcrm.core.outbound import is_allowed
from tests.factories import UserFactory
from tests.transfer.conversions.ads import NOW, AdShop, at, ctwa, look
from tests.transfer.conversions.meta_server import FakeMeta, error, fake_meta
from transfer.conversions import conversion_settings, meta_api, meta_outbox, targets
from transfer.conversions.models import (
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    DeliveryState,
    MetaConnection,
    Target,
)

pytestmark = pytest.mark.django_db
TOKEN = "EAAB-rahasia-sekali"


@pytest.fixture
def meta() -> Iterator[FakeMeta]:
    with time_machine.travel(NOW, tick=False), fake_meta() as server:
        yield server


@pytest.fixture
def connected(meta: FakeMeta, db: None) -> MetaConnection:
    with time_machine.travel(at(0), tick=False):
        return connect(meta)


def connect(meta: FakeMeta, **values: Any) -> MetaConnection:
    fields = {
        "enabled": True, "dataset_id": "1234567890", "business_account_id": "1029", "page_id": "",
        "test_event_code": "", "address": meta.address, "version": "v25.0",
    }  # fmt: skip
    return conversion_settings.change_connection(
        actor=UserFactory(role="owner"), access_token=values.pop("access_token", TOKEN), **fields | values
    )


def leads(shop: AdShop, count: int = 1) -> list[Contact]:
    people = [shop.comes(1, **ctwa(n)) for n in range(count)]
    for contact in people:
        shop.labelled(contact, "Grade A", 2)
    look()
    return people


def send(minutes: float = 0) -> meta_outbox.SentCounts:
    with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
        return meta_outbox.send_waiting(NOW + timedelta(minutes=minutes))


def states() -> list[str]:
    return list(ConversionDelivery.objects.order_by("id").values_list("state", flat=True))


# -- What it is told --------------------------------------------------------------------------------------------------


def test_a_conversion_is_told_to_the_byte_as_the_documents_say(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection
) -> None:
    budi = shop.comes(1, **ctwa())
    shop.labelled(budi, "Done", 2)
    ConversionEvent.objects.update(value=150_000)
    look()
    assert send().sent == 1
    [request] = meta.requests
    assert request["path"] == "/v25.0/1234567890/events"
    assert request["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert request["headers"]["Content-Type"] == "application/json"
    assert json.loads(request["raw"]) == {
        "data": [
            {
                "event_name": "Purchase",
                "event_time": int(at(2).timestamp()),
                "event_id": f"labelcrm-{Conversion.objects.get().pk}",
                "action_source": "business_messaging",
                "messaging_channel": "whatsapp",
                "user_data": {"ctwa_clid": ctwa()["click_id"], "whatsapp_business_account_id": "1029"},
                "custom_data": {"currency": "IDR", "value": 150_000},
            }
        ]
    }
    assert budi.phone.lstrip("+") not in request["raw"].decode()
    assert Conversion.objects.with_state().get().state == "sent"


def test_a_test_code_and_a_page_go_along(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    leads(shop)
    connect(meta, test_event_code="TEST123", page_id="77", business_account_id="")
    send()
    body = meta.requests[0]["body"]
    assert body["test_event_code"] == "TEST123"
    assert body["data"][0]["user_data"] == {"ctwa_clid": ctwa(0)["click_id"], "page_id": "77"}
    assert "custom_data" not in body["data"][0]


def test_nothing_is_called_until_an_owner_switches_it_on(shop: AdShop, meta: FakeMeta) -> None:
    leads(shop)
    send()
    connect(meta, enabled=False)
    assert send() == meta_outbox.SentCounts()
    assert (meta.requests, ConversionDelivery.objects.count()) == ([], 0)


def test_labels_from_before_it_was_switched_on_or_a_week_ago_are_not_told(shop: AdShop, meta: FakeMeta) -> None:
    leads(shop)
    with time_machine.travel(at(3), tick=False):
        connect(meta)
    assert send().queued == 0
    MetaConnection.objects.update(enabled_at=at(0))
    assert send(minutes=60 * 24 * 3).queued == 0
    assert send().queued == 1


# -- Once -------------------------------------------------------------------------------------------------------------


def test_nothing_is_told_twice(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    leads(shop, 3)
    for minutes in (0, 1, 2):
        send(minutes)
    assert len(meta.told) == len(set(meta.told)) == 3


def test_who_opted_out_or_is_archived_in_the_outbox_is_not_told(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection
) -> None:
    people = leads(shop, 3)
    meta.answers = lambda body: (503, b"")
    send()
    Contact.objects.filter(pk=people[0].pk).update(opted_out_at=NOW)
    Contact.objects.filter(pk=people[1].pk).update(deleted_at=NOW)
    meta.requests.clear()
    meta.answers = lambda body: (200, {"events_received": 1})
    send(5)
    assert meta.told == [Conversion.objects.get(contact=people[2]).key]


def test_a_worker_that_dies_while_it_sends_is_followed_by_another(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads(shop, 2)

    def dies(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(meta_outbox, "_note", dies)
        with pytest.raises(SystemExit):
            send()
    assert send(1).sent == 0, "the rows are still that worker's"
    assert send(16).sent == 2
    assert sorted(set(meta.told)) == sorted(meta.told[:2]), "the same ids, which Meta counts once"


# -- Answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        (503, b"<html>busy</html>"),
        (429, {}),
        error(400, 4, "Application request limit reached"),
        error(400, 100, "Try again", is_transient=True),
        (200, b"not json"),
        (200, {"events_received": 0}),
        (200, b"x" * 100_000),
    ],
)
def test_busy_servers_are_asked_again_later_and_later(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, answer: tuple[int, Any]
) -> None:
    leads(shop)
    meta.answers = lambda body: answer
    asked = [minute for minute in (0, 0.5, 1, 2, 3, 6, 7) if send(minute).later]
    assert asked == [0, 1, 3, 7]
    meta.answers = lambda body: (200, {"events_received": 1})
    assert send(20).sent == 1
    assert states() == [DeliveryState.DONE]


def test_after_many_tries_it_fails_and_a_person_may_begin_anew(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta_outbox, "MOST_TRIES", 2)
    leads(shop)
    meta.answers = lambda body: (503, b"")
    send()
    assert send(2).failed == 1
    assert Conversion.objects.with_state().get().state == "failed"
    meta.answers = lambda body: (200, {"events_received": 1})
    assert conversion_settings.send_failed_again(actor=UserFactory()) == 1
    assert AuditEntry.objects.filter(action="conversions.retried").count() == 1
    assert send(3).sent == 1


def test_a_slow_server_costs_a_time_out_and_is_asked_again(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta_api, "SECONDS", 0.2)
    meta.delay = 1.0
    leads(shop)
    assert send().later == 1
    assert ConversionDelivery.objects.get().error == "timeout"


def test_a_server_that_is_away_is_asked_again(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    leads(shop)
    MetaConnection.objects.update(address="http://127.0.0.1:9")
    assert send().later == 1
    assert ConversionDelivery.objects.get().error == "unreachable"


def test_one_bad_event_fails_alone_with_metas_words(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    leads(shop, 9)
    bad = Conversion.objects.order_by("pk")[4].key

    def answers(body: dict[str, Any]) -> tuple[int, Any]:
        if bad in [event["event_id"] for event in body["data"]]:
            return error(400, 100, "Invalid parameter", error_subcode=2804066, error_user_msg="No such click")
        return 200, {"events_received": len(body["data"])}

    meta.answers = answers
    counts = send()
    assert (counts.sent, counts.failed) == (8, 1)
    failed = ConversionDelivery.objects.get(state=DeliveryState.FAILED)
    assert (failed.conversion.key, failed.error, failed.told) == (bad, "refused", "No such click (100/2804066)")
    assert send(60).failed == 0, "a refusal stops"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error(401, 190, f"Error validating access token {TOKEN}"), "not_let_in"),
        (error(400, 190, "The session has expired"), "not_let_in"),
        (error(403, 200, "Permissions error"), "not_let_in"),
        ((404, b""), "wrong_address"),
        ((302, b""), "wrong_address"),
    ],
)
def test_a_token_that_does_not_hold_stops_everything_and_loses_nothing(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, answer: tuple[int, Any], code: str
) -> None:
    leads(shop, 3)
    meta.answers = lambda body: answer
    meta.headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    send()
    row = MetaConnection.objects.get()
    assert (row.stopped, len(meta.requests)) == (code, 1)
    assert TOKEN not in row.told
    assert states() == ["waiting"] * 3
    send(1)
    assert len(meta.requests) == 1
    meta.answers = lambda body: (200, {"events_received": len(body["data"])})
    connect(meta, access_token="EAAB-baru")
    assert send(2).sent == 3


def test_meta_gets_each_by_one_way(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    def delivered(target: Target) -> tuple[int, int]:
        found = targets.counts(Conversion.objects.all(), target, now=NOW)
        return found.ready, found.delivered

    leads(shop, 2)
    in_a_file, other = Conversion.objects.order_by("pk")
    ConversionDelivery.objects.create(conversion=in_a_file, target=Target.META, state="done", created_at=NOW)
    assert send().sent == 1
    assert meta.told == [f"labelcrm-{other.pk}"]
    assert delivered(Target.META) == delivered(Target.META_API) == (0, 2)


# -- What changes while it waits --------------------------------------------------------------------------------------


def removed_late(shop: AdShop, contact: Contact) -> None:
    """It is told only now that the label went off again within a minute."""
    shop.now = at(2) + timedelta(minutes=1) - timedelta(hours=1)
    shop.take_off(contact, "Grade A")


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("refusal", [error(401, 190, "Expired"), error(400, 100, "Invalid parameter"), (503, b"")])
def test_a_mistap_that_is_known_late_is_not_told_from_the_outbox(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection, refusal: tuple[int, Any], looks: bool
) -> None:
    [budi] = leads(shop)
    meta.answers = lambda body: refusal
    send()
    assert len(meta.requests) == 1
    removed_late(shop, budi)
    if looks:
        assert look().dropped == 1
    connect(meta, access_token="EAAB-baru")
    conversion_settings.send_failed_again(actor=UserFactory(role="owner"))
    assert send(30).sent == 0
    assert len(meta.requests) == 1
    assert states() == []


def test_a_label_that_turns_out_to_be_earlier_is_told_as_it_was(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection
) -> None:
    [budi] = leads(shop)
    meta.answers = lambda body: error(401, 190, "Expired")
    send()
    shop.labelled(budi, "Hot prospect", 1.5)
    look()
    meta.answers = lambda body: (200, {"events_received": len(body["data"])})
    connect(meta, access_token="EAAB-baru")
    assert send(1).sent == 1
    assert meta.requests[-1]["body"]["data"][0]["event_time"] == int(at(1.5).timestamp())


def test_what_has_become_too_old_in_the_outbox_is_not_told(
    shop: AdShop, meta: FakeMeta, connected: MetaConnection
) -> None:
    leads(shop)
    meta.answers = lambda body: error(401, 190, "Expired")
    send()
    connect(meta, access_token="EAAB-baru")
    assert send(60 * 24 * 8).sent == 0
    assert len(meta.requests) == 1
    assert states() == []


def test_what_was_tried_with_a_test_code_is_told_when_it_counts(shop: AdShop, meta: FakeMeta, db: None) -> None:
    with time_machine.travel(at(0), tick=False):
        connect(meta, test_event_code="TEST1")
    leads(shop)
    assert (send().sent, send(1).sent) == (1, 0)
    connect(meta, test_event_code="")
    assert (send(2).sent, send(3).sent) == (1, 0)
    assert ["test_event_code" in request["body"] for request in meta.requests] == [True, False]


# -- The connection ---------------------------------------------------------------------------------------------------


def test_the_token_is_encrypted_and_in_no_audit_row(meta: FakeMeta, connected: MetaConnection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token FROM transfer_metaconnection")
        assert TOKEN not in cursor.fetchone()[0]
    entry = AuditEntry.objects.get(action="metaconnection.changed")
    assert "access_token" in entry.details["fields"]
    assert TOKEN not in json.dumps(entry.details)
    connect(meta, access_token="")
    assert MetaConnection.objects.get().access_token == TOKEN


def test_what_is_missing_or_may_not_be_called_is_refused(meta: FakeMeta, db: None) -> None:
    for values, field in (
        ({"dataset_id": ""}, "dataset_id"),
        ({"access_token": ""}, "access_token"),
        ({"business_account_id": ""}, "business_account_id"),
        ({"address": "https://graph.facebook.com"}, "address"),
    ):
        with pytest.raises(ValidationError) as refused:
            connect(meta, **values)
        assert list(refused.value.message_dict) == [field]
    assert not MetaConnection.objects.exists()


def test_an_address_that_is_not_listed_is_never_called(shop: AdShop, meta: FakeMeta, connected: MetaConnection) -> None:
    leads(shop)
    MetaConnection.objects.update(address="http://169.254.169.254")
    send()
    assert MetaConnection.objects.get().stopped == "host_not_allowed"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://graph.facebook.com/v25.0", True),
        ("https://GRAPH.facebook.com:8443/", True),
        ("https://waha:3000/", True),
        ("https://waha:3001/", False),
        ("http://[::1]:80/", True),
        ("http://graph.facebook.com/", False),
        ("https://graph.facebook.com.evil.id/", False),
        ("https://graph.facebook.com@evil.id/", False),
        ("https://evil.id/?graph.facebook.com", False),
        ("file:///etc/passwd", False),
        ("https://graph.facebook.com:99999/", False),
        ("", False),
    ],
)
def test_only_listed_hosts_may_be_called(settings: Any, address: str, allowed: bool) -> None:
    settings.GATEWAY_HOSTS = ["graph.facebook.com", "waha:3000", "[::1]"]
    assert is_allowed(address) is allowed
