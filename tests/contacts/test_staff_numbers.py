"""A user's own number: what is asked before anything goes out, and the code that makes it theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Channel, StaffNumber
from contacts.services import staff_messages, staff_numbers
from contacts.services.staff_numbers import MOST_CODES, MOST_TRIES, ask, confirm, number_of, take_back
from labelcrm.core.models import AuditEntry, User
from tests.factories import ChannelFactory, ContactFactory, UserFactory
from tests.webhooks.gateways.sending import FakeGateway, answers_as, fake_gateway
from webhooks.gateways.sending import SendOutcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


PHONE = "+628123456789"


@pytest.fixture
def waha() -> Iterator[FakeGateway]:
    with fake_gateway(answers_as("waha")) as server:
        yield server


@pytest.fixture
def channel(waha: FakeGateway) -> Channel:
    return sender(waha)


def sender(gateway: FakeGateway, **values: Any) -> Channel:
    """A number behind this gateway that may send."""
    return ChannelFactory(gateway="waha", base_url=gateway.address, api_key="r4hasia", **values)


@pytest.fixture
def rina() -> User:
    return UserFactory(username="rina", language="id")


def code_in(gateway: FakeGateway) -> str:
    text = json.loads(gateway.received[-1].body)["text"]
    return re.findall(r"\d{6}", text)[0]


def test_a_number_is_ones_own_once_the_code_came_back(rina: User, channel: Channel, waha: FakeGateway) -> None:
    assert ask(rina, "0812 3456-789", channel=channel).outcome is SendOutcome.SENT
    assert json.loads(waha.received[0].body)["chatId"] == "628123456789@c.us"
    code = code_in(waha)
    number = StaffNumber.objects.get()
    assert (number.phone, number.is_verified) == (PHONE, False)
    assert code not in number.code_hash
    assert confirm(rina, f" {code[:3]} {code[3:]} ") == ""
    number.refresh_from_db()
    assert (number.is_verified, number.code_hash) == (True, "")
    assert confirm(rina, code) != "", "a code is good once"
    assert list(AuditEntry.objects.order_by("id").values_list("action", "object_name")) == [
        ("staffnumber.asked", ""),
        ("staffnumber.confirmed", ""),
    ]
    assert not [row for row in AuditEntry.objects.all() if "8123456789" in str(row.details)]


def test_no_code_goes_to_a_contact(rina: User, channel: Channel, waha: FakeGateway) -> None:
    contact = ContactFactory(phone=PHONE)
    for archived in (False, True):
        contact.deleted_at = timezone.now() if archived else None
        contact.save()
        with pytest.raises(ValidationError, match="contact"):
            ask(rina, PHONE, channel=channel)
    assert waha.received == []
    assert number_of(rina) is None


def test_no_code_goes_to_the_other_form_of_a_contacts_number(rina: User, channel: Channel, waha: FakeGateway) -> None:
    """Mexico's mobiles are known with and without a 1."""
    ContactFactory(phone="+525512345678")
    with pytest.raises(ValidationError, match="contact"):
        ask(rina, "+5215512345678", channel=channel)
    assert waha.received == []


def test_no_code_goes_to_a_number_of_the_business(rina: User, channel: Channel, waha: FakeGateway) -> None:
    ChannelFactory(own_phone=PHONE, deleted_at=timezone.now())
    with pytest.raises(ValidationError, match="business"):
        ask(rina, PHONE, channel=channel)
    assert waha.received == []


def test_who_became_a_contact_meanwhile_is_not_confirmed(rina: User, channel: Channel, waha: FakeGateway) -> None:
    ask(rina, PHONE, channel=channel)
    ContactFactory(phone=PHONE)
    assert "contact" in confirm(rina, code_in(waha))
    assert not StaffNumber.objects.get().is_verified


def test_a_code_holds_ten_minutes(rina: User, channel: Channel, waha: FakeGateway) -> None:
    ask(rina, PHONE, channel=channel)
    with time_machine.travel(timezone.now() + staff_numbers.CODE_HOLDS, tick=False):
        assert "not hold" in confirm(rina, code_in(waha))


