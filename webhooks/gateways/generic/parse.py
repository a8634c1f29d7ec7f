"""The generic JSON bridge. Its shape is ours: docs, section "Generic bridge"."""

from __future__ import annotations

import re
from typing import Any

from webhooks.gateways import ads, dedupe, jids, label_details, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
    ChatKind,
    ConnectionState,
    ContactSeen,
    Envelope,
    Event,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
)
from webhooks.gateways.vocabulary import Body, Unreadable, Vocabulary, about, decided, label_id_of, required

_NATIONAL = re.compile(r"0[1-9]\d{6,12}", re.ASCII)  # "0812...", as a number is written at home
_NOT_DIGITS = re.compile(r"[\s().\-]+")


def _envelope(body: Body) -> Envelope:
    if not isinstance(body.get("id"), str):
        raise Unreadable("The post has no “id”: every post to the bridge needs a text that is its own.")
    required(shapes.identifier(body["id"]), "id")
    return Envelope()


def _label_saved(body: Body) -> list[Event]:
    label = shapes.mapping(body.get("label"))
    return [
        LabelSaved(
            external_id=_label_id(body),
            name=shapes.name(label.get("name")),
            color=label_details.color_index(label.get("color")),
            at=times.told_by_bridge(body.get("at")),
        )
    ]


def _label_deleted(body: Body) -> list[Event]:
    return [LabelDeleted(external_id=_label_id(body), at=times.told_by_bridge(body.get("at")))]


def _label_added(body: Body) -> list[Event]:
    return _label_on_chat(body, on=True)


def _label_removed(body: Body) -> list[Event]:
    return _label_on_chat(body, on=False)


def _label_on_chat(body: Body, *, on: bool) -> list[Event]:
    chat, label = _chat(body), shapes.mapping(body.get("label"))
    event = LabelOnChat(
        chat=chat,
        external_id=_label_id(body),
        on=on,
        at=times.told_by_bridge(body.get("at")),
        label_name=shapes.name(label.get("name")),
        label_color=label_details.color_index(label.get("color")),
    )
    name = shapes.person(body.get("name"))
    return about(chat, event, *([ContactSeen(chat=chat, name=name)] if name else []))


def _message(body: Body) -> list[Event]:
    chat, message = _chat(body), shapes.mapping(body.get("message"))
    from_me = decided(shapes.boolean(message.get("from_me", False)), "whether the message is ours (“from_me”)")
    event = MessageSeen(
        external_id=required(shapes.identifier(message.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=shapes.text(message.get("text")),
        at=times.told_by_bridge(body.get("at")),
        ad=None if from_me else ads.from_referral(message.get("ad")),
        contact_name=shapes.person(body.get("name")),
    )
    return about(chat, event)


def _status(body: Body) -> list[Event]:
    word = shapes.text(body.get("status")).strip().lower()
    if word not in set(ConnectionState):
        raise Unreadable(f"“{word[:80]}” is not a status; the bridge knows “working” and “stopped”.")
    return [ChannelStatus(state=ConnectionState(word), at=times.told_by_bridge(body.get("at")))]


def _chat(body: Body) -> Chat:
    """People write into the bridge, and some leave their country out; the channel's side completes the number."""
    found = jids.chat(body.get("chat"), body.get("phone"))
    if found.kind is ChatKind.INVALID and _NATIONAL.fullmatch(_NOT_DIGITS.sub("", found.raw)):
        return Chat(raw=found.raw, kind=ChatKind.PERSONAL, phone=found.raw)
    return found


def _label_id(body: Body) -> str:
    return label_id_of(shapes.inside(body, "label", "id"))


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    return dedupe.own_id(shapes.inside(body, "id"))


VOCABULARY = Vocabulary(
    title="The bridge",
    event_name=lambda body: shapes.text(body.get("type")),
    envelope=_envelope,
    readers={
        "label.added": _label_added,
        "label.removed": _label_removed,
        "label.saved": _label_saved,
        "label.deleted": _label_deleted,
        "message": _message,
        "status": _status,
    },
)

GATEWAY = Gateway(
    name="generic",
    title="Generic bridge",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    capabilities=Capabilities(label_time="gateway", learns_lids=True),
)
