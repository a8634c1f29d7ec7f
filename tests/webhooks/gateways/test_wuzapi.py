"""Wuzapi, as JSON and as a form."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import WuzapiFormPayloads, WuzapiPayloads
from tests.webhooks.gateways.payloads.base import CUSTOMER, CUSTOMER_LID, Post
from webhooks.gateways import GATEWAYS, bodies
from webhooks.gateways.base import Headers
from webhooks.gateways.events import ConnectionState, Envelope, Ignored, LabelDeleted, LabelSaved


class TestWuzapi(GatewayContract):
    gateway = GATEWAYS["wuzapi"]
    payloads = WuzapiPayloads()

    def test_the_envelope_names_the_instance(self) -> None:
        assert self.parse(self.payloads.label_deleted("7"))[0] == Envelope(session="cs1")

    def test_an_own_message_names_the_account(self) -> None:
        assert self.parse(self.payloads.message(CUSTOMER, from_me=True))[0] == Envelope(
            session="cs1", own_phone="+6281200000001"
        )

    def test_an_absent_name_and_colour_are_not_the_zero_values_beside_them(self) -> None:
        saved = self.one(self.payloads.label_saved("7", isActive=True))
        assert isinstance(saved, LabelSaved)
        assert (saved.name, saved.color) == (None, None)

    def test_colour_zero_is_a_colour_when_whatsapp_said_so(self) -> None:
        assert self.one(self.payloads.label_saved("7", color=0)).color == 0

    def test_without_whatsapps_action_the_flat_fields_count_but_not_their_zeroes(self) -> None:
        event = {"Timestamp": "2026-03-02T03:04:05Z", "LabelID": "7"}
        saved = self.one(self.payloads.event("LabelEdit", event, labelId="7", name="Hot", color=0, deleted=False))
        assert (saved.name, saved.color, saved.list_type) == ("Hot", None, None)
        gone = self.one(self.payloads.event("LabelEdit", event, labelId="7", name="", color=0, deleted=True))
        assert isinstance(gone, LabelDeleted)

    @pytest.mark.parametrize(("number", "list_type"), [(5, "custom"), (3, "favorites"), (4, "predefined"), (99, None)])
    def test_whatsapps_lists_come_as_numbers(self, number: int, list_type: str | None) -> None:
        assert self.one(self.payloads.label_saved("7", name="x", type=number)).list_type == list_type

    def test_a_label_on_a_message_is_not_one_on_the_chat(self) -> None:
        post = self.payloads.label_on_message(CUSTOMER, "7", "3EB0AA", on=True)
        assert self.one(post) == Ignored(reason="message_label")

    def test_a_fork_that_only_sends_flat_fields_is_read(self) -> None:
        event = {"Timestamp": "2026-03-02T03:04:05Z"}
        flat = {"label_id": "7", "chat_jid": f"{CUSTOMER}@s.whatsapp.net", "labeled": False}
        said = self.one(self.payloads.event("LabelAssociationChat", event, **flat))
        assert (said.external_id, said.chat.phone, said.on) == ("7", f"+{CUSTOMER}", False)

    def test_whatsmeows_1970_is_no_time(self) -> None:
        event = {"JID": f"{CUSTOMER}@s.whatsapp.net", "LabelID": "7", "Timestamp": "1970-01-01T00:00:00Z"}
        post = self.payloads.event("LabelAssociationChat", {**event, "Action": {"labeled": True}})
        assert self.one(post).at is None
        assert self.key(post) is None

    def test_a_time_with_an_offset_is_the_same_instant(self) -> None:
        event = {"JID": f"{CUSTOMER}@s.whatsapp.net", "LabelID": "7", "Timestamp": "2026-03-02T10:04:05+07:00"}
        post = self.payloads.event("LabelAssociationChat", {**event, "Action": {"labeled": True}})
        assert self.one(post).at == self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True)).at

    def test_an_inbound_lid_learns_its_phone_from_the_senders_alternate(self) -> None:
        chat = self.one(self.payloads.message(CUSTOMER_LID, SenderAlt=f"{CUSTOMER}:3@s.whatsapp.net")).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_an_outbound_lid_learns_its_phone_from_the_recipients_alternate(self) -> None:
        alternates: dict[str, Any] = {"SenderAlt": "110000000000001@lid", "RecipientAlt": f"{CUSTOMER}@s.whatsapp.net"}
        post = self.payloads.message(CUSTOMER_LID, from_me=True, **alternates)
        envelope, seen = self.parse(post)
        assert (seen.chat.phone, seen.chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))
        assert envelope == Envelope(session="cs1", own_phone="+6281200000001", own_lid="110000000000001")

    def test_edits_and_deletions_are_no_messages(self) -> None:
        content = self.payloads.message(CUSTOMER).content
        content["event"]["Message"] = {"protocolMessage": {"type": 0}}
        assert self.one(self.payloads.post(content)) == Ignored(reason="notice:revoke")

    @pytest.mark.parametrize(
        ("event", "state", "paired"),
        [
            ("Connected", ConnectionState.WORKING, False),
            ("PairSuccess", ConnectionState.STARTING, True),
            ("QR", ConnectionState.PAIRING, False),
            ("Disconnected", ConnectionState.STOPPED, False),
            ("LoggedOut", ConnectionState.FAILED, False),
            ("TemporaryBan", ConnectionState.FAILED, False),
        ],
    )
    def test_the_connection_speaks_by_many_events(self, event: str, state: ConnectionState, paired: bool) -> None:
        status = self.one(self.payloads.event(event, {}))
        assert (status.state, status.paired) == (state, paired)

    def test_a_pairing_names_the_account(self) -> None:
        post = self.payloads.event(
            "PairSuccess", {"ID": "6281200000001:5@s.whatsapp.net", "LID": "110000000000001@lid"}
        )
        envelope = self.parse(post)[0]
        assert envelope == Envelope(session="cs1", own_phone="+6281200000001", own_lid="110000000000001")

    def test_an_admin_token_is_hidden_and_counts_nothing(self) -> None:
        post = self.payloads.label_on_chat(CUSTOMER, "7", on=True)
        with_token = self.payloads.post({**post.content, "token": "RAHASIA"})
        clean = bodies.redact(with_token.content, self.gateway.secret_fields)
        assert "RAHASIA" not in str(clean)
        assert self.key(post) == self.key(with_token)

    @pytest.mark.parametrize("event", ["ReadReceipt", "HistorySync", "Presence"])
    def test_events_of_other_concern_are_ignored_by_name(self, event: str) -> None:
        assert self.one(self.payloads.event(event, {})) == Ignored(reason=f"not_for_us:{event}")


class TestWuzapiAsForm(GatewayContract):
    """The drain sees the JSON of the form; the signature covers the form."""

    gateway = GATEWAYS["wuzapi"]
    payloads = WuzapiFormPayloads()

    def parse(self, post: Post) -> list[Any]:
        return self.gateway.parse(post.headers, self.json_of(post))

    def json_of(self, post: Post) -> bytes:
        return bodies.form_field(post.body, "jsonData")

    def plain(self, post: Post) -> Post:
        return post  # the form carries escaped JSON already

    def signed_payload(self, post: Post) -> tuple[Headers, bytes]:
        return post.headers, post.body

    def test_a_form_in_another_order_is_the_form_that_was_signed(self) -> None:
        post = self.payloads.message(CUSTOMER)
        fields = parse_qsl(post.body.decode())
        assert self.is_authentic(post.headers, urlencode(fields[::-1]).encode())

    def test_a_form_with_another_field_is_not(self) -> None:
        post = self.payloads.message(CUSTOMER)
        assert not self.is_authentic(post.headers, post.body + b"&userID=8")

    @pytest.mark.parametrize("body", [b"", b"jsonDat=1", b"jsonData=1&jsonData=2", b"\xff", b"&" * 100, b"a=1;" * 1000])
    def test_a_form_without_one_json_field_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            bodies.form_field(body, "jsonData")

    def test_the_forms_of_the_story_keep_their_text(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, text="50% + 1 & ü 🔥"))
        assert seen.text == "50% + 1 & ü 🔥"