def test_a_code_can_be_guessed_five_times(rina: User, channel: Channel, waha: FakeGateway) -> None:
    ask(rina, PHONE, channel=channel)
    code = code_in(waha)
    wrong = "000000" if code != "000000" else "111111"
    assert {confirm(rina, wrong) for _ in range(MOST_TRIES)} == {"That is not the code."}
    assert "not hold" in confirm(rina, code)


def test_codes_are_few_within_an_hour(rina: User, channel: Channel, waha: FakeGateway) -> None:
    """Also for another number, and after the number was taken back."""
    for n in range(MOST_CODES):
        ask(rina, f"081234567{n:02}", channel=channel)
        take_back(StaffNumber.objects.get(), actor=rina)
    with pytest.raises(ValidationError, match="many codes"):
        ask(rina, PHONE, channel=channel)
    assert len(waha.received) == MOST_CODES
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        ask(rina, PHONE, channel=channel)


def test_a_code_of_another_number_does_not_fit(rina: User, channel: Channel, waha: FakeGateway) -> None:
    ask(rina, "081234567800", channel=channel)
    first = code_in(waha)
    ask(rina, PHONE, channel=channel)
    if first != code_in(waha):
        assert confirm(rina, first) == "That is not the code."


def test_a_colleagues_number_cannot_be_taken(rina: User, channel: Channel, waha: FakeGateway) -> None:
    StaffNumber.objects.create(user=UserFactory(), phone=PHONE, verified_at=timezone.now())
    with pytest.raises(ValidationError, match="colleague"):
        ask(rina, PHONE, channel=channel)
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffNumber.objects.create(user=rina, phone=PHONE, verified_at=timezone.now())


@pytest.mark.parametrize("typed", ["", "halo", "628123456789 / 628123456780", "12345", "\x00", "9" * 400])
def test_what_is_no_number_is_refused(rina: User, channel: Channel, waha: FakeGateway, typed: str) -> None:
    with pytest.raises(ValidationError, match="no phone number"):
        ask(rina, typed, channel=channel)
    assert waha.received == []


def test_a_code_that_did_not_go_out_is_worth_nothing(rina: User, channel: Channel, waha: FakeGateway) -> None:
    waha.answer = lambda _: (500, {"message": "boom"})
    assert ask(rina, PHONE, channel=channel).outcome is SendOutcome.LATER
    assert "first" in confirm(rina, code_in(waha))


def test_a_channel_that_lacks_something_sends_nothing(rina: User, waha: FakeGateway, settings: Any) -> None:
    """What is missing is said; the service asks again whatever its caller did."""
    cases = {
        "gateway_cannot_send": ChannelFactory(gateway="cloudapi", base_url=waha.address, api_key="x"),
        "archived": sender(waha, deleted_at=timezone.now()),
        "no_access": ChannelFactory(gateway="waha", base_url=waha.address),
        "host_not_allowed": ChannelFactory(gateway="waha", base_url="https://example.org", api_key="x"),
    }
    for code, channel in cases.items():
        assert staff_messages.lacks(channel) == code
        assert ask(rina, PHONE, channel=channel).outcome is SendOutcome.REFUSED
    assert waha.received == []


def test_nothing_is_sent_to_a_row_without_a_number(rina: User, channel: Channel, waha: FakeGateway) -> None:
    for number in (StaffNumber(user=rina), StaffNumber(user=rina, phone=PHONE)):
        assert staff_messages.deliver(number, "x", channel=channel).code == "no_number"
    assert waha.received == []


def test_a_number_that_is_taken_back_is_forgotten(rina: User) -> None:
    number = StaffNumber.objects.create(user=rina, phone=PHONE, lid="123", verified_at=timezone.now())
    take_back(number, actor=rina)
    number.refresh_from_db()
    assert (number.phone, number.lid, number.verified_at) == ("", "", None)
    assert number_of(rina) is None


def test_of_who_may_not_log_in_any_more_chats_are_for_us_again(rina: User) -> None:
    StaffNumber.objects.create(user=rina, phone=PHONE, lid="123", verified_at=timezone.now())
    assert staff_numbers.staff_addresses(timezone.now()).confirmed == {PHONE, "123"}
    User.objects.update(is_active=False)
    assert not staff_numbers.staff_addresses(timezone.now())
