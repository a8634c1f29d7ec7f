"""Who is who: people known by phone, LID, Meta's ids, and what they change to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Channel, Contact, ContactIdentity, ContactMerge, Message
from labels.models import LabelAssignment
from labels.services import merging
from labels.services.rebuilding import rebuild
from tests.factories import ChannelFactory
from tests.webhooks.telling import changed, label, message, minutes, person, seen, tell

pytestmark = pytest.mark.django_db

BUDI, BUDI_NEW, SITI = "+6281290001111", "+6281290003333", "+6281290002222"
USER, PARENT = "ID.1234567890", "ID.ENT.9876543210"
ALL_FOUR = {"phone": BUDI, "lid": "210987654321098", "user_id": USER, "parent_id": PARENT}


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory(key="cs1", gateway="cloudapi")


@pytest.fixture(autouse=True)
def _rebuilding_finds_nothing(db: None) -> Iterator[None]:
    yield
    assert rebuild(write=False) == 0


def leading(contact: Contact) -> tuple[str, str, str]:
    contact.refresh_from_db()
    return (contact.phone, contact.lid, contact.user_id)


def test_somebody_with_a_user_id_alone_is_a_contact(channel: Channel) -> None:
    tell(channel, message(person(user_id=USER, parent_id=PARENT), 1, username="budi.kaos"))
    contact = Contact.objects.get()
    assert (contact.user_id, contact.phone, contact.username) == (USER, "", "budi.kaos")
    assert contact.address == "@budi.kaos"
    kinds = ContactIdentity.objects.order_by("kind").values_list("kind", "value", "contact")
    assert list(kinds) == [("parent_id", PARENT, contact.pk), ("user_id", USER, contact.pk)]


@pytest.mark.parametrize("kinds", list(itertools.combinations(ALL_FOUR, 2)), ids="-".join)
@pytest.mark.parametrize("together", [True, False])
def test_any_two_identifiers_told_together_make_one_contact(
    channel: Channel, kinds: tuple[str, str], together: bool
) -> None:
    events = [
        *(message(person(**{kind: ALL_FOUR[kind]}), n) for n, kind in enumerate(kinds)),
        *(label(person(**{kind: ALL_FOUR[kind]}), "7", 2) for kind in kinds),
        message(person(**{kind: ALL_FOUR[kind] for kind in kinds}), 5),
    ]
    for batch in [events] if together else [[event] for event in events]:
        tell(channel, *batch)
    contact = Contact.objects.get()
    assert ContactIdentity.objects.filter(contact=contact).count() == 2
    assert Message.objects.filter(contact=contact).count() == 3
    assert LabelAssignment.objects.get().contact == contact
    assert leading(contact) == tuple(ALL_FOUR[k] if k in kinds else "" for k in ("phone", "lid", "user_id"))


def test_a_parent_id_finds_the_same_person_under_another_portfolio(channel: Channel) -> None:
    tell(channel, message(person(user_id=USER, parent_id=PARENT), 1))
    tell(channel, message(person(user_id="ID.555", parent_id=PARENT), 2))
    contact = Contact.objects.get()
    assert set(ContactIdentity.objects.filter(contact=contact).values_list("value", flat=True)) == {
        USER, "ID.555", PARENT,
    }  # fmt: skip
    assert contact.user_id == USER


def test_a_user_id_that_learns_the_phone_of_a_contact_joins_it(channel: Channel) -> None:
    tell(channel, label(person(BUDI), "7", 1), message(person(user_id=USER), 2))
    tell(channel, seen(person(BUDI, user_id=USER), name="Budi"))
    contact = Contact.objects.get()
    assert leading(contact) == (BUDI, "", USER)
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    tell(channel, message(person(BUDI, user_id=USER), 3))
    assert Contact.objects.count() == 2, "a person parted them"


def test_two_with_a_phone_each_are_not_joined_by_a_shared_user_id(channel: Channel) -> None:
    tell(channel, message(person(BUDI, user_id=USER), 1), message(person(SITI), 2))
    tell(channel, message(person(SITI, user_id=USER), 3))
    assert Contact.objects.count() == 2
    assert not ContactMerge.objects.exists()


KNOWN: dict[str, list[Any]] = {
    "neither": [],
    "old": [message(person(BUDI), 1)],
    "new": [message(person(BUDI_NEW), 2)],
    "both": [message(person(BUDI), 1), label(person(BUDI), "7", 1), message(person(BUDI_NEW), 2)],
}


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("together", [True, False])
def test_a_changed_number_is_one_contact_and_the_new_one_leads(channel: Channel, known: str, together: bool) -> None:
    change = changed(person(BUDI), person(BUDI_NEW), 5)
    for batch in [[*KNOWN[known], change]] if together else [KNOWN[known], [change]]:
        tell(channel, *batch)
    contact = Contact.objects.get()
    assert contact.phone == BUDI_NEW
    tell(channel, message(person(BUDI), 8), message(person(BUDI_NEW), 9))
    assert leading(contact)[0] == BUDI_NEW
    assert Message.objects.filter(contact=contact).count() == Message.objects.count()
    assert ContactIdentity.objects.filter(contact=contact).count() == 2


def test_an_older_change_told_late_does_not_take_the_lead_back(channel: Channel) -> None:
    tell(channel, message(person(BUDI), 1))
    tell(channel, changed(person(BUDI_NEW), person(SITI), 9))
    tell(channel, changed(person(BUDI), person(BUDI_NEW), 5))
    assert Contact.objects.get().phone == SITI
    tell(channel, changed(person(SITI), person(BUDI), 12))
    assert Contact.objects.get().phone == BUDI


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_changes_come_to_the_same_in_any_order(channel: Channel, order: tuple[int, ...]) -> None:
    events = [
        message(person(BUDI), 1),
        changed(person(BUDI), person(BUDI_NEW, user_id="ID.new"), 5),
        changed(person(BUDI_NEW), person(SITI), 9),
        label(person(SITI), "7", 12),
    ]
    for n in order:
        tell(channel, events[n])
    assert leading(Contact.objects.get()) == (SITI, "", "ID.new")


def test_a_change_is_undone_with_both_numbers_back(channel: Channel) -> None:
    tell(channel, message(person(BUDI), 1), message(person(BUDI_NEW), 2))
    tell(channel, changed(person(BUDI), person(BUDI_NEW), 5))
    record = ContactMerge.objects.get()
    assert record.reason == "number_changed"
    merging.unmerge(record=record, actor=None)
    assert set(Contact.objects.values_list("phone", flat=True)) == {BUDI, BUDI_NEW}
    tell(channel, changed(person(BUDI), person(BUDI_NEW), 5))
    assert Contact.objects.count() == 2, "a person parted them"


def test_a_change_shows_the_contact_on_the_channel_that_told_it(channel: Channel) -> None:
    tell(channel, changed(person(BUDI), person(BUDI_NEW), 5))
    assert list(Contact.objects.get().on_channels.values_list("channel", "first_seen_at")) == [(channel.pk, minutes(5))]


def test_the_latest_username_wins_whatever_comes_first(channel: Channel) -> None:
    tell(channel, message(person(user_id=USER), 5, username="budi.baru"))
    tell(channel, message(person(user_id=USER), 3, username="budi"))
    assert Contact.objects.get().username == "budi.baru"
    tell(channel, message(person(user_id=USER), 6, username="budi"), message(person(user_id=USER), 7))
    assert Contact.objects.get().username == "budi"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("together", [True, False])
def test_a_username_that_somebody_else_has_now_leaves_its_earlier_holder(
    channel: Channel, order: tuple[int, ...], together: bool
) -> None:
    events = [
        message(person(BUDI), 1, username="kaos"),
        message(person(SITI), 5, username="Kaos"),
        message(person(BUDI_NEW), 3, username="kaos"),
    ]
    batch = [events[n] for n in order]
    for one in [batch] if together else [[event] for event in batch]:
        tell(channel, *one)
    assert dict(Contact.objects.values_list("phone", "username")) == {BUDI: "", SITI: "Kaos", BUDI_NEW: ""}


def test_a_living_contact_survives_an_archived_one(channel: Channel) -> None:
    tell(channel, message(person(BUDI), 1), message(person(lid="210987654321098"), 2))
    Contact.objects.filter(phone=BUDI).update(deleted_at=timezone.now())
    tell(channel, message(person(BUDI, lid="210987654321098"), 3))
    contact = Contact.objects.get()
    assert leading(contact)[:2] == (BUDI, "210987654321098")
    assert Message.objects.filter(contact=contact).count() == 3


def test_a_batch_that_joins_people_updates_figures_once(channel: Channel) -> None:
    """Two merges and two labels in one batch: what is derived from them is read and compared once."""
    for n, phone in enumerate((BUDI, SITI)):
        tell(channel, label(person(phone), "7", n), label(person(lid=f"21098765432109{n}"), "8", n))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        tell(
            channel,
            *(label(person(phone, lid=f"21098765432109{n}"), "9", 5) for n, phone in enumerate((BUDI, SITI))),
        )
    assert ContactMerge.objects.count() == 2
    looked = [q for q in queries.captured_queries if "SELECT 1 FROM labels_staleflag f WHERE" in q["sql"]]
    assert len(looked) == 1, "the last query of whoever updates figures"


def test_a_batch_of_many_new_pairs_costs_as_many_queries_as_one(channel: Channel) -> None:
    counts = []
    for start, size in ((100, 1), (200, 40)):
        chats = [person(f"+62812{n:08}", lid=f"77{n:010}") for n in range(start, start + size)]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            tell(channel, *(message(chat, 1) for chat in chats))
        counts.append(len(queries))
    assert counts[0] == counts[1]
