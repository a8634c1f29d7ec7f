"""Both addresses of a person, a phone and a LID, wherever a post tells them; never ours, never a third person's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.payloads import (
    EvolutionPayloads,
    GowaPayloads,
    WahaPayloads,
    WppConnectPayloads,
    WuzapiPayloads,
)
from tests.webhooks.gateways.payloads.base import CUSTOMER, CUSTOMER_LID, Post
from webhooks.gateways import GATEWAYS


def one(gateway: str, post: Post) -> Any:
    _, event = GATEWAYS[gateway].parse(post.headers, post.body)
    return event


LID = CUSTOMER_LID.removesuffix("@lid")
PN = f"{CUSTOMER}@s.whatsapp.net"
OTHER, OTHER_LID = "6281290002222@s.whatsapp.net", "210000000000009@lid"
OWN, OWN_LID = "6281200000001@s.whatsapp.net", "110000000000001@lid"


def _evolution(chat: str, *, from_me: bool = False, data: dict[str, Any] | None = None, **told: Any) -> Post:
    content = EvolutionPayloads().message(chat, from_me=from_me).content
    content["data"]["key"] |= told
    content["data"] |= data or {}
    return EvolutionPayloads().post(content)


def _waha(chat: str, *, from_me: bool = False, payload: dict[str, Any] | None = None, **data: Any) -> Post:
    content = WahaPayloads().message(chat, from_me=from_me).content
    content["payload"] |= {"_data": data, **(payload or {})}
    return WahaPayloads().post(content)


def _wpp(chat: str, *, from_me: bool = False, **told: Any) -> Post:
    return WppConnectPayloads().message(chat, from_me=from_me, **told)


def _wuzapi(chat: str, *, from_me: bool = False, raw: Any = None, **info: Any) -> Post:
    content = WuzapiPayloads().message(chat, from_me=from_me, **info).content
    content["event"]["RawMessage"] = raw
    return WuzapiPayloads().post(content)


def _gowa(chat: str, *, from_me: bool = False, **told: Any) -> Post:
    return GowaPayloads().message(chat, from_me=from_me, **told)


WEB_LID = {"server": "lid", "user": LID, "_serialized": CUSTOMER_LID}
WEB_PN = {"server": "c.us", "user": CUSTOMER, "_serialized": f"{CUSTOMER}@c.us"}
BOTH_TOLD: dict[str, tuple[str, Post]] = {
    "evolution remoteJidAlt": ("evolution", _evolution(CUSTOMER_LID, remoteJidAlt=PN)),
    "evolution remoteJidAlt is the lid": ("evolution", _evolution(CUSTOMER, remoteJidAlt=CUSTOMER_LID)),
    "evolution previous": ("evolution", _evolution(CUSTOMER, remoteJidAlt=PN, previousRemoteJid=CUSTOMER_LID)),
    "evolution senderPn": ("evolution", _evolution(CUSTOMER_LID, senderPn=PN)),
    "evolution senderLid": ("evolution", _evolution(CUSTOMER, senderLid=CUSTOMER_LID)),
    "evolution data.senderPn": ("evolution", _evolution(CUSTOMER_LID, data={"senderPn": PN})),
    "evolution own": ("evolution", _evolution(CUSTOMER_LID, from_me=True, remoteJidAlt=PN)),
    "evolution own, recipientPn": ("evolution", _evolution(CUSTOMER_LID, from_me=True, recipientPn=PN)),
    "waha remoteJidAlt": ("waha", _waha(CUSTOMER_LID, key={"remoteJid": CUSTOMER_LID, "remoteJidAlt": PN})),
    "waha key.remoteJid": ("waha", _waha(CUSTOMER, key={"remoteJid": CUSTOMER_LID})),
    "waha participantAlt": ("waha", _waha(CUSTOMER_LID, key={"participantAlt": PN})),
    "waha senderPn": ("waha", _waha(CUSTOMER_LID, key={"senderPn": PN})),
    "waha senderLid": ("waha", _waha(CUSTOMER, key={"senderLid": CUSTOMER_LID})),
    "waha SenderAlt": ("waha", _waha(CUSTOMER_LID, Info={"SenderAlt": f"{CUSTOMER}:3@s.whatsapp.net"})),
    "waha Info.Chat": ("waha", _waha(CUSTOMER, Info={"Chat": CUSTOMER_LID})),
    "waha id.remote": ("waha", _waha(CUSTOMER, type="chat", id={"remote": WEB_LID})),
    "waha _data.from": ("waha", _waha(CUSTOMER_LID, type="chat", **{"from": WEB_PN})),
    "waha id names the lid": ("waha", _waha(CUSTOMER, payload={"id": f"false_{CUSTOMER_LID}_3EB0AA"})),
    "waha own, recipientPn": ("waha", _waha(CUSTOMER_LID, from_me=True, key={"recipientPn": PN})),
    "waha own, RecipientAlt": ("waha", _waha(CUSTOMER_LID, from_me=True, Info={"RecipientAlt": PN})),
    "waha own, to": ("waha", _waha(CUSTOMER_LID, from_me=True, payload={"to": f"{CUSTOMER}@c.us"})),
    "waha own, sent by another device": (
        "waha", _waha(CUSTOMER, from_me=True, Info={"DeviceSentMeta": {"DestinationJID": CUSTOMER_LID}}),
    ),
    "wppconnect chatId": ("wppconnect", _wpp(CUSTOMER, chatId=WEB_LID)),
    "wppconnect sender.lid": ("wppconnect", _wpp(CUSTOMER, sender={"id": WEB_PN, "lid": WEB_LID})),
    "wppconnect sender.phoneNumber": ("wppconnect", _wpp(CUSTOMER_LID, sender={"id": WEB_LID, "phoneNumber": WEB_PN})),
    "wppconnect sender.id": ("wppconnect", _wpp(CUSTOMER_LID, sender={"id": WEB_PN})),
    "wppconnect id.remote": ("wppconnect", _wpp(CUSTOMER, id={"remote": WEB_LID, "id": "3EB0AA", "fromMe": False})),
    "wppconnect id": ("wppconnect", _wpp(CUSTOMER, id=f"false_{CUSTOMER_LID}_3EB0AA")),
    "wppconnect own, chatId": ("wppconnect", _wpp(CUSTOMER_LID, from_me=True, chatId=WEB_PN)),
    "wuzapi SenderAlt": ("wuzapi", _wuzapi(CUSTOMER_LID, SenderAlt=f"{CUSTOMER}:3@s.whatsapp.net")),
    "wuzapi Sender": ("wuzapi", _wuzapi(CUSTOMER, Sender=f"{LID}:3@lid")),
    "wuzapi own, RecipientAlt": ("wuzapi", _wuzapi(CUSTOMER_LID, from_me=True, RecipientAlt=PN)),
    "wuzapi own, DeviceSentMeta": (
        "wuzapi", _wuzapi(CUSTOMER, from_me=True, DeviceSentMeta={"DestinationJID": CUSTOMER_LID, "Phash": ""}),
    ),
    "wuzapi own, raw": (
        "wuzapi", _wuzapi(CUSTOMER, from_me=True, raw={"deviceSentMessage": {"destinationJID": CUSTOMER_LID}}),
    ),
    "gowa from_lid": ("gowa", _gowa(CUSTOMER, from_lid=CUSTOMER_LID)),
    "gowa chat_lid": ("gowa", _gowa(CUSTOMER, chat_lid=CUSTOMER_LID)),
    "gowa from": ("gowa", _gowa(CUSTOMER_LID, **{"from": PN})),
    "gowa own": ("gowa", _gowa(CUSTOMER, from_me=True, chat_lid=CUSTOMER_LID)),
}  # fmt: skip


@pytest.mark.parametrize("case", BOTH_TOLD)
def test_a_phone_and_a_lid_are_learnt_wherever_a_post_tells_both(case: str) -> None:
    chat = one(*BOTH_TOLD[case]).chat
    assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", LID)


OWN_TOLD: dict[str, tuple[str, Post]] = {
    "evolution": ("evolution", _evolution(CUSTOMER_LID, from_me=True, remoteJidAlt=OWN)),
    "waha": ("waha", _waha(CUSTOMER_LID, from_me=True, key={"remoteJidAlt": OWN}, Info={"RecipientAlt": OWN})),
    "wppconnect": (
        "wppconnect",
        _wpp(CUSTOMER_LID, from_me=True, chatId="6281200000001@c.us", sender={"lid": OWN_LID}),
    ),
    "wuzapi": ("wuzapi", _wuzapi(CUSTOMER_LID, from_me=True, RecipientAlt=OWN, SenderAlt=OWN_LID)),
    "gowa": ("gowa", _gowa(CUSTOMER_LID, from_me=True, **{"from": OWN, "from_lid": OWN_LID})),
}


@pytest.mark.parametrize("case", OWN_TOLD)
def test_our_own_address_beside_the_chat_joins_nobody_to_us(case: str) -> None:
    chat = one(*OWN_TOLD[case]).chat
    assert (chat.phone, chat.lid) == (None, LID)


THIRD_TOLD: dict[str, tuple[str, Post]] = {
    "evolution": ("evolution", _evolution(CUSTOMER, senderPn=OTHER, senderLid=OTHER_LID)),
    "waha": ("waha", _waha(CUSTOMER, key={"senderPn": OTHER, "senderLid": OTHER_LID})),
    "wppconnect": ("wppconnect", _wpp(CUSTOMER, sender={"id": OTHER, "lid": OTHER_LID})),
    "wuzapi": ("wuzapi", _wuzapi(CUSTOMER, Sender=OTHER, SenderAlt=OTHER_LID)),
    "gowa": ("gowa", _gowa(CUSTOMER, **{"from": OTHER, "from_lid": OTHER_LID})),
}


@pytest.mark.parametrize("case", THIRD_TOLD)
def test_a_third_person_beside_the_chat_is_joined_to_nobody(case: str) -> None:
    chat = one(*THIRD_TOLD[case]).chat
    assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", None)


def test_who_was_quoted_teaches_nothing() -> None:
    context = {"participant": CUSTOMER_LID, "remoteJid": CUSTOMER_LID, "quotedMessage": {"conversation": "Halo"}}
    message = {"extendedTextMessage": {"text": "Ya", "contextInfo": context}}
    for post in (_evolution(CUSTOMER, data={"message": message}), _waha(CUSTOMER, key={}, message=message)):
        gateway = "waha" if "payload" in post.content else "evolution"
        assert one(gateway, post).chat.lid is None


def test_label_events_teach_both_addresses_too() -> None:
    wpp = WppConnectPayloads().label_on_chat(CUSTOMER_LID, "7", on=True).content
    wpp["chat"]["contact"] = {"id": WEB_LID, "phoneNumber": WEB_PN}
    wuzapi = WuzapiPayloads().label_on_chat(CUSTOMER_LID, "7", on=True).content
    wuzapi["jid"] = PN
    posts = {
        "wppconnect": WppConnectPayloads().post(wpp),
        "wuzapi": WuzapiPayloads().post(wuzapi),
        "gowa": GowaPayloads().label_on_chat(CUSTOMER, "7", on=True, chat_lid=CUSTOMER_LID),
    }
    for gateway, post in posts.items():
        chat = one(gateway, post).chat
        assert (chat.phone, chat.lid) == (f"+{CUSTOMER}", LID), gateway
