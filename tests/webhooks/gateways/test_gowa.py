"""GOWA."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import GowaPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER, CUSTOMER_LID
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import Clock, Envelope, Ignored, LabelSaved, Moment, NotUnderstood


class TestGowa(GatewayContract):
    gateway = GATEWAYS["gowa"]
    payloads = GowaPayloads()
    tells_status = False

    def test_the_envelope_names_session_and_device(self) -> None:
        assert self.parse(self.payloads.label_deleted("7"))[0] == Envelope(session="cs1", own_phone="+6281200000001")

    def test_a_device_without_a_session_name_does_not_say_it(self) -> None:
        content = self.payloads.label_deleted("7").content
        del content["session_id"]
        assert self.parse(self.payloads.post(content))[0] == Envelope(own_phone="+6281200000001")

    def test_the_default_secret_is_known_to_be_weak(self) -> None:
        assert "secret" in self.gateway.weak_secrets

    def test_an_edit_with_nothing_but_an_order_says_nothing_else(self) -> None:
        assert self.one(self.payloads.label_saved("7", order_index=3)) == LabelSaved(
            external_id="7", at=Moment(value=AT, clock=Clock.WHATSAPP)
        )

    @pytest.mark.parametrize(
        ("told", "list_type"),
        [
            ("CUSTOM", "custom"),
            ("FAVORITES", "favorites"),
            ("UNREAD", "unread"),
            ("SERVER_ASSIGNED", "server_assigned"),
            (3, "favorites"),
        ],
    )
    def test_whatsapps_lists_are_told_from_labels(self, told: Any, list_type: str) -> None:
        assert self.one(self.payloads.label_saved("7", name="Favorit", type=told)).list_type == list_type

    def test_a_label_that_says_it_is_not_deleted_is_saved(self) -> None:
        assert isinstance(self.one(self.payloads.label_saved("7", name="Hot", deleted=False)), LabelSaved)

    @pytest.mark.parametrize("predefined", ["1", 1])
    def test_a_predefined_id_of_either_type_is_no_trouble(self, predefined: Any) -> None:
        assert self.one(self.payloads.label_saved("7", name="Hot", predefined_id=predefined)).name == "Hot"

    def test_a_resolved_lid_gives_phone_and_lid(self) -> None:
        chat = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True, chat_lid=CUSTOMER_LID)).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_an_unresolved_lid_stands_twice(self) -> None:
        chat = self.one(self.payloads.label_on_chat(CUSTOMER_LID, "7", on=True, chat_lid=CUSTOMER_LID)).chat
        assert (chat.phone, chat.lid) == (None, CUSTOMER_LID.removesuffix("@lid"))

    def test_a_message_teaches_its_senders_lid(self) -> None:
        chat = self.one(self.payloads.message(CUSTOMER, from_lid=CUSTOMER_LID)).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_our_own_lid_is_not_the_customers(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER, from_me=True, from_lid="110000000000001@lid")).chat.lid is None

    def test_a_lid_chat_learns_its_phone_from_the_sender(self) -> None:
        sender: dict[str, Any] = {"from": f"{CUSTOMER}@s.whatsapp.net"}
        post = self.payloads.message(CUSTOMER_LID, **sender)
        assert self.one(post).chat.phone == f"+{CUSTOMER}"

    def test_an_inbound_whose_chat_is_our_own_number_belongs_to_its_sender(self) -> None:
        sender: dict[str, Any] = {"from": f"{CUSTOMER}@s.whatsapp.net"}
        post = self.payloads.message("6281200000001", **sender)
        assert self.one(post).chat.phone == f"+{CUSTOMER}"

    def test_a_media_message_that_does_not_say_whose_it_is_is_judged_by_its_sender(self) -> None:
        for sender, from_me in ((CUSTOMER, False), ("6281200000001", True)):
            content = self.payloads.message(CUSTOMER, image="statics/a.jpeg").content
            del content["payload"]["is_from_me"]
            content["payload"]["from"] = f"{sender}@s.whatsapp.net"
            assert self.one(self.payloads.post(content)).from_me is from_me

    @pytest.mark.parametrize(
        ("field", "value", "kind"),
        [
            ("image", {"url": "x"}, "image"),
            ("video_note", "a.mp4", "video"),
            ("audio", "a.ogg", "audio"),
            ("document", {"url": "x"}, "document"),
            ("sticker", "a.webp", "sticker"),
            ("contacts_array", [{}], "contact"),
            ("live_location", {"degreesLatitude": 1}, "location"),
        ],
    )
    def test_the_kind_is_what_the_message_carries(self, field: str, value: Any, kind: str) -> None:
        assert self.one(self.payloads.message(CUSTOMER, **{field: value})).kind == kind

    def test_a_reaction_is_a_message_of_that_kind(self) -> None:
        payload = {**self.payloads.message(CUSTOMER).content["payload"], "reaction": "👍", "reacted_message_id": "x"}
        seen = self.one(self.payloads.event("message.reaction", payload, at=None))
        assert (seen.kind, seen.text) == ("reaction", "👍")

    def test_an_ad_brings_its_click_id(self) -> None:
        referral = {"ctwa_clid": "ARA", "source_id": "1202", "ad_title": "Promo", "ref": "x", "source_app": "instagram"}
        ad = self.one(self.payloads.message(CUSTOMER, referral=referral)).ad
        assert (ad.click_id, ad.headline, ad.ref, ad.source_app) == ("ARA", "Promo", "x", "instagram")

    @pytest.mark.parametrize("labeled", [None, "ya", 2, []])
    def test_a_label_that_is_neither_on_nor_off_is_not_guessed(self, labeled: Any) -> None:
        payload = {"label_id": "7", "labeled": labeled, "chat_id": f"{CUSTOMER}@s.whatsapp.net"}
        assert isinstance(self.one(self.payloads.event("label.association", payload)), NotUnderstood)

    def test_the_key_needs_a_time(self) -> None:
        payload = {"label_id": "7", "labeled": True, "chat_id": f"{CUSTOMER}@s.whatsapp.net"}
        assert self.key(self.payloads.event("label.association", payload, at=None)) is None

    def test_the_session_name_does_not_change_the_key(self) -> None:
        post = self.payloads.label_on_chat(CUSTOMER, "7", on=True)
        content = {**post.content, "session_id": "nama-baru"}
        assert self.key(post) == self.key(self.payloads.post(content))

    def test_receipts_are_ignored_by_name(self) -> None:
        assert self.one(self.payloads.event("message.ack", {"ids": []})) == Ignored(reason="not_for_us:message.ack")
