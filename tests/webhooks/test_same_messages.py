"""One message told under two addresses: `@lid` first, `@c.us` later, or in any other order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Channel, Contact, ContactIdentity, ContactMerge, Message
from labels.models import LabelAssignment
from labels.services import merging
from labels.services.rebuilding import rebuild
from tests.factories import ChannelFactory
from tests.webhooks.telling import label, message, minutes, person, tell

pytestmark = pytest.mark.django_db

BUDI, SITI = "+6281290001111", "+6281290002222"
LID = "210987654321098"
ID = "3EB0C767D26A1D8F5A3C"


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory(key="cs1")


@pytest.fixture(autouse=True)
def _rebuilding_finds_nothing(db: None) -> Iterator[None]:
    yield
    assert rebuild(write=False) == 0


def both(at: float = 5, **more: Any) -> list[Any]:
    return [message(person(lid=LID), at, message_id=ID, **more), message(person(BUDI), at, message_id=ID, **more)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_message_and_label_come_to_one_contact_in_any_order(
    channel: Channel, order: tuple[int, ...], size: int
) -> None:
    events = [*both(text="Halo"), label(person(lid=LID), "7", 6), label(person(BUDI), "9", 7)]
    for start in range(0, 4, size):
        tell(channel, *(events[n] for n in order[start : start + size]))
    contact = Contact.objects.get()
    assert (contact.phone, contact.lid) == (BUDI, LID)
    assert Message.objects.get().contact == contact
    assert LabelAssignment.objects.filter(contact=contact).count() == 2
    assert contact.on_channels.get().last_inbound_at == minutes(5)


def test_what_was_joined_by_a_message_can_be_parted_and_stays_so(channel: Channel) -> None:
    tell(channel, *both())
    record = ContactMerge.objects.get()
    assert record.reason == "same_message"
    merging.unmerge(record=record, actor=None)
    tell(channel, *both())
    assert Contact.objects.count() == 2


def test_a_stub_and_its_message_are_one_person(channel: Channel) -> None:
    stub, whole = both(text="Halo")
    tell(channel, replace(stub, kind="waiting", text=""))
    tell(channel, whole)
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("message_id", ["0", "000000", "null", "undefined", "-", "17", "123456789", "???"])
def test_an_id_that_is_none_joins_nobody(channel: Channel, message_id: str) -> None:
    for chat in (person(lid=LID), person(BUDI)):
        tell(channel, message(chat, 5, message_id=message_id))
    assert Contact.objects.count() == 2


CONTRADICTIONS: dict[str, list[Any]] = {
    "direction": [message(person(lid=LID), 5, message_id=ID), message(person(BUDI), 5, message_id=ID, from_me=True)],
    "time": [message(person(lid=LID), 5, message_id=ID), message(person(BUDI), 8, message_id=ID)],
    "text": [
        message(person(lid=LID), 5, message_id=ID, text="Halo"),
        message(person(BUDI), 5, message_id=ID, text="Mau pesan"),
    ],
    "two phones": [message(person(BUDI), 5, message_id=ID), message(person(SITI), 5, message_id=ID)],
    "a third": [*both(), message(person(lid="310987654321098"), 5, message_id=ID)],
}


@pytest.mark.parametrize("why", CONTRADICTIONS)
@pytest.mark.parametrize("together", [True, False])
def test_tellings_that_contradict_each_other_join_nobody(channel: Channel, why: str, together: bool) -> None:
    events = CONTRADICTIONS[why]
    if why == "a third" and not together:
        pytest.skip("the first two agreed before the third came")
    for batch in [events] if together else [[event] for event in events]:
        tell(channel, *batch)
    assert Contact.objects.count() == len(events)
    assert not ContactMerge.objects.exists()


def test_two_people_with_a_phone_each_are_not_joined_by_a_message_of_the_lid_of_one(channel: Channel) -> None:
    tell(channel, message(person(SITI, lid=LID), 1))
    tell(channel, *both())
    assert Contact.objects.count() == 2
    assert set(ContactIdentity.objects.values_list("contact__phone", "kind")) == {
        (SITI, "phone"), (SITI, "lid"), (BUDI, "phone"),
    }  # fmt: skip


def test_the_same_id_on_another_number_is_another_message(channel: Channel) -> None:
    first, second = both()
    tell(channel, first)
    tell(ChannelFactory(key="cs2"), second)
    assert Contact.objects.count() == 2


def test_a_batch_of_many_messages_costs_as_many_queries_as_one(channel: Channel) -> None:
    counts = []
    for size in (1, 40):
        with CaptureQueriesContext(connection) as queries:
            tell(channel, *(message(person(f"+62812{size:02}{n:08}"), 1) for n in range(size)))
        counts.append(len(queries))
    assert counts[0] == counts[1]
