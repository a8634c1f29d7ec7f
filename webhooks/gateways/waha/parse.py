"""WAHA's webhooks. Source: WAHA documentation, pages events, labels, sessions and security (2026.7)."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from webhooks.gateways import ads, dedupe, jids, kinds, label_details, protos, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers, Signature
from webhooks.gateways.events import (
    AdReferral,
    ChannelStatus,
    Chat,
    ChatKind,
    Clock,
    ConnectionState,
    Envelope,
    Event,
    Ignored,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
    Moment,
)
from webhooks.gateways.kinds import Verdict
from webhooks.gateways.vocabulary import Body, Vocabulary, about, decided, label_id_of, required

STATES = {
    "STOPPED": ConnectionState.STOPPED,
    "STARTING": ConnectionState.STARTING,
    "SCAN_QR_CODE": ConnectionState.PAIRING,
    "PASSKEY_REQUIRED": ConnectionState.PAIRING,
    "PASSKEY_CONFIRMATION_REQUIRED": ConnectionState.PAIRING,
    "WORKING": ConnectionState.WORKING,
    "FAILED": ConnectionState.FAILED,
}
NOT_FOR_US = frozenset({
    "message.ack", "message.ack.group", "message.revoked", "message.edited", "state.change",
    "group.join", "group.leave", "group.v2.join", "group.v2.leave", "group.v2.update", "group.v2.participants",
    "presence.update", "poll.vote", "poll.vote.failed", "chat.archive", "call.received", "call.accepted",
    "call.rejected", "event.response", "event.response.failed", "engine.event",
})  # fmt: skip


def _envelope(body: Body) -> Envelope:
    me = shapes.mapping(body.get("me"))
    return Envelope(
        session=shapes.identifier(body.get("session")),
        own_phone=jids.phone(me.get("id")) or jids.phone(me.get("jid")),
        own_lid=jids.lid(me.get("lid")) or jids.lid(me.get("id")),
    )


def _label_saved(body: Body) -> list[Event]:
    label = _label(body)
    return [
        LabelSaved(
            external_id=label_id_of(label.get("id")),
            name=shapes.name(label.get("name")),
            color=_color(label),
            at=_at(body),
        )
    ]


def _label_deleted(body: Body) -> list[Event]:
    # Its name is "" and its colour not reliable: nothing but the id is read.
    return [LabelDeleted(external_id=label_id_of(_label(body).get("id")), at=_at(body))]


def _label_added(body: Body) -> list[Event]:
    return _label_on_chat(body, on=True)


def _label_removed(body: Body) -> list[Event]:
    return _label_on_chat(body, on=False)


def _label_on_chat(body: Body, *, on: bool) -> list[Event]:
    payload, label = _payload(body), shapes.mapping(_payload(body).get("label"))
    chat = jids.chat(payload.get("chatId"))
    event = LabelOnChat(
        chat=chat,
        external_id=label_id_of(payload.get("labelId") or label.get("id")),
        on=on,
        at=_at(body),
        label_name=shapes.name(label.get("name")),
        label_color=_color(label),
    )
    return about(chat, event)


def _message(body: Body) -> list[Event]:
    return _seen(body, _payload(body), _verdict(_payload(body)))


def _reaction(body: Body) -> list[Event]:
    """A reaction without its emoji was taken back."""
    payload = _payload(body)
    text = shapes.text(shapes.inside(payload, "reaction", "text"))
    removed = bool(payload.get("reaction")) and not text
    return _seen(body, {**payload, "body": text}, kinds.REACTION_REMOVED if removed else kinds.REACTION)


def _waiting(body: Body) -> list[Event]:
    """What the engine could not decrypt yet; the message itself follows under the same id."""
    return _seen(body, {**_payload(body), "body": ""}, kinds.WAITING)


def _seen(body: Body, payload: Body, said: Verdict) -> list[Event]:
    if said.notice:
        return [Ignored(reason=said.reason)]
    raw = shapes.mapping(payload.get("_data"))
    from_me = decided(_from_me(payload), "whether the message is ours (“fromMe”)")
    chat = _chat_of_message(body, payload, raw, from_me=from_me)
    event = MessageSeen(
        external_id=required(shapes.message_id(payload.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=shapes.text(payload.get("body")),
        kind=said.kind,
        wire_type=said.wire_type,
        at=times.told(payload.get("timestamp"), Clock.WHATSAPP) or _at(body),
        ad=None if from_me else _ad(payload, raw),
        contact_name=None if from_me else _sender_name(payload, raw),
        by_api={"api": True, "app": False}.get(shapes.text(payload.get("source"))),
    )
    return about(chat, event)


def _status(body: Body) -> list[Event]:
    payload = _payload(body)
    status = shapes.text(payload.get("status")).strip().upper()
    required(status if status in STATES else None, "session status")
    return [ChannelStatus(state=STATES[status], at=_at(body), paired=status == "WORKING" and _was_pairing(payload))]


def _was_pairing(payload: Body) -> bool:
    """True when the last statuses before this one, back to when it last worked, ask for a QR code or passkey."""
    said = [STATES.get(shapes.text(one.get("status"))) for one in shapes.objects(payload.get("statuses"))]
    since = takewhile(lambda state: state is not ConnectionState.WORKING, reversed(said[:-1]))
    return ConnectionState.PAIRING in since


def _payload(body: Body) -> Body:
    return shapes.mapping(body.get("payload"))


def _label(body: Body) -> Body:
    """Wawp nests the label one level deeper than WAHA."""
    payload = _payload(body)
    return shapes.mapping(payload.get("label")) or payload


def _color(label: Body) -> int | None:
    """WAHA: index and hex, and the index counts; WPP: ARGB in `color`, index apart; Wawp: hex alone."""
    return label_details.first_color_index(
        label.get("colorIndex"), label.get("color"), label.get("colorHex"), label.get("hexColor")
    )


def _at(body: Body) -> Moment | None:
    return times.told(body.get("timestamp"), Clock.GATEWAY)


def _from_me(payload: Body) -> bool | None:
    said = shapes.boolean(payload.get("fromMe"))
    written = shapes.text(payload.get("id")).partition("_")[0]
    return shapes.boolean(written) if said is None else said


def _chat_of_message(body: Body, payload: Body, raw: Body, *, from_me: bool) -> Chat:
    inside_id = shapes.chat_of_message_id(payload.get("id"))
    own = _envelope(body).own
    if from_me:  # `from` differs by engine, the chat inside the id does not
        return jids.chat(inside_id or payload.get("to"), payload.get("to"), *_of_the_other(raw, from_me=True), own=own)
    if jids.chat(inside_id).kind not in (ChatKind.PERSONAL, ChatKind.INVALID):
        return jids.chat(inside_id)  # a group or status that names its author in `from`
    return jids.chat(payload.get("from"), inside_id, *_of_the_other(raw, from_me=False), own=own)


def _of_the_other(raw: Body, *, from_me: bool) -> tuple[Any, ...]:
    """Every address of the other side that the engine's own data tells: NOWEB's key, GOWS' Info, WEBJS' id."""
    key, info = shapes.mapping(raw.get("key")), shapes.mapping(raw.get("Info"))
    remote = shapes.address(shapes.inside(raw, "id", "remote"))
    always = (key.get("remoteJid"), key.get("remoteJidAlt"), info.get("Chat"), remote)
    if from_me:
        sent_to = shapes.inside(info, "DeviceSentMeta", "DestinationJID")
        return (
            *always, key.get("recipientPn"), key.get("recipientLid"), info.get("RecipientAlt"), sent_to,
            shapes.address(raw.get("to")),
        )  # fmt: skip
    return (
        *always, key.get("senderPn"), key.get("senderLid"), key.get("participantAlt"), info.get("Sender"),
        info.get("SenderAlt"), shapes.address(raw.get("from")),
    )  # fmt: skip


def _verdict(payload: Body) -> Verdict:
    """What the message is: by the engine's own data, which tells the type, else by what WAHA made of it."""
    raw = shapes.mapping(payload.get("_data"))
    said = _raw_verdict(raw) or _plain_verdict(payload)
    if said is kinds.UNKNOWN and (raw.get("Info") or raw.get("key")):
        return kinds.WAITING  # the engine had the message, but nothing of what is in it
    if said.kind == "other" and (kind := kinds.of_mime(shapes.inside(payload, "media", "mimetype"))):
        return Verdict(kind)
    return said


