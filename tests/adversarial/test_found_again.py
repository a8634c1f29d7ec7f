"""Cases 9-11 and 44: what a gateway replays after a pairing was there already, and silence removes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contacts.models import Channel, ChannelStatusEvent
from contacts.services.connections import forget_repeated_statuses
from labels.models import LabelAssignment, LabelDay, LabelEvent
from tests.adversarial.number import BUDI, Number, minutes, phone, states
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
WITH_STATUS = ("waha", "wuzapi", "wuzapi-form", "evolution", "evolution-untimed", "wppconnect", "generic")


def connected(gateway: str) -> Number:
    """A number of CS Rina; an untimed Evolution is one whose time zone nobody told us."""
    more = {"timezone": ""} if gateway == "evolution-untimed" else {}
    return Number(gateway.removesuffix("-untimed"), agent="rina", team="Sales", **more)


def comes_up(number: Number, at: Any, *, down_at: Any = None) -> None:
    """The connection was down for a while and works again; Wuzapi and WPPConnect do not say when."""
    if down_at is not None:
        number.hear(number.say.status(working=False, at=down_at), received=down_at)
    number.hear(number.say.status(working=True, at=at), received=at)


def burst(number: Number, count: int, *, start: Any, apart: float = 1.0) -> None:
    for n in range(count):
        number.label(phone(n), "7", start + timedelta(seconds=n * apart))


def origins() -> set[tuple[str, str | None, str]]:
    return set(LabelAssignment.objects.values_list("origin", "added_by__name", "added_by_method"))


@pytest.mark.parametrize("status_first", [True, False])
@pytest.mark.parametrize("gateway", WITH_STATUS)
def test_case_09_a_burst_after_the_connection_came_up_was_there_already(gateway: str, status_first: bool) -> None:
    number = connected(gateway)
    if status_first:
        comes_up(number, minutes(10), down_at=minutes(9))
    burst(number, 10, start=minutes(10.1))
    if not status_first:
        number.drain()
        comes_up(number, minutes(10), down_at=minutes(9))
    number.drain()
    assert origins() == {("resync", None, "unknown")}
    assert len(number.intervals()) == 10
    assert sum(LabelDay.objects.filter(scope=0).values_list("added", flat=True)) == 0
    assert sum(LabelDay.objects.filter(scope=0).values_list("found", flat=True)) == 10


@pytest.mark.parametrize("gateway", WITH_STATUS)
def test_case_09_nine_adds_after_a_reconnect_are_work(gateway: str) -> None:
    number = connected(gateway)
    comes_up(number, minutes(10), down_at=minutes(9))
    burst(number, 9, start=minutes(10.1))
    number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}


@pytest.mark.parametrize("gateway", WITH_STATUS)
def test_case_09_a_minute_later_it_is_work_again(gateway: str) -> None:
    number = connected(gateway)
    comes_up(number, minutes(10), down_at=minutes(9))
    burst(number, 20, start=minutes(10) + timedelta(seconds=61), apart=0)
    number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}


def test_case_09_gowa_tells_no_status_so_its_bursts_are_always_work() -> None:
    number = connected("gowa")
    burst(number, 40, start=minutes(10), apart=0)
    number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}


def test_case_09_a_burst_that_wuzapi_catches_up_on_is_work() -> None:
    """What people did while the gateway was away has times from before it came back."""
    number = connected("wuzapi")
    comes_up(number, minutes(60), down_at=minutes(9))
    burst(number, 20, start=minutes(20))
    number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}


def test_case_09_a_first_qr_pairing_of_waha_is_a_resync_although_it_worked_before() -> None:
    number = connected("waha")
    number.hear(number.say.status(working=True, at=minutes(1)))
    number.hear(number.say.status(working=True, at=minutes(10), came_from=("SCAN_QR_CODE", "STARTING")))
    burst(number, 10, start=minutes(10))
    number.drain()
    assert {origin for origin, *_ in origins()} == {"resync"}


@pytest.mark.parametrize("gateway", WITH_STATUS)
def test_case_09_a_replay_cut_into_single_batches_is_the_same_resync(gateway: str) -> None:
    number = connected(gateway)
    comes_up(number, minutes(10), down_at=minutes(9))
    for n in range(12):
        number.label(phone(n), "7", minutes(10) + timedelta(seconds=n))
        number.drain()
    assert origins() == {("resync", None, "unknown")}


@pytest.mark.parametrize("gateway", ["waha", "evolution"])
def test_case_10_a_replay_of_five_hundred_labels_that_are_on_opens_none(gateway: str) -> None:
    number = connected(gateway)
    for n in range(500):
        number.label(phone(n), "7", minutes(1) + timedelta(seconds=n))
    number.drain()
    before = number.intervals()
    comes_up(number, minutes(60), down_at=minutes(50))
    for n in range(500):
        number.label(phone(n), "7", minutes(60) + timedelta(seconds=n / 50))
    number.drain()
    assert number.intervals() == before
    assert origins() == {("live", "Rina", "channel_owner")}
    assert states().count("duplicate") == 500
    assert LabelEvent.objects.filter(origin="resync", effect="none").count() == 500


def test_case_11_what_a_replay_leaves_out_stays_on() -> None:
    number = connected("waha")
    for n in range(12):
        number.label(phone(n), "7", minutes(1))
    comes_up(number, minutes(60), down_at=minutes(50))
    for n in range(11):
        number.label(phone(n), "7", minutes(60))
    number.drain()
    assert [removed for _, removed in number.spans()] == [None] * 12


def test_case_11_a_removal_inside_a_replay_is_still_a_removal() -> None:
    number = connected("evolution")
    number.label(BUDI, "7", minutes(1))
    comes_up(number, minutes(60), down_at=minutes(50))
    burst(number, 12, start=minutes(60))
    number.label(BUDI, "7", minutes(60.5), on=False)
    number.drain()
    row = LabelAssignment.objects.get(contact__phone=f"+{BUDI}")
    assert (row.origin, row.removed_at, row.removed_reason) == ("live", minutes(60.5), "removed")


@pytest.mark.parametrize(
    ("word", "status"), [("FAILED", "failed"), ("SCAN_QR_CODE", "pairing"), ("STOPPED", "stopped")]
)
def test_case_44_a_number_that_fell_silent_says_so(word: str, status: str) -> None:
    number = connected("waha")
    number.take(number.say.status(working=True, at=minutes(1)))
    told = {"name": "cs", "status": word, "statuses": [{"status": word, "timestamp": 1}]}
    number.take(number.say.event("session.status", told, at=minutes(9)))
    number.take(number.say.status(working=True, at=minutes(5)))
    channel = Channel.objects.get()
    assert (channel.status, channel.status_at) == (status, minutes(9))
    assert list(InboundEvent.objects.values_list("state", flat=True)) == ["applied"] * 3


def test_case_09_a_stop_that_is_told_late_makes_the_burst_a_resync() -> None:
    number = connected("waha")
    number.hear(number.say.status(working=True, at=minutes(1)), number.say.status(working=True, at=minutes(10)))
    burst(number, 12, start=minutes(10.1))
    number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}
    number.take(number.say.status(working=False, at=minutes(9)))
    assert origins() == {("resync", None, "unknown")}


def test_case_44_repeated_statuses_are_forgotten_and_changes_are_kept() -> None:
    """A number that waits for its QR code reports the same status again and again."""
    number = connected("evolution")
    said = [(True, 1), (False, 2), (False, 3), (False, 4), (True, 10), (True, 11), (False, 12), (False, 99)]
    for working, at in said:
        number.hear(number.say.status(working=working, at=minutes(at)))
    number.drain()
    assert ChannelStatusEvent.objects.count() == 8
    assert forget_repeated_statuses(before=minutes(50)) == 3
    assert [minutes(at) for at in (1, 2, 10, 12, 99)] == list(
        ChannelStatusEvent.objects.order_by("at").values_list("at", flat=True)
    )
    burst(number, 10, start=minutes(10.5))
    number.drain()
    assert origins() == {("resync", None, "unknown")}


def test_case_09_five_adds_told_by_two_webhooks_are_not_ten() -> None:
    number = connected("waha")
    comes_up(number, minutes(10), down_at=minutes(9))
    for n in range(2):
        burst(number, 5, start=minutes(10.1) + timedelta(milliseconds=n))
        number.drain()
    assert origins() == {("live", "Rina", "channel_owner")}
