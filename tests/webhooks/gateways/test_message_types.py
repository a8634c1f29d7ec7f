"""Every type of message that is known, as every gateway posts it: a person's message, a notice, or not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.webhooks.gateways.payloads import (
    EvolutionPayloads,
    GowaPayloads,
    WahaPayloads,
    WppConnectPayloads,
    WuzapiPayloads,
)
from tests.webhooks.gateways.payloads.base import CUSTOMER, GROUP, Ad, Post
from tests.webhooks.gateways.payloads.typed import (
    WAYS,
    evolution_stub,
    waha,
    waha_stub,
    waha_waiting,
    wuzapi_undecryptable,
)
from webhooks.gateways import GATEWAYS, kinds
from webhooks.gateways.events import Envelope, Ignored, MessageSeen
from webhooks.gateways.kinds import Verdict

NOBODY_KNOWS = {"gowa": "hologram"} | dict.fromkeys(["waha-webjs", "wppconnect"], "hologram")
MESSAGE_ID = "3EB0C0FFEE00000001"
INFO = {"Chat": f"{CUSTOMER}@s.whatsapp.net"}


def one(gateway: str, post: Post) -> Any:
    first, event = GATEWAYS[gateway].parse(post.headers, post.body)
    assert isinstance(first, Envelope)
    return event


def key(gateway: str, post: Post) -> str | None:
    return GATEWAYS[gateway].dedupe_key(post.headers, json.loads(post.body))


def read(event: Any) -> Any:
    """What is compared of an event: a message's id, kind and type, of anything else all."""
    return (event.external_id, event.kind, event.wire_type) if isinstance(event, MessageSeen) else event


@pytest.mark.parametrize("way", WAYS)
def test_every_type_is_what_the_table_says(way: str) -> None:
    told = WAYS[way]
    table = dict(told.table)
    if "protocolMessage" in table:
        table["protocolMessage"] = Verdict(notice="revoke")  # the type it has inside
    expected = {
        wire_type: Ignored(reason=f"notice:{said.notice}") if said.notice else (MESSAGE_ID, said.kind, "")
        for wire_type, said in table.items()
    }
    assert expected
    assert {wire_type: read(one(told.gateway, told.post(wire_type))) for wire_type in table} == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_type_in_no_table_is_kept_as_unknown_by_its_name(way: str) -> None:
    told = WAYS[way]
    wire_type = NOBODY_KNOWS.get(way, "hologramMessage")
    event = one(told.gateway, told.post(wire_type))
    assert (event.kind, event.wire_type) == ("unknown", "" if way == "gowa" else wire_type)


@pytest.mark.parametrize("way", WAYS)
def test_an_unknown_type_in_a_group_is_none_of_our_business(way: str) -> None:
    told = WAYS[way]
    assert one(told.gateway, told.post(NOBODY_KNOWS.get(way, "hologramMessage"), GROUP)) == Ignored(reason="group")


@pytest.mark.parametrize(("wire_type", "said"), kinds.PROTOCOL.items())
def test_every_protocol_message_is_a_notice_by_number_and_by_name(wire_type: str, said: Verdict) -> None:
    for told in (wire_type, int(wire_type)) if wire_type.isascii() and wire_type.isdecimal() else (wire_type,):
        message = {"protocolMessage": {"type": told}}
        assert one("evolution", EvolutionPayloads().message(CUSTOMER, message=message)) == Ignored(reason=said.reason)


@pytest.mark.parametrize("gateway", ["evolution", "waha"])
def test_every_stub_of_baileys_is_what_the_table_says(gateway: str) -> None:
    for wire_type, said in [*kinds.STUBS.items(), ("21", Verdict(notice="system"))]:
        event = one(gateway, STUBS[gateway](wire_type))
        expected = event == Ignored(reason=said.reason) if said.notice else event.kind == said.kind
        assert expected, (wire_type, said, event)


STUBS = {"evolution": evolution_stub, "waha": waha_stub}


@pytest.mark.parametrize(("edit", "said"), kinds.EDITS.items())
@pytest.mark.parametrize("gateway", ["wuzapi", "waha"])
def test_whatsmeow_says_when_a_post_is_about_an_older_message(gateway: str, edit: str, said: Verdict) -> None:
    if gateway == "wuzapi":
        post = WuzapiPayloads().message(CUSTOMER, Edit=edit)
    else:
        post = waha({"Info": {**INFO, "Edit": edit}, "Message": {"conversation": "Halo"}}, text="Halo")
    assert one(gateway, post) == Ignored(reason=said.reason)


def test_an_edit_that_whatsmeow_unwrapped_is_a_notice() -> None:
    content = WuzapiPayloads().message(CUSTOMER).content
    content["event"]["IsEdit"] = True
    assert one("wuzapi", WuzapiPayloads().post(content)) == Ignored(reason="notice:edit")


