"""One message of any type, as each gateway and engine posts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.webhooks.gateways.payloads.base import CUSTOMER, Post
from tests.webhooks.gateways.payloads.cloudapi import CloudApiPayloads
from tests.webhooks.gateways.payloads.evolution import EvolutionPayloads
from tests.webhooks.gateways.payloads.gowa import GowaPayloads
from tests.webhooks.gateways.payloads.waha import WahaPayloads
from tests.webhooks.gateways.payloads.wppconnect import WppConnectPayloads
from tests.webhooks.gateways.payloads.wuzapi import WuzapiPayloads
from webhooks.gateways import kinds
from webhooks.gateways.kinds import Verdict

# What a type needs inside to be what its name says; everything else says the same words wherever words may stand.
_CONTENT: dict[str, Any] = {
    "conversation": "Halo",
    "protocolMessage": {"type": 0},
    "viewOnceMessage": {},
    "viewOnceMessageV2": {},
    "viewOnceMessageV2Extension": {},
}


class Way(NamedTuple):
    """How a gateway (on one of its engines) posts a message of a type, and the table its types are in."""

    gateway: str
    table: dict[str, Verdict]
    post: Callable[..., Post]


def content(wire_type: str) -> dict[str, Any]:
    """A waE2E message with one field, beside the context that nearly every message has."""
    return {
        "messageContextInfo": {"deviceListMetadataVersion": 2},
        wire_type: _CONTENT.get(wire_type, {"text": "Halo"}),
    }


def evolution(wire_type: str, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    return (say or EvolutionPayloads()).message(
        chat, **{"message": content(wire_type), "messageType": wire_type} | more
    )


def wuzapi(wire_type: str, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    say = say or WuzapiPayloads()
    told = say.message(chat, **more).content
    return say.post({**told, "event": {**told["event"], "Message": content(wire_type)}})


def waha(data: dict[str, Any], chat: str = CUSTOMER, *, say: Any = None, text: str = "", **more: Any) -> Post:
    """WAHA with the engine's own data; the event id is the content's, so each post has its own."""
    say = say or WahaPayloads()
    told = say.message(chat, text=text, **more).content["payload"]
    return say.event("message", {**told, "_data": data})


def waha_noweb(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    return waha({"key": {"remoteJid": f"{chat}@s.whatsapp.net"}, "message": content(wire_type)}, chat, **more)


def waha_gows(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    info = {"Chat": f"{chat}@s.whatsapp.net", "Type": "text", "Edit": ""}
    return waha({"Info": info, "Message": content(wire_type)}, chat, **more)


def waha_webjs(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    return waha({"type": wire_type}, chat, **more)


def wppconnect(wire_type: str, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    return (say or WppConnectPayloads()).message(chat, type=wire_type, **more)


def gowa(field: str, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    return (say or GowaPayloads()).message(chat, **{"text": None, field: "Halo"} | more)


def cloudapi(wire_type: str, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    say = say or CloudApiPayloads()
    content = {"message_id": "x", "emoji": "👍"} if wire_type == "reaction" else {"body": "Halo"}
    return say.message(chat, **more, **{"type": wire_type, wire_type: content})


def evolution_stub(stub_type: Any = 2, chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    say = say or EvolutionPayloads()
    told = say.message(chat, messageStubType=stub_type, messageStubParameters=["Bad MAC"], **more).content
    return say.post({**told, "data": {**told["data"], "message": None}})


def waha_stub(stub_type: Any = 2, chat: str = CUSTOMER, **more: Any) -> Post:
    key = {"remoteJid": f"{chat}@s.whatsapp.net"}
    return waha({"key": key, "message": None, "messageStubType": stub_type}, chat, **more)


def wuzapi_undecryptable(
    chat: str = CUSTOMER, *, say: Any = None, told: dict[str, Any] | None = None, **more: Any
) -> Post:
    say = say or WuzapiPayloads()
    info = say.message(chat, **more).content["event"]["Info"]
    return say.event("UndecryptableMessage", {"Info": info, "IsUnavailable": False, **(told or {})})


def waha_waiting(chat: str = CUSTOMER, *, say: Any = None, **more: Any) -> Post:
    say = say or WahaPayloads()
    told = say.message(chat, **more).content["payload"]
    return say.event("message.waiting", {**told, "body": None, "_data": {}})


# A message that the gateway could not decrypt yet, by the gateways that hand such a one on.
PLACEHOLDERS: dict[str, Callable[..., Post]] = {
    "evolution": lambda chat, **more: evolution_stub(2, chat, **more),
    "wuzapi": wuzapi_undecryptable,
    "waha": waha_waiting,
    "wppconnect": lambda chat, **more: wppconnect("ciphertext", chat, text="", **more),
}
WAYS: dict[str, Way] = {
    "evolution": Way("evolution", kinds.PROTOBUF, evolution),
    "wuzapi": Way("wuzapi", kinds.PROTOBUF, wuzapi),
    "waha-noweb": Way("waha", kinds.PROTOBUF, waha_noweb),
    "waha-gows": Way("waha", kinds.PROTOBUF, waha_gows),
    "waha-webjs": Way("waha", kinds.WEB, waha_webjs),
    "wppconnect": Way("wppconnect", kinds.WEB, wppconnect),
    "gowa": Way("gowa", kinds.GOWA | kinds.GOWA_MARKS, gowa),
    "cloudapi": Way("cloudapi", kinds.META, cloudapi),
}
