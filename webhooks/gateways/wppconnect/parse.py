"""WPPConnect server's webhooks. Source: its functions.ts (callWebHook) and wppconnect's listener.layer.ts."""

from __future__ import annotations

from typing import Any

from webhooks.gateways import ads, colors, dedupe, jids, kinds, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
    Clock,
    ConnectionState,
    Envelope,
    Event,
    LabelOnChat,
    MessageSeen,
)
from webhooks.gateways.reading import Body, Unreadable, Vocabulary, about, decided, required

STATES = {
    "inChat": ConnectionState.WORKING,
    "isLogged": ConnectionState.WORKING,
    "qrReadSuccess": ConnectionState.STARTING,
    "notLogged": ConnectionState.PAIRING,
    "qrReadFail": ConnectionState.FAILED,
    "qrReadError": ConnectionState.FAILED,
    "disconnectedMobile": ConnectionState.FAILED,
    "desconnectedMobile": ConnectionState.FAILED,  # so spelled in the server
    "phoneNotConnected": ConnectionState.STOPPED,
    "browserClose": ConnectionState.STOPPED,
    "autocloseCalled": ConnectionState.STOPPED,
    "serverClose": ConnectionState.STOPPED,
}
DIRECTIONS = {"add": True, "remove": False}
NOT_FOR_US = frozenset({
    "onack", "onpresencechanged", "onparticipantschanged", "onrevokedmessage", "onpollresponse", "incomingcall",
    "location", "onreactionmessage",
})  # fmt: skip
MESSAGE_EVENTS = frozenset({"onmessage", "onselfmessage", "unreadmessages"})


def _envelope(body: Body) -> Envelope:
    own = _own_address(body)
    return Envelope(session=shapes.identifier(body.get("session")), own_phone=jids.phone(own), own_lid=jids.lid(own))


def _own_address(body: Body) -> Any:
    from_me = shapes.boolean(body.get("fromMe"))
    is_message = shapes.text(body.get("event")) in MESSAGE_EVENTS
    if not is_message or from_me is None or shapes.boolean(body.get("isGroupMsg")):
        return None
    return _serialized(body.get("from" if from_me else "to"))


def _labels_on_chat(body: Body) -> list[Event]:
    """One post, several labels. `labels` describes them, `ids` names them; either may be missing."""
    chat = _chat_of_label(body)
    on = decided(DIRECTIONS.get(shapes.text(body.get("type"))), "whether the labels were added or removed (“type”)")
    described = {_label_id(label.get("id")): label for label in shapes.objects(body.get("labels"))}
    named = body.get("ids") if isinstance(body.get("ids"), list) else []
    ids = dict.fromkeys(label_id for label_id in (*map(_label_id, named or []), *described) if label_id)
    if not ids:
        raise Unreadable("The post names no label.")
    return about(chat, *(_label_on_chat(chat, label_id, described.get(label_id, {}), on=on) for label_id in ids))


def _label_id(value: Any) -> str | None:
    return shapes.identifier(value, longest=shapes.MAX_LABEL_ID)


def _label_on_chat(chat: Chat, label_id: str, label: Body, *, on: bool) -> LabelOnChat:
    return LabelOnChat(
        chat=chat,
        external_id=label_id,
        on=on,
        label_name=shapes.name(label.get("name")),
        label_color=colors.first_index(label.get("colorIndex"), label.get("color"), label.get("hexColor")),
    )


def _chat_of_label(body: Body) -> Chat:
    """The chat is the page's own model as JSON; it is missing when the chat was not loaded."""
    chat = body.get("chat")
    if not chat:
        raise Unreadable("The post does not say which chat was labelled.")
    return jids.chat(_serialized(chat.get("id") if isinstance(chat, dict) else chat))


def _message(body: Body) -> list[Event]:
    from_me = decided(shapes.boolean(body.get("fromMe")), "whether the message is ours (“fromMe”)")
    chat = jids.chat(_address_of_chat(body, from_me=from_me))
    kind = kinds.of_word(body.get("type")) or "other"
    sender = shapes.mapping(body.get("sender"))
    event = MessageSeen(
        external_id=required(shapes.message_id(body.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        # `body` of media is the file itself in base64
        text=shapes.text(body.get("body" if kind == "text" else "caption")),
        kind=kind,
        at=times.told(body.get("timestamp") or body.get("t"), Clock.WHATSAPP),
        ad=None if from_me else ads.from_referral(body.get("ctwaContext")),
        contact_name=None if from_me else shapes.person(body.get("notifyName"), sender.get("pushname")),
    )
    return about(chat, event)


def _address_of_chat(body: Body, *, from_me: bool) -> Any:
    """For our own messages `from` is us; the id's middle part is the chat on either side."""
    partner = body.get("to" if from_me else "from")
    return _serialized(partner) or shapes.chat_of_message_id(body.get("id")) or _serialized(body.get("chatId"))


def _status(body: Body) -> list[Event]:
    word = shapes.text(body.get("status")).strip()
    required(word if word in STATES else None, "session status")
    return [ChannelStatus(state=STATES[word], paired=word == "qrReadSuccess")]


def _waits_for_pairing(_body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.PAIRING)]


def _session_closed(_body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.STOPPED)]


def _serialized(value: Any) -> Any:
    """An id is a text, or an object {server, user, _serialized}."""
    if not isinstance(value, dict):
        return value
    user, server = shapes.identifier(value.get("user")), shapes.text(value.get("server"))
    return value.get("_serialized") or (f"{user}@{server}" if user and server else None)


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """It never sends twice: only messages, which come by more than one event, are told apart by their id."""
    content = shapes.mapping(body)
    message = shapes.message_id(content.get("id"))
    if shapes.text(content.get("event")) not in MESSAGE_EVENTS or message is None:
        return None
    return dedupe.key("message", content.get("session"), message)


VOCABULARY = Vocabulary(
    title="WPPConnect",
    event_name=lambda body: shapes.text(body.get("event")),
    envelope=_envelope,
    readers={
        "onupdatelabel": _labels_on_chat,
        **dict.fromkeys(MESSAGE_EVENTS, _message),
        "status-find": _status,
        "qrcode": _waits_for_pairing,
        "phoneCode": _waits_for_pairing,
        "closesession": _session_closed,
        "logoutsession": _session_closed,
    },
    not_for_us=NOT_FOR_US,
)

GATEWAY = Gateway(
    name="wppconnect",
    title="WPPConnect",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    capabilities=Capabilities(
        label_definitions=False, label_time="received", lists_labels=True, writes_labels=True, learns_lids=True
    ),
)