def test_what_our_own_phone_tells_its_devices_is_a_notice() -> None:
    assert one("wuzapi", WuzapiPayloads().message(CUSTOMER, Category="peer")) == Ignored(reason="notice:peer")


def test_a_reaction_taken_back_is_a_notice() -> None:
    payload = {**WahaPayloads().message(CUSTOMER).content["payload"], "reaction": {"text": "", "messageId": "x"}}
    assert one("waha", WahaPayloads().event("message.reaction", payload)) == Ignored(reason="notice:reaction_removed")
    payload = {**GowaPayloads().message(CUSTOMER).content["payload"], "reaction": ""}
    post = GowaPayloads().event("message.reaction", payload, at=None)
    assert one("gowa", post) == Ignored(reason="notice:reaction_removed")


def test_the_pictures_of_an_album_are_messages_and_its_header_is_none() -> None:
    header = {"albumMessage": {"expectedImageCount": 2}}
    picture = {
        "messageContextInfo": {"messageAssociation": {"associationType": 1}}, "imageMessage": {"caption": "Satu"},
    }  # fmt: skip
    said = [one("evolution", EvolutionPayloads().message(CUSTOMER, message=told)) for told in (header, picture)]
    assert said[0] == Ignored(reason="notice:album")
    assert (said[1].kind, said[1].text) == ("image", "Satu")


# -- What was not decrypted yet --------------------------------------------------------------------------------------


def _empty(message: Any) -> Post:
    event = {**WuzapiPayloads().message(CUSTOMER).content["event"], "Message": message}
    return WuzapiPayloads().event("Message", event)


PLACEHOLDERS = {
    "evolution stub": ("evolution", evolution_stub(2)),
    "evolution stub by name": ("evolution", evolution_stub("CIPHERTEXT")),
    "evolution empty": ("evolution", EvolutionPayloads().message(CUSTOMER, message={}, messageType="unknown")),
    "wuzapi undecryptable": ("wuzapi", wuzapi_undecryptable()),
    "wuzapi empty": ("wuzapi", _empty({})),
    "wuzapi null": ("wuzapi", _empty(None)),
    "waha waiting": ("waha", waha_waiting()),
    "waha webjs": ("waha", waha({"type": "ciphertext"})),
    "waha noweb": ("waha", waha_stub(2)),
    "waha gows": ("waha", waha({"Info": INFO, "Message": None})),
    "wppconnect": ("wppconnect", WppConnectPayloads().message(CUSTOMER, type="ciphertext", text="")),
}
FULL = {
    "evolution": EvolutionPayloads().message(CUSTOMER),
    "wuzapi": WuzapiPayloads().message(CUSTOMER),
    "waha": WahaPayloads().message(CUSTOMER),
    "wppconnect": WppConnectPayloads().message(CUSTOMER),
}


@pytest.mark.parametrize("case", PLACEHOLDERS)
def test_a_placeholder_waits_for_its_content(case: str) -> None:
    gateway, post = PLACEHOLDERS[case]
    event = one(gateway, post)
    assert (event.external_id, event.kind, event.text, event.ad) == (MESSAGE_ID, "waiting", "", None)
    assert event.chat.phone == f"+{CUSTOMER}"


@pytest.mark.parametrize("case", PLACEHOLDERS)
def test_the_message_after_its_placeholder_is_no_duplicate_but_a_repeat_is(case: str) -> None:
    gateway, post = PLACEHOLDERS[case]
    assert one(gateway, FULL[gateway]).external_id == one(gateway, post).external_id
    assert key(gateway, post) == key(gateway, post) is not None
    assert key(gateway, FULL[gateway]) not in (key(gateway, post), None)


@pytest.mark.parametrize("payloads", [WuzapiPayloads(), WppConnectPayloads()])
def test_the_same_message_with_its_ad_is_no_duplicate_of_the_one_without(payloads: Any) -> None:
    plain, with_ad = payloads.message(CUSTOMER), payloads.message(CUSTOMER, ad=Ad())
    assert key(payloads.gateway, plain) != key(payloads.gateway, with_ad)
    assert key(payloads.gateway, with_ad) == key(payloads.gateway, payloads.message(CUSTOMER, ad=Ad()))


def test_a_view_once_picture_that_linked_devices_never_get_is_a_message() -> None:
    event = one("wuzapi", wuzapi_undecryptable(told={"IsUnavailable": True, "UnavailableType": "view_once"}))
    assert (event.kind, event.external_id) == ("other", MESSAGE_ID)


def test_what_no_client_shows_when_it_cannot_be_decrypted_is_a_notice() -> None:
    assert one("wuzapi", wuzapi_undecryptable(told={"DecryptFailMode": "hide"})) == Ignored(reason="notice:hidden")


def test_gowa_hands_on_no_placeholders_and_its_empty_posts_are_unknown() -> None:
    assert one("gowa", GowaPayloads().message(CUSTOMER, text=None)).kind == "unknown"  # type: ignore[arg-type]
