"""Waha."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import WahaPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER, CUSTOMER_LID, GROUP
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import (
    Clock,
    ConnectionState,
    Envelope,
    Ignored,
    LabelDeleted,
    Moment,
    NotUnderstood,
)


class TestWaha(GatewayContract):
    gateway = GATEWAYS["waha"]
    payloads = WahaPayloads()

    def test_the_envelope_names_the_session_and_its_own_numbers(self) -> None:
        envelope = self.parse(self.payloads.label_deleted("7"))[0]
        assert envelope == Envelope(session="cs1", own_phone="+6281200000001", own_lid="110000000000001")

    def test_before_login_nobody_is_named(self) -> None:
        content = {**self.payloads.label_deleted("7").content, "me": None}
        assert self.parse(self.payloads.post(content))[0] == Envelope(session="cs1")

    def test_the_docs_signature_vector_is_accepted(self) -> None:
        body = b'{"event":"message","session":"default","engine":"WEBJS"}'
        digest = (
            "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
            "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
        )
        assert self.is_authentic({"x-webhook-hmac": digest}, body, secret="my-secret-key")

    def test_a_label_that_comes_along_gives_its_name_and_colour(self) -> None:
        label = {"id": "7", "name": "🔥 Hot", "color": 13, "colorHex": "#f74848"}
        event = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True, label=label))
        assert (event.label_name, event.label_color) == ("🔥 Hot", 13)

    def test_a_missing_label_is_a_placeholders_affair(self) -> None:
        event = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True, label=None))
        assert (event.label_name, event.label_color) == (None, None)

    def test_wpps_own_label_object_is_read_by_its_index(self) -> None:
        label = {"id": "7", "name": "Hot", "color": 4292849392, "colorIndex": 3, "hexColor": "#dfaef0"}
        assert self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True, label=label)).label_color == 3

    def test_wawp_nests_the_label_and_gives_a_hex_colour(self) -> None:
        label = {"id": "7", "name": "Hot", "color": "#f74848"}
        saved = self.one(self.payloads.event("label.upsert", {"label": label}))
        assert (saved.external_id, saved.name, saved.color) == ("7", "Hot", 13)
        added = self.one(self.payloads.event("label.chat.added", {"chatId": f"{CUSTOMER}@c.us", "label": label}))
        assert (added.external_id, added.label_name, added.label_color) == ("7", "Hot", 13)

    def test_an_index_beyond_the_palette_comes_with_black_and_is_no_colour(self) -> None:
        payload = {"id": "7", "name": "Hot", "color": 25, "colorHex": "#000000"}
        assert self.one(self.payloads.event("label.upsert", payload)).color is None

    def test_a_deleted_label_with_an_empty_name_is_deleted_and_not_renamed(self) -> None:
        assert self.told(self.payloads.label_deleted("7")) == [
            LabelDeleted(external_id="7", at=Moment(value=AT, clock=Clock.GATEWAY))
        ]

    def test_message_and_message_any_agree_on_the_message_but_not_on_the_key(self) -> None:
        posts = [self.payloads.message(CUSTOMER, event=event) for event in ("message", "message.any")]
        assert self.told(posts[0]) == self.told(posts[1])
        assert self.key(posts[0]) != self.key(posts[1])

    @pytest.mark.parametrize(("source", "by_api"), [("api", True), ("app", False), ("", None)])
    def test_the_source_tells_crm_messages_from_typed_ones(self, source: str, by_api: bool | None) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, from_me=True, source=source))
        assert seen.by_api is by_api

    def test_an_outbound_message_finds_its_chat_in_the_id_whatever_from_says(self) -> None:
        content = self.payloads.message(CUSTOMER, from_me=True).content
        content["payload"] |= {"from": f"{CUSTOMER}@c.us", "to": None}
        assert self.one(self.payloads.post(content)).chat.phone == f"+{CUSTOMER}"

    def test_a_group_message_of_a_person_is_a_group_message(self) -> None:
        content = self.payloads.message(GROUP).content
        content["payload"] |= {"id": f"false_{GROUP}_3EB0AA_{CUSTOMER}@c.us", "participant": f"{CUSTOMER}@c.us"}
        assert self.one(self.payloads.post(content)) == Ignored(reason="group")

    @pytest.mark.parametrize(("chat", "reason"), [(GROUP, "group"), ("status@broadcast", "status")])
    def test_a_group_or_status_that_names_its_author_as_sender_is_still_one(self, chat: str, reason: str) -> None:
        content = self.payloads.message(CUSTOMER).content
        content["payload"]["id"] = f"false_{chat}_3EB0AA_{CUSTOMER}@c.us"
        assert self.one(self.payloads.post(content)) == Ignored(reason=reason)

    @pytest.mark.parametrize(
        "raw",
        [
            {"key": {"remoteJidAlt": f"{CUSTOMER}@s.whatsapp.net"}},
            {"key": {"senderPn": f"{CUSTOMER}@s.whatsapp.net"}},
            {"Info": {"SenderAlt": f"{CUSTOMER}:5@s.whatsapp.net"}},
        ],
    )
    def test_a_lid_learns_its_phone_from_the_raw_data(self, raw: dict[str, Any]) -> None:
        content = self.payloads.message(CUSTOMER_LID).content
        content["payload"]["_data"] = raw
        chat = self.one(self.payloads.post(content)).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_our_own_second_address_is_never_the_customers(self) -> None:
        content = self.payloads.message(CUSTOMER_LID, from_me=True).content
        content["payload"]["_data"] = {"Info": {"SenderAlt": "6281200000001@s.whatsapp.net"}}
        assert self.one(self.payloads.post(content)).chat.phone is None

    def test_fractional_seconds_are_a_time(self) -> None:
        content = self.payloads.message(CUSTOMER).content
        content["payload"]["timestamp"] = 1710481111.853
        at = self.one(self.payloads.post(content)).at
        assert (at.value.microsecond, at.clock) == (853000, Clock.WHATSAPP)

    def test_a_reaction_is_a_message_of_that_kind(self) -> None:
        payload = {**self.payloads.message(CUSTOMER).content["payload"], "reaction": {"text": "👍", "messageId": "x"}}
        seen = self.one(self.payloads.event("message.reaction", payload))
        assert (seen.kind, seen.text) == ("reaction", "👍")

    def test_a_gows_ad_is_read_in_go_spelling(self) -> None:
        card = {"externalAdReply": {"sourceID": "1202", "sourceURL": "https://fb.me/x"}}
        content = self.payloads.message(CUSTOMER).content
        content["payload"]["_data"] = {"Message": {"extendedTextMessage": {"text": "Halo", "contextInfo": card}}}
        assert self.one(self.payloads.post(content)).ad.source_id == "1202"

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("STOPPED", ConnectionState.STOPPED),
            ("STARTING", ConnectionState.STARTING),
            ("SCAN_QR_CODE", ConnectionState.PAIRING),
            ("PASSKEY_REQUIRED", ConnectionState.PAIRING),
            ("PASSKEY_CONFIRMATION_REQUIRED", ConnectionState.PAIRING),
            ("WORKING", ConnectionState.WORKING),
            ("FAILED", ConnectionState.FAILED),
        ],
    )
    def test_every_session_status_is_known(self, status: str, state: ConnectionState) -> None:
        assert self.one(self.payloads.event("session.status", {"name": "cs1", "status": status})).state == state

    def test_working_after_a_qr_code_is_a_new_pairing(self) -> None:
        assert self.one(self.payloads.status(working=True, came_from=("STARTING", "SCAN_QR_CODE"))).paired
        assert not self.one(self.payloads.status(working=True, came_from=("FAILED", "STARTING"))).paired
        assert not self.one(self.payloads.status(working=True, came_from=("SCAN_QR_CODE", "WORKING"))).paired
        assert not self.one(self.payloads.status(working=False, came_from=("SCAN_QR_CODE",))).paired

    def test_an_unknown_status_is_kept(self) -> None:
        assert isinstance(self.one(self.payloads.event("session.status", {"status": "DANCING"})), NotUnderstood)

    @pytest.mark.parametrize("event", ["message.ack", "presence.update", "group.v2.join", "engine.event"])
    def test_events_of_other_concern_are_ignored_by_name(self, event: str) -> None:
        assert self.one(self.payloads.event(event, {})) == Ignored(reason=f"not_for_us:{event}")

    def test_the_key_is_wahas_event_id(self) -> None:
        post = self.payloads.event("label.deleted", {"id": "7"}, event_id="evt_01jxcontoh")
        assert self.key(post) == "evt_01jxcontoh"

    def test_an_older_waha_is_keyed_by_its_request_id(self) -> None:
        content = self.payloads.label_deleted("7").content
        del content["id"]
        post = self.payloads.post(content)
        assert self.key(post, {"x-webhook-request-id": "req-1"}) == "req-1"
        assert (self.key(post) or "").startswith("sha256:")

    def test_the_oldest_waha_tells_nothing_that_would_make_a_repeat(self) -> None:
        content = self.payloads.label_on_chat(CUSTOMER, "7", on=True).content
        del content["id"], content["timestamp"]
        assert self.key(self.payloads.post(content)) is None
        assert self.one(self.payloads.post(content)).at is None

    def test_an_endless_event_id_becomes_a_short_key(self) -> None:
        key = self.key(self.payloads.event("label.deleted", {"id": "7"}, event_id="e" * 5000))
        assert key is not None
        assert len(key) <= 200
