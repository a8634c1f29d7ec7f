"""One message of any type, as each gateway and engine posts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from webhooks.gateways import kinds
from webhooks.gateways.kinds import Verdict

from .base import CUSTOMER, Post
from .evolution import EvolutionPayloads
from .gowa import GowaPayloads
from .waha import WahaPayloads
from .wppconnect import WppConnectPayloads
from .wuzapi import WuzapiPayloads

MESSAGE_ID = "3EB0C0FFEE00000001"
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


def evolution(wire_type: str, chat: str = CUSTOMER, message_id: str = MESSAGE_ID, **more: Any) -> Post:
    return EvolutionPayloads().message(
        chat, message_id=message_id, message=content(wire_type), messageType=wire_type, **more
    )


def wuzapi(wire_type: str, chat: str = CUSTOMER, message_id: str = MESSAGE_ID, **more: Any) -> Post:
    post = WuzapiPayloads().message(chat, message_id=message_id, **more)
    event = {**post.content["event"], "Message": content(wire_type)}
    return WuzapiPayloads().post({**post.content, "event": event})


def waha(data: dict[str, Any], chat: str = CUSTOMER, message_id: str = MESSAGE_ID, text: str = "", **more: Any) -> Post:
    """WAHA with the engine's own data; the event id is the content's, so each post has its own."""
    payload = WahaPayloads().message(chat, message_id=message_id, text=text, **more).content["payload"]
    return WahaPayloads().event("message", {**payload, "_data": data})


def waha_noweb(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    return waha({"key": {"remoteJid": f"{chat}@s.whatsapp.net"}, "message": content(wire_type)}, chat, **more)


def waha_gows(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    info = {"Chat": f"{chat}@s.whatsapp.net", "Type": "text", "Edit": ""}
    return waha({"Info": info, "Message": content(wire_type)}, chat, **more)


def waha_webjs(wire_type: str, chat: str = CUSTOMER, **more: Any) -> Post:
    return waha({"type": wire_type}, chat, **more)


def wppconnect(wire_type: str, chat: str = CUSTOMER, message_id: str = MESSAGE_ID, **more: Any) -> Post:
    return WppConnectPayloads().message(chat, message_id=message_id, type=wire_type, **more)


def gowa(field: str, chat: str = CUSTOMER, message_id: str = MESSAGE_ID, **more: Any) -> Post:
    return GowaPayloads().message(chat, message_id=message_id, text=None, **{field: "Halo"}, **more)  # type: ignore[arg-type]


WAYS: dict[str, Way] = {
    "evolution": Way("evolution", kinds.PROTOBUF, evolution),
    "wuzapi": Way("wuzapi", kinds.PROTOBUF, wuzapi),
    "waha-noweb": Way("waha", kinds.PROTOBUF, waha_noweb),
    "waha-gows": Way("waha", kinds.PROTOBUF, waha_gows),
    "waha-webjs": Way("waha", kinds.WEB, waha_webjs),
    "wppconnect": Way("wppconnect", kinds.WEB, wppconnect),
    "gowa": Way("gowa", kinds.GOWA | kinds.GOWA_MARKS, gowa),
}