def _raw_verdict(raw: Body) -> Verdict | None:
    """NOWEB hands on Baileys' message, GOWS whatsmeow's event, WEBJS and WPP the page's own model with its type."""
    if raw.get("Info"):
        return protos.of_event(shapes.keys_folded(raw))
    if shapes.text(raw.get("type")):
        return kinds.of_web(raw["type"])
    return protos.verdict(raw.get("message")) or protos.of_stub(raw.get("messageStubType"))


def _plain_verdict(payload: Body) -> Verdict:
    if kind := kinds.of_mime(shapes.inside(payload, "media", "mimetype")):
        return Verdict(kind)
    if payload.get("vCards"):
        return Verdict("contact")
    if payload.get("location"):
        return Verdict("location")
    if payload.get("hasMedia"):
        return kinds.OTHER
    return kinds.TEXT if shapes.text(payload.get("body")) else kinds.UNKNOWN


def _ad(payload: Body, raw: Body) -> AdReferral | None:
    return ads.from_referral(raw.get("ctwaContext")) or ads.from_messages(raw, payload)


def _sender_name(payload: Body, raw: Body) -> str | None:
    return shapes.person(
        payload.get("notifyName"), raw.get("notifyName"), raw.get("pushName"), shapes.inside(raw, "Info", "PushName")
    )


def _dedupe_key(headers: Headers, body: Any) -> str | None:
    """WAHA's event id; before it had one, its request id; else the content, where that carries a time."""
    content = shapes.mapping(body)
    if known := dedupe.own_id(content.get("id")) or dedupe.own_id(headers.get("x-webhook-request-id")):
        return known
    if "timestamp" not in content and "timestamp" not in _payload(content):
        return None
    return dedupe.key(*(content.get(part) for part in ("event", "session", "timestamp", "payload")))


VOCABULARY = Vocabulary(
    title="WAHA",
    event_name=lambda body: shapes.text(body.get("event")),
    envelope=_envelope,
    readers={
        "label.upsert": _label_saved,
        "label.deleted": _label_deleted,
        "label.chat.added": _label_added,
        "label.chat.deleted": _label_removed,
        "message": _message,
        "message.any": _message,
        "message.waiting": _waiting,
        "message.reaction": _reaction,
        "session.status": _status,
    },
    not_for_us=NOT_FOR_US,
)

GATEWAY = Gateway(
    name="waha",
    title="WAHA",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    signature=Signature(header="x-webhook-hmac", algorithm="sha512"),
    kept_headers=("x-webhook-request-id", "x-webhook-timestamp"),
    capabilities=Capabilities(
        label_time="gateway", lists_labels=True, writes_labels=True, learns_lids=True, replays_on_pairing=True
    ),
)
