"""The generic JSON bridge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import GenericPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER, CUSTOMER_LID
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import ChannelStatus, Clock, ConnectionState, ContactSeen, Moment, NotUnderstood, Wall


class TestGeneric(GatewayContract):
    gateway = GATEWAYS["generic"]
    payloads = GenericPayloads()

    def test_the_key_is_the_bridges_own_id(self) -> None:
        assert self.key(self.payloads.event("label.deleted", id="abc-1", label={"id": "7"})) == "abc-1"

    @pytest.mark.parametrize("given", [None, 7, 1.5, True, {"a": 1}, [], "", "   ", "x" * 300])
    def test_a_post_without_an_id_of_its_own_is_kept_with_a_sentence(self, given: Any) -> None:
        post = self.payloads.post({"id": given, "type": "label.deleted", "label": {"id": "7"}})
        events = self.parse(post)
        assert len(events) == 1
        assert isinstance(events[0], NotUnderstood)

    def test_a_time_without_offset_is_business_time(self) -> None:
        post = self.payloads.event("label.added", at="2026-03-02T10:04:05", chat=CUSTOMER, label={"id": "7"})
        naive = datetime(2026, 3, 2, 10, 4, 5)
        assert self.one(post).at == Moment(value=naive, clock=Clock.GATEWAY, wall=Wall.BUSINESS)

    def test_a_time_with_offset_is_that_instant(self) -> None:
        post = self.payloads.event("label.added", at="2026-03-02T10:04:05+07:00", chat=CUSTOMER, label={"id": "7"})
        assert self.one(post).at == Moment(value=datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC), clock=Clock.GATEWAY)

    @pytest.mark.parametrize("at", [None, "", "kemarin", True, [], "1970-01-01T00:00:00Z", float(2**63)])
    def test_a_time_that_is_none_leaves_the_event_without_one(self, at: Any) -> None:
        content = self.payloads.event("label.added", chat=CUSTOMER, label={"id": "7"}).content
        assert self.one(self.payloads.post({**content, "at": at})).at is None

    @pytest.mark.parametrize("chat", [CUSTOMER, f"+{CUSTOMER}", "+62 812-9000-1111", f"{CUSTOMER}@c.us", int(CUSTOMER)])
    def test_a_chat_is_digits_or_a_jid(self, chat: Any) -> None:
        assert self.one(self.payloads.event("label.added", chat=chat, label={"id": "7"})).chat.phone == f"+{CUSTOMER}"

    def test_a_lid_comes_with_its_phone(self) -> None:
        post = self.payloads.event("label.added", chat=CUSTOMER_LID, phone=CUSTOMER, label={"id": "7"})
        chat = self.one(post).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_a_label_post_may_name_the_contact(self) -> None:
        event, contact = self.told(self.payloads.event("label.added", chat=CUSTOMER, name="Ibu Sri", label={"id": "7"}))
        assert contact == ContactSeen(chat=event.chat, name="Ibu Sri")

    def test_a_name_on_an_outbound_message_is_still_the_contacts(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER, from_me=True, name="Ibu Sri")).contact_name == "Ibu Sri"

    @pytest.mark.parametrize(("color", "index"), [(13, 13), ("13", 13), ("#f74848", 13), ("#ff0000", 13)])
    def test_a_colour_is_an_index_or_a_hex(self, color: Any, index: int) -> None:
        assert self.one(self.payloads.label_saved("7", color=color)).color == index

    def test_a_label_id_may_be_a_number(self) -> None:
        assert self.one(self.payloads.event("label.deleted", label={"id": 7})).external_id == "7"

    def test_an_ad_is_read_with_source_and_ref(self) -> None:
        ad = {"source_id": "1202", "ref": "promo"}
        post = self.payloads.event("message", chat=CUSTOMER, message={"id": "M1", "text": "Halo", "ad": ad})
        assert (self.one(post).ad.source_id, self.one(post).ad.ref) == ("1202", "promo")

    def test_a_message_that_does_not_say_otherwise_came_in(self) -> None:
        assert self.one(self.payloads.event("message", chat=CUSTOMER, message={"id": "M1"})).from_me is False

    @pytest.mark.parametrize("from_me", ["mungkin", {}, 2])
    def test_a_direction_that_is_neither_is_not_guessed(self, from_me: Any) -> None:
        post = self.payloads.event("message", chat=CUSTOMER, message={"id": "M1", "from_me": from_me})
        assert isinstance(self.one(post), NotUnderstood)

    def test_a_status_is_a_word(self) -> None:
        assert self.one(self.payloads.status(working=False)) == ChannelStatus(
            state=ConnectionState.STOPPED, at=Moment(value=AT, clock=Clock.GATEWAY)
        )
        assert isinstance(self.one(self.payloads.event("status", status="menari")), NotUnderstood)

    @pytest.mark.parametrize("chat", ["081290001111", "0812-9000-1111", "(0812) 9000 1111"])
    def test_a_national_number_is_handed_on_as_written_without_guessing_the_country(self, chat: str) -> None:
        assert self.one(self.payloads.label_on_chat(chat, "7", on=True)).chat.phone == chat
