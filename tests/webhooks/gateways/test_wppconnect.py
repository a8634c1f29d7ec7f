"""WPPConnect server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import WppConnectPayloads
from tests.webhooks.gateways.payloads.base import CUSTOMER, GROUP
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import ConnectionState, Envelope, Ignored, NotUnderstood

HOT = {"id": "7", "name": "🔥 Hot", "color": 4294396992, "colorIndex": 13, "hexColor": "#f74848"}
PAID = {"id": "8", "name": "Lunas", "color": 4292849392, "colorIndex": None, "hexColor": "#dfaef0"}


class TestWppConnect(GatewayContract):
    gateway = GATEWAYS["wppconnect"]
    payloads = WppConnectPayloads()

    def test_one_post_with_several_labels_is_several_events(self) -> None:
        events = self.told(self.payloads.labels_on_chat(CUSTOMER, [HOT, PAID], on=True))
        told = [(event.external_id, event.label_name, event.label_color, event.on) for event in events]
        assert told == [("7", "🔥 Hot", 13, True), ("8", "Lunas", 3, True)]

    def test_several_labels_on_a_group_are_ignored_once(self) -> None:
        assert self.told(self.payloads.labels_on_chat(GROUP, [HOT, PAID], on=True)) == [Ignored(reason="group")]

    @pytest.mark.parametrize(("ids", "labels"), [(["7"], None), (None, [HOT]), (["7", "7"], [HOT]), ([7], [])])
    def test_ids_or_descriptions_alone_are_enough(self, ids: Any, labels: Any) -> None:
        content = {**self.payloads.label_on_chat(CUSTOMER, "7", on=False).content, "ids": ids, "labels": labels}
        event = self.one(self.payloads.post(content))
        assert (event.external_id, event.on) == ("7", False)

    def test_a_label_change_has_no_time_and_no_key(self) -> None:
        post = self.payloads.label_on_chat(CUSTOMER, "7", on=True)
        assert self.one(post).at is None
        assert self.key(post) is None

    @pytest.mark.parametrize("chat", [None, {}, {"id": None}, {"id": {}}, "", []])
    def test_a_post_without_its_chat_is_kept_with_a_sentence(self, chat: Any) -> None:
        content = {**self.payloads.label_on_chat(CUSTOMER, "7", on=True).content, "chat": chat}
        assert isinstance(self.one(self.payloads.post(content)), NotUnderstood)

    @pytest.mark.parametrize(
        "chat",
        [
            f"{CUSTOMER}@c.us",
            {"id": f"{CUSTOMER}@c.us"},
            {"id": {"_serialized": f"{CUSTOMER}@c.us"}},
            {"id": {"user": CUSTOMER, "server": "c.us"}},
        ],
    )
    def test_a_chat_is_named_in_several_shapes(self, chat: Any) -> None:
        content = {**self.payloads.label_on_chat(CUSTOMER, "7", on=True).content, "chat": chat}
        assert self.one(self.payloads.post(content)).chat.phone == f"+{CUSTOMER}"

    def test_the_account_is_named_by_its_messages(self) -> None:
        for from_me in (True, False):
            envelope = self.parse(self.payloads.message(CUSTOMER, from_me=from_me))[0]
            assert envelope == Envelope(session="cs1", own_phone="+6281200000001")

    def test_a_message_of_unknown_direction_names_no_account(self) -> None:
        assert self.parse(self.payloads.message(CUSTOMER, fromMe=None))[0] == Envelope(session="cs1")

    def test_a_group_message_names_no_account(self) -> None:
        assert self.parse(self.payloads.message(GROUP))[0] == Envelope(session="cs1")

    def test_the_file_of_a_picture_is_not_its_text(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, text="/9j/4AAQSkZJRg", type="image", caption="Nota"))
        assert (seen.kind, seen.text) == ("image", "Nota")

    def test_an_id_object_gives_the_bare_message_id(self) -> None:
        message_id = {
            "fromMe": False,
            "remote": f"{CUSTOMER}@c.us",
            "id": "3EB0AA",
            "_serialized": "false_x@c.us_3EB0AA",
        }
        assert self.one(self.payloads.message(CUSTOMER, id=message_id)).external_id == "3EB0AA"

    def test_both_events_of_a_message_have_one_key(self) -> None:
        post = self.payloads.message(CUSTOMER)
        assert self.key(post) == self.key(self.payloads.post({**post.content, "event": "unreadmessages"}))

    @pytest.mark.parametrize(
        ("word", "state", "paired"),
        [
            ("inChat", ConnectionState.WORKING, False),
            ("isLogged", ConnectionState.WORKING, False),
            ("qrReadSuccess", ConnectionState.STARTING, True),
            ("notLogged", ConnectionState.PAIRING, False),
            ("disconnectedMobile", ConnectionState.FAILED, False),
            ("desconnectedMobile", ConnectionState.FAILED, False),
            ("serverClose", ConnectionState.STOPPED, False),
        ],
    )
    def test_the_connection_is_told_by_a_word(self, word: str, state: ConnectionState, paired: bool) -> None:
        status = self.one(self.payloads.event("status-find", status=word))
        assert (status.state, status.paired) == (state, paired)

    def test_a_qr_code_means_waiting_for_a_pairing(self) -> None:
        assert self.one(self.payloads.event("qrcode", qrcode="x")).state is ConnectionState.PAIRING

    def test_receipts_are_ignored_by_name(self) -> None:
        assert self.one(self.payloads.event("onack", id="x")) == Ignored(reason="not_for_us:onack")
