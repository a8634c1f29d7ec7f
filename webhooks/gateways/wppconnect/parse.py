"""WPPConnect server's webhooks. Source: its functions.ts (callWebHook) and wppconnect's listener.layer.ts."""

from __future__ import annotations

from typing import Any

from webhooks.gateways import ads, dedupe, jids, kinds, label_details, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers
from webhooks.gateways.events import (
    AdReferral,
    ChannelStatus,
    Chat,
    Clock,
    ConnectionState,
    Envelope,
    Event,
    Ignored,
    LabelOnChat,
    MessageSeen,
)
from webhooks.gateways.vocabulary import Body, Unreadable, Vocabulary, about, decided, required

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
    return shapes.address(body.get("from" if from_me else "to"))


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
        label_color=label_details.first_color_index(label.get("colorIndex"), label.get("color"), label.get("hexColor")),
    )


def _chat_of_label(body: Body) -> Chat:
    """The chat is the page's own model as JSON; it is missing when the chat was not loaded."""
    chat = body.get("chat")
    if not chat:
        raise Unreadable("The post does not say which chat was labelled.")
    if not isinstance(chat, dict):
        return jids.chat(chat)
    return jids.chat(shapes.address(chat.get("id")), *_addresses(chat), *_addresses(chat.get("contact")))


def _addresses(model: Any) -> tuple[Any, ...]:
    """What the page's model of a chat or contact tells of the person: an id, a LID and a phone, each in two shapes."""
    fields = shapes.mapping(model)
    return tuple(shapes.address(fields.get(name)) for name in ("id", "lid", "accountLid", "phoneNumber"))


def _message(body: Body) -> list[Event]:
    said = kinds.of_web(body.get("type"))
    if said.notice:
        return [Ignored(reason=said.reason)]
    from_me = decided(shapes.boolean(body.get("fromMe")), "whether the message is ours (“fromMe”)")
    chat = _chat(body, from_me=from_me)
    event = MessageSeen(
        external_id=required(shapes.message_id(body.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=_text(body, said.kind),
        kind=said.kind,
        wire_type=said.wire_type,
        at=times.told(body.get("timestamp") or body.get("t"), Clock.WHATSAPP),
        ad=_ad(body, from_me=from_me),
        contact_name=None if from_me else _sender_name(body),
    )
    return about(chat, event)


def _text(body: Body, kind: str) -> str:
    """`body` of media is the file itself in base64."""
    return shapes.text(body.get("body" if kind == "text" else "caption"))


def _ad(body: Body, *, from_me: bool) -> AdReferral | None:
    return None if from_me else ads.from_referral(body.get("ctwaContext"))


def _sender_name(body: Body) -> str | None:
    return shapes.person(body.get("notifyName"), shapes.inside(body, "sender", "pushname"))


def _chat(body: Body, *, from_me: bool) -> Chat:
    """For our own messages `from` and `sender` are us; the id's middle part is the chat on either side."""
    partner = shapes.address(body.get("to" if from_me else "from"))
    beside = (
        shapes.chat_of_message_id(body.get("id")),
        shapes.address(shapes.inside(body, "id", "remote")),
        shapes.address(body.get("chatId")),
    )
    leading = partner or next((found for found in beside if found), None)
    others = () if from_me else _addresses(body.get("sender"))
    of_chat = _addresses(body.get("chat"))
    return jids.chat(leading, *beside, *others, *of_chat, own=_envelope(body).own)


def _status(body: Body) -> list[Event]:
    word = shapes.text(body.get("status")).strip()
    required(word if word in STATES else None, "session status")
    return [ChannelStatus(state=STATES[word], paired=word == "qrReadSuccess")]


def _waits_for_pairing(_body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.PAIRING)]


def _session_closed(_body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.STOPPED)]


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """It never sends twice: only messages, which come by more than one event, are told apart by their id.

    What is told counts too: a message that could not be decrypted comes again under its id when it could; and under
    which address: a second one of the same chat is news, too.
    """
    content = shapes.mapping(body)
    message = shapes.message_id(content.get("id"))
    if shapes.text(content.get("event")) not in MESSAGE_EVENTS or message is None:
        return None
    said = kinds.of_web(content.get("type"))
    told = dedupe.fullness(said, text=_text(content, said.kind), ad=_ad(content, from_me=False))
    chat = shapes.chat_of_message_id(content.get("id"))
    return dedupe.key("message", content.get("session"), chat, message, told)


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
