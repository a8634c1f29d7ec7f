"""Chats with people who work here are no contacts': neither the brief that comes back nor what they write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact, ContactIdentity, StaffNumber
from tests.factories import UserFactory
from tests.webhooks.generic import Bridge
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
STAFF, CUSTOMER = "628123456789", "628111111111"


@pytest.fixture
def bridge() -> Bridge:
    return Bridge(agent="rina")


def number(**values: object) -> StaffNumber:
    return StaffNumber.objects.create(user=UserFactory(), phone=f"+{STAFF}", **values)


def message(bridge: Bridge, chat: str, *, ours: bool, n: int, **more: object) -> None:
    bridge.post(
        "message", chat=chat, message={"id": f"M{n}", "text": "halo", "from_me": ours}, at=MON + timedelta(minutes=n),
        **more,
    )  # fmt: skip


def outcome() -> list[tuple[str, str]]:
    return list(InboundEvent.objects.order_by("id").values_list("state", "reason"))


def test_a_chat_with_a_confirmed_number_is_ignored_and_not_kept(bridge: Bridge) -> None:
    number(verified_at=MON)
    message(bridge, STAFF, ours=True, n=1)
    message(bridge, STAFF, ours=False, n=2)
    bridge.label("added", "5", STAFF, at=MON + timedelta(minutes=3))
    message(bridge, CUSTOMER, ours=False, n=4)
    bridge.drain()
    assert outcome() == [("ignored", "staff_number")] * 3 + [("applied", "")]
    assert [bytes(body) for body in InboundEvent.objects.order_by("id").values_list("body", flat=True)[:3]] == [b""] * 3
    assert list(Contact.objects.values_list("phone", flat=True)) == [f"+{CUSTOMER}"]


def test_of_a_number_that_waits_for_its_code_only_our_messages_are_ignored(bridge: Bridge) -> None:
    """Whoever writes from it may be a customer, whose number somebody mistyped."""
    number(code_hash="x", code_expires_at=timezone.now() + timedelta(minutes=5))
    message(bridge, STAFF, ours=True, n=1)
    bridge.drain()
    assert outcome() == [("ignored", "staff_number")]
    message(bridge, STAFF, ours=False, n=2)
    bridge.drain()
    assert Contact.objects.get().phone == f"+{STAFF}"


@pytest.mark.parametrize("phone", [f"+{STAFF}", ""])
def test_a_number_that_is_nobodys_any_more_is_a_contact_like_any_other(bridge: Bridge, phone: str) -> None:
    StaffNumber.objects.create(
        user=UserFactory(), phone=phone, code_hash="x", code_expires_at=timezone.now() - timedelta(seconds=1)
    )
    message(bridge, STAFF, ours=True, n=1)
    bridge.drain()
    assert outcome() == [("applied", "")]


def test_a_lid_that_came_with_the_number_is_known_from_then_on(bridge: Bridge) -> None:
    row = number(verified_at=MON)
    message(bridge, "99887766554433@lid", ours=True, n=1, phone=STAFF)
    bridge.drain()
    row.refresh_from_db()
    if not row.lid:
        pytest.fail("the LID was not learnt")
    message(bridge, "99887766554433@lid", ours=False, n=2)
    bridge.drain()
    assert outcome() == [("ignored", "staff_number")] * 2
    assert not ContactIdentity.objects.exists()


def test_a_batch_asks_once_for_the_people_who_work_here(bridge: Bridge) -> None:
    for n in range(3):
        message(bridge, CUSTOMER, ours=False, n=n)
    with CaptureQueriesContext(connection) as queries:
        bridge.drain()
    assert len([query for query in queries if "contacts_staffnumber" in query["sql"]]) == 1
