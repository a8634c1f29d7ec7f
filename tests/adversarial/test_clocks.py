"""Case 32: times in every spelling, and the ones that cannot be true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.models import Message
from labels.models import LabelEvent
from tests.adversarial.number import BUDI, Number, crossed, minutes

pytestmark = pytest.mark.django_db

CLOCKS = {"waha": "gateway", "gowa": "whatsapp", "wuzapi": "whatsapp", "generic": "gateway"}
THEN = datetime(2026, 3, 2, 3, 1, tzinfo=UTC)
EPOCH = int(THEN.timestamp())
AS_TOLD = [
    (EPOCH, THEN), (EPOCH * 1000, THEN), (str(EPOCH), THEN), (str(EPOCH * 1000), THEN),
    (EPOCH + 0.853, THEN + timedelta(milliseconds=853)), (EPOCH * 1000 + 5, THEN + timedelta(milliseconds=5)),
    ("2026-03-02T03:01:00Z", THEN), ("2026-03-02T10:01:00+07:00", THEN), ("2026-03-02T00:01:00-0300", THEN),
    ("2026-03-02T03:01:00.250Z", THEN + timedelta(milliseconds=250)),
    ("2026-03-02 03:01:00Z", THEN), ("2026-03-02T03:01:00.123456789Z", THEN + timedelta(microseconds=123456)),
]  # fmt: skip
NOT_TOLD: list[Any] = [
    0, "0", None, -5, "", "gestern", True, [], {}, "1970-01-01T00:00:00Z", "1601-01-01T00:00:00Z", 10**19,
    "2026-02-30T10:00:00Z", "2026-03-02T25:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", 1e300,
    "2026-03-02", "10:01", "2008-12-31T00:00:00Z",
]  # fmt: skip


def heard(gateway: str, at: Any) -> LabelEvent:
    """The event that a label change told at `at` became, received an hour after `THEN`."""
    number = Number(gateway)

    def date(content: Any) -> None:
        where = content["event"] if gateway == "wuzapi" else content
        where["at" if gateway == "generic" else "Timestamp" if gateway == "wuzapi" else "timestamp"] = at

    post = number.edited(number.say.label_on_chat(BUDI, "7", on=True, at=THEN), date)
    number.take(post, received=THEN + timedelta(hours=1))
    return LabelEvent.objects.get()


@pytest.mark.parametrize(("spelling", "gateway"), crossed(AS_TOLD, tuple(CLOCKS)), ids=repr)
def test_case_32_a_time_is_read_in_every_spelling(spelling: tuple[Any, datetime], gateway: str) -> None:
    told, meant = spelling
    event = heard(gateway, told)
    assert (event.occurred_at, event.occurred_at_source, event.capped) == (meant, CLOCKS[gateway], False)


@pytest.mark.parametrize(("told", "gateway"), crossed(NOT_TOLD, tuple(CLOCKS)), ids=repr)
def test_case_32_a_time_that_says_nothing_is_our_receipt(gateway: str, told: Any) -> None:
    event = heard(gateway, told)
    assert (event.occurred_at, event.occurred_at_source) == (event.received_at, "received")


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(days=3), timedelta(days=4000)])
@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "generic"])
def test_case_32_a_time_after_its_receipt_is_our_receipt_and_says_so(gateway: str, ahead: timedelta) -> None:
    event = heard(gateway, (THEN + timedelta(hours=1) + ahead).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (event.occurred_at, event.occurred_at_source, event.capped) == (event.received_at, "received", True)


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi"])
def test_case_32_a_gateways_time_without_an_offset_is_not_believed(gateway: str) -> None:
    assert heard(gateway, "2026-03-02T03:01:00").occurred_at_source == "received"


def test_case_32_the_bridges_time_without_an_offset_is_business_time() -> None:
    assert heard("generic", "2026-03-02T10:01:00").occurred_at == THEN


@pytest.mark.parametrize(
    ("zone", "hours"), [("America/Sao_Paulo", -3), ("Asia/Jakarta", 7), ("UTC", 0), ("Asia/Jayapura", 9)]
)
def test_case_32_evolutions_false_z_is_corrected_by_the_machines_time_zone(zone: str, hours: int) -> None:
    number = Number("evolution", timezone=zone)
    number.say.wall_offset_hours = hours
    number.take(number.say.label_on_chat(BUDI, "7", on=True, at=THEN))
    event = LabelEvent.objects.get()
    assert (event.occurred_at, event.occurred_at_source) == (THEN, "gateway")


def test_case_32_evolutions_time_without_a_time_zone_is_never_taken_for_utc() -> None:
    number = Number("evolution", timezone="")
    number.take(number.say.label_on_chat(BUDI, "7", on=True, at=THEN), received=THEN)
    event = LabelEvent.objects.get()
    assert (event.occurred_at, event.occurred_at_source) == (event.received_at, "received")


def test_case_32_wppconnect_dates_messages_and_not_labels() -> None:
    """Its labels carry no time and are dated by receipt."""
    number = Number("wppconnect")
    number.label(BUDI, "7", minutes(3))
    number.hear(number.say.message(BUDI, at=minutes(2)))
    number.drain()
    assert LabelEvent.objects.get().occurred_at_source == "received"
    assert (Message.objects.get().at, Message.objects.get().at_source) == (minutes(2), "whatsapp")


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution", "wppconnect", "cloudapi"])
def test_case_32_a_messages_time_is_whatsapps_own(gateway: str) -> None:
    number = Number(gateway)
    number.take(number.say.message(BUDI, at=THEN))
    assert (Message.objects.get().at, Message.objects.get().at_source) == (THEN, "whatsapp")


def test_case_32_a_reactions_fractional_seconds_are_read() -> None:
    number = Number("waha")
    post = number.say.message(BUDI, at=THEN, event="message.reaction")
    number.take(number.edited(post, lambda content: content["payload"].update(timestamp=EPOCH + 0.853)))
    assert Message.objects.get().at == THEN + timedelta(milliseconds=853)
