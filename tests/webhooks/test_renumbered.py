"""Mexico, Argentina and Brazil: two forms of one number are one person, and WhatsApp's own form leads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from api.base.lookups import contact_addressed
from contacts.models import Channel, Contact, ContactIdentity, ContactMerge, Message
from contacts.services.directory import resolve
from contacts.services.importing import ContactFields, ContactRow, create_or_update_contacts, owners_of
from desk.contacts.search import find
from labels.services import merging
from labels.services.rebuilding import rebuild
from tests.factories import ChannelFactory, ContactFactory
from tests.webhooks.telling import changed, label, message, person, tell

pytestmark = pytest.mark.django_db

FORMS = [
    ("+5215512345678", "+525512345678"),
    ("+5491123456789", "+541123456789"),
    ("+5511987654321", "+551187654321"),
]
BOTH_WAYS = [*FORMS, *((new, old) for old, new in FORMS)]


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory(key="cs1")


@pytest.fixture(autouse=True)
def _rebuilding_finds_nothing(db: None) -> Iterator[None]:
    yield
    assert rebuild(write=False) == 0


def phones() -> set[str]:
    return set(ContactIdentity.objects.filter(kind="phone").values_list("value", flat=True))


def imported(*numbers: str) -> None:
    lines = {n: ContactRow(None, phone, ContactFields(name=f"Baris {n}")) for n, phone in enumerate(numbers)}
    assert create_or_update_contacts(lines, actor=None).refused == {}


@pytest.mark.parametrize(("typed", "told"), BOTH_WAYS)
def test_the_form_that_whatsapp_uses_leads_over_the_one_of_a_file(channel: Channel, typed: str, told: str) -> None:
    imported(typed)
    assert Contact.objects.get().phone == typed
    tell(channel, message(person(told), 1), label(person(told), "7", 2))
    contact = Contact.objects.get()
    assert (contact.phone, phones()) == (told, {typed, told})
    imported(typed)
    assert Contact.objects.get().phone == told


@pytest.mark.parametrize(("one", "other"), BOTH_WAYS)
def test_a_file_finds_whoever_is_known_in_the_other_form_and_adds_no_number(
    channel: Channel, one: str, other: str
) -> None:
    tell(channel, message(person(one), 1))
    contact = Contact.objects.get()
    assert owners_of(phones=[other], lids=[]).phones[other] == contact.pk
    imported(other)
    assert Contact.objects.get().phone == one
    assert phones() == {one}


def test_both_forms_in_one_file_or_one_batch_are_one_contact(channel: Channel) -> None:
    for one, other in FORMS:
        imported(one, other)
    assert Contact.objects.count() == len(FORMS)
    Contact.objects.all().delete()
    tell(channel, *(message(person(form), 1) for pair in FORMS for form in pair))
    assert Contact.objects.count() == len(FORMS)
    assert not ContactMerge.objects.exists()


@pytest.mark.parametrize(("one", "other"), BOTH_WAYS)
def test_every_form_finds_the_contact(channel: Channel, one: str, other: str) -> None:
    tell(channel, message(person(one), 1))
    contact = Contact.objects.get()
    assert contact_addressed(other) == contact.pk
    for term in (other, other.removeprefix("+"), f"{other.removeprefix('+')}@c.us"):
        assert find(Contact.objects.all(), term).get() == contact


@pytest.mark.parametrize(("one", "other"), BOTH_WAYS)
def test_two_contacts_of_one_number_join_when_whatsapp_speaks_of_it(channel: Channel, one: str, other: str) -> None:
    ContactFactory(phone=one, name="Ana")
    ContactFactory(phone=other)
    tell(channel, message(person(other), 1), label(person(one), "7", 1))
    contact = Contact.objects.get()
    assert contact.name == "Ana"
    record = ContactMerge.objects.get()
    assert record.reason == "same_number"
    merging.unmerge(record=record, actor=None)
    tell(channel, message(person(other), 3))
    assert Contact.objects.count() == 2, "a person parted them"


def test_a_number_that_changed_away_is_not_led_back_by_its_other_form(channel: Channel) -> None:
    typed, told = FORMS[0]
    imported(typed)
    tell(channel, changed(person(typed), person("+6281290001111"), 10))
    tell(channel, message(person(told), 5))
    assert Contact.objects.get().phone == "+6281290001111"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("one", "other"), FORMS)
def test_the_form_told_last_leads_however_rows_are_cut(channel: Channel, one: str, other: str, together: bool) -> None:
    events = [message(person(one), 1), label(person(other), "7", 2)]
    for batch in [events] if together else [[event] for event in events]:
        tell(channel, *batch)
    assert Contact.objects.get().phone == other


def test_numbers_elsewhere_and_short_ones_have_no_other_form(channel: Channel) -> None:
    for phone in ("+6281290001111", "+15512345678", "+5212345", "+34911234567"):
        ContactFactory(phone=phone)
    tell(channel, message(person("+6281290001111"), 1))
    assert Contact.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_forms_made_by_two_lanes_at_once_are_merged_when_next_seen() -> None:
    channel = ChannelFactory(key="cs1")
    one, other = FORMS[0]
    both_have_looked = threading.Barrier(2)

    def lane(form: str) -> None:
        from django.db import transaction

        with transaction.atomic():
            resolve({person(form): timezone.now()})
            both_have_looked.wait(timeout=20)
        connection.close()

    lanes = [threading.Thread(target=lane, args=(form,)) for form in (one, other)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    tell(channel, message(person(one), 3), message(person(other), 4))
    contact = Contact.objects.get()
    assert Message.objects.filter(contact=contact).count() == 2
    assert phones() == {one, other}
