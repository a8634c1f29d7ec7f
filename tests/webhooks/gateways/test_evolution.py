"""Evolution API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import EvolutionPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER, CUSTOMER_LID, GROUP
from webhooks.gateways import GATEWAYS, bodies
from webhooks.gateways.events import (
    ChannelStatus,
    Clock,
    ConnectionState,
    ContactSeen,
    Envelope,
    Ignored,
    LabelOnChat,
    LabelSaved,
    Moment,
    NotUnderstood,
    Wall,
)


class TestEvolution(GatewayContract):
    gateway = GATEWAYS["evolution"]
    payloads = EvolutionPayloads()

    def test_the_envelope_names_the_instance_and_its_number(self) -> None:
        assert self.parse(self.payloads.label_deleted("7"))[0] == Envelope(session="cs1", own_phone="+6281200000001")

    def test_the_false_z_is_the_gateways_wall_time(self) -> None:
        naive = datetime(2026, 3, 2, 0, 4, 5)
        event = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True))
        assert event.at == Moment(value=naive, clock=Clock.GATEWAY, wall=Wall.CHANNEL)

    def test_a_message_has_whatsapps_own_time(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER)).at == Moment(value=AT, clock=Clock.WHATSAPP)

    def test_an_edit_without_a_name_is_partial(self) -> None:
        saved = self.one(self.payloads.event("labels.edit", {"id": "7", "color": 3, "predefinedId": "1"}))
        assert (saved.name, saved.color) == (None, 3)

    @pytest.mark.parametrize(("color", "index"), [("13", 13), (13, 13), (None, None), (25, None)])
    def test_a_colour_may_be_a_text(self, color: Any, index: int | None) -> None:
        assert self.one(self.payloads.event("labels.edit", {"id": "7", "name": "Hot", "color": color})).color == index

    def test_a_list_of_data_is_read_item_by_item(self) -> None:
        data = [{"type": "add", "chatId": f"{CUSTOMER}@s.whatsapp.net", "labelId": one} for one in ("7", "8")]
        events = self.told(self.payloads.event("labels.association", data))
        assert [event.external_id for event in events] == ["7", "8"]

    def test_one_unreadable_item_does_not_take_the_others_with_it(self) -> None:
        data = [{"id": "7", "name": "Hot"}, {"name": "tanpa id"}, {"id": "8", "name": "Dingin"}]
        kinds = [type(event) for event in self.told(self.payloads.event("labels.edit", data))]
        assert kinds == [LabelSaved, NotUnderstood, LabelSaved]

    @pytest.mark.parametrize("data", [None, [], {}, "x", 1])
    def test_a_post_without_data_is_kept_with_a_sentence(self, data: Any) -> None:
        for event in ("labels.edit", "labels.association", "messages.upsert"):
            assert isinstance(self.one(self.payloads.event(event, data)), NotUnderstood)

    def test_keys_nobody_documented_are_no_trouble(self) -> None:
        content = {**self.payloads.label_on_chat(CUSTOMER, "7", on=True).content, "progress": 88, "isLatest": True}
        assert isinstance(self.one(self.payloads.post(content)), LabelOnChat)

    @pytest.mark.parametrize("event", ["labels.association", "LABELS_ASSOCIATION", "labels-association"])
    def test_an_event_is_known_in_every_spelling(self, event: str) -> None:
        data = {"type": "add", "chatId": f"{CUSTOMER}@s.whatsapp.net", "labelId": "7"}
        assert isinstance(self.one(self.payloads.event(event, data)), LabelOnChat)

    @pytest.mark.parametrize("kind", ["ADD", "toggle", None, True])
    def test_a_direction_that_is_neither_is_not_guessed(self, kind: Any) -> None:
        data = {"type": kind, "chatId": f"{CUSTOMER}@s.whatsapp.net", "labelId": "7"}
        assert isinstance(self.one(self.payloads.event("labels.association", data)), NotUnderstood)

    def test_the_account_is_not_called_voce(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER, name="Você")).contact_name is None

    def test_a_lid_learns_its_phone_from_the_alternate(self) -> None:
        key = {"remoteJid": CUSTOMER_LID, "remoteJidAlt": f"{CUSTOMER}@s.whatsapp.net", "fromMe": False, "id": "M1"}
        chat = self.one(self.payloads.message(CUSTOMER, key=key)).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", CUSTOMER_LID.removesuffix("@lid"))

    def test_a_participant_makes_no_person_of_a_group(self) -> None:
        key = {"remoteJid": GROUP, "participant": f"{CUSTOMER}@s.whatsapp.net", "fromMe": False, "id": "M1"}
        assert self.one(self.payloads.message(CUSTOMER, key=key)) == Ignored(reason="group")

    def test_a_message_sent_by_the_api_says_so(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER, from_me=True, event="send.message")).by_api is True
        assert self.one(self.payloads.message(CUSTOMER, from_me=True)).by_api is False
        assert self.one(self.payloads.message(CUSTOMER)).by_api is None

    def test_an_ad_inside_a_picture_is_found(self) -> None:
        card = {"externalAdReply": {"sourceId": "1202", "sourceUrl": "https://fb.me/x"}}
        message = {"imageMessage": {"caption": "Halo", "contextInfo": card}}
        seen = self.one(self.payloads.message(CUSTOMER, message=message, messageType="imageMessage"))
        assert (seen.kind, seen.text, seen.ad.source_id) == ("image", "Halo", "1202")

    def test_deletions_are_no_messages(self) -> None:
        post = self.payloads.message(CUSTOMER, message={"protocolMessage": {"type": 0}}, messageType="protocolMessage")
        assert self.one(post) == Ignored(reason="notice:revoke")

    def test_an_address_book_gives_names_and_skips_what_are_none(self) -> None:
        data = [
            {"remoteJid": f"{CUSTOMER}@s.whatsapp.net", "pushName": "Budi"},
            {"remoteJid": "6281290002222@s.whatsapp.net", "pushName": "6281290002222"},
            {"remoteJid": GROUP, "pushName": "Grup"},
            {"remoteJid": "", "pushName": "Siapa"},
            {"remoteJid": GROUP, "pushName": "Grup lagi"},
        ]
        first, *rest = self.told(self.payloads.event("contacts.upsert", data))
        assert isinstance(first, ContactSeen)
        assert (first.chat.phone, first.name) == (f"+{CUSTOMER}", "Budi")
        assert rest == [Ignored(reason="no_name"), Ignored(reason="group"), Ignored(reason="unreadable_contact")]

    def test_a_single_contact_is_an_object(self) -> None:
        data = {"remoteJid": f"{CUSTOMER}@s.whatsapp.net", "pushName": "Budi", "instanceId": "x"}
        assert self.one(self.payloads.event("contacts.update", data)).name == "Budi"

    @pytest.mark.parametrize(
        ("data", "state"),
        [
            ({"state": "open", "statusReason": 200, "wuid": "6281200000001@s.whatsapp.net"}, ConnectionState.WORKING),
            ({"state": "connecting", "statusReason": 200}, ConnectionState.STARTING),
            ({"state": "close", "statusReason": 428}, ConnectionState.STOPPED),
            ({"state": "close", "statusReason": 401}, ConnectionState.FAILED),
            ({"state": "refused", "statusReason": 500}, ConnectionState.FAILED),
        ],
    )
    def test_the_connection_is_told_by_its_state(self, data: dict[str, Any], state: ConnectionState) -> None:
        assert self.one(self.payloads.event("connection.update", data)).state == state

    def test_a_closed_instance_and_a_new_qr_code_are_states_too(self) -> None:
        closed = self.one(self.payloads.event("status.instance", {"instance": "cs1", "status": "closed"}))
        waits = self.one(self.payloads.event("qrcode.updated", {"qrcode": {"code": "x"}}))
        assert isinstance(closed, ChannelStatus)
        assert (closed.state, waits.state) == (ConnectionState.STOPPED, ConnectionState.PAIRING)

    def test_a_retry_has_the_key_of_the_first_try_whatever_the_server_is_called(self) -> None:
        post = self.payloads.label_on_chat(CUSTOMER, "7", on=True)
        content = {
            **post.content,
            "apikey": "KUNCI-BARU",
            "server_url": "https://x",
            "sender": None,
            "destination": "x",
        }
        assert self.key(post) == self.key(self.payloads.post(content))

    def test_the_same_change_a_moment_later_is_another_truth(self) -> None:
        posts = [
            self.payloads.label_on_chat(CUSTOMER, "7", on=True, at=AT + timedelta(milliseconds=late)) for late in (0, 1)
        ]
        assert self.key(posts[0]) != self.key(posts[1])

    def test_the_instance_key_is_hidden_before_anything_is_stored(self) -> None:
        content = self.payloads.message(CUSTOMER).content
        assert "KUNCI-INSTANSI" not in str(bodies.redact(content, self.gateway.secret_fields))

    @pytest.mark.parametrize("event", ["chats.upsert", "presence.update", "messages.update"])
    def test_events_of_other_concern_are_ignored_by_name(self, event: str) -> None:
        assert self.one(self.payloads.event(event, {})) == Ignored(reason=f"not_for_us:{event}")
