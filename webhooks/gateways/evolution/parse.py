"""Evolution API's webhooks, Baileys channel. Source: webhook.controller.ts and whatsapp.baileys.service.ts (2.3.7)."""

from __future__ import annotations

from typing import Any

from webhooks.gateways import ads, dedupe, jids, kinds, label_details, protos, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
    Clock,
    ConnectionState,
    ContactSeen,
    Envelope,
    Event,
    Ignored,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
    Moment,
    NotUnderstood,
)
from webhooks.gateways.kinds import Verdict
from webhooks.gateways.vocabulary import (
    Body,
    Reader,
    Unreadable,
    Vocabulary,
    about,
    decided,
    each,
    label_id_of,
    required,
)

STATES = {
    "open": ConnectionState.WORKING,
    "connecting": ConnectionState.STARTING,
    "close": ConnectionState.STOPPED,
    "closed": ConnectionState.STOPPED,
    "removed": ConnectionState.STOPPED,
    "refused": ConnectionState.FAILED,
}
LOGGED_OUT = 401  # Baileys' DisconnectReason.loggedOut: only a new pairing helps
DIRECTIONS = {"add": True, "remove": False}
NOT_FOR_US = frozenset({
    "application.startup", "messages.set", "messages.update", "messages.edited", "messages.delete",
    "messages.reaction", "send.message.update", "chats.set", "chats.upsert", "chats.update", "chats.delete",
    "presence.update", "groups.upsert", "groups.update", "group.update", "group.participants.update", "call",
    "typebot.start", "typebot.change.status", "new.token", "creds.update", "messaging.history.set",
})  # fmt: skip


def _event_name(body: Body) -> str:
    return shapes.text(body.get("event")).strip().lower().replace("_", ".").replace("-", ".")


def _envelope(body: Body) -> Envelope:
    own = body.get("sender") or shapes.inside(body, "data", "wuid")
    return Envelope(session=shapes.identifier(body.get("instance")), own_phone=jids.phone(own), own_lid=jids.lid(own))


def _of_each(read: Reader) -> Reader:
    """The same event carries an object or a list of them, depending on which part of Evolution sent it."""

    def read_all(body: Body) -> list[Event]:
        items = shapes.objects(body.get("data"))
        if not items:
            raise Unreadable("The post carries no data.")
        return each(({**body, "data": item} for item in items), read)

    return read_all


def _label_edited(body: Body) -> list[Event]:
    """A partial edit: Baileys leaves out what did not change."""
    label = _data(body)
    label_id, at = label_id_of(label.get("id")), _at(body)
    if shapes.boolean(label.get("deleted")):
        return [LabelDeleted(external_id=label_id, at=at)]
    name, color = shapes.name(label.get("name")), label_details.color_index(label.get("color"))
    return [LabelSaved(external_id=label_id, name=name, color=color, at=at)]


def _label_on_chat(body: Body) -> list[Event]:
    data = _data(body)
    chat = jids.chat(data.get("chatId"), data.get("remoteJid"), data.get("remoteJidAlt"), own=_envelope(body).own)
    event = LabelOnChat(
        chat=chat,
        external_id=label_id_of(data.get("labelId")),
        on=decided(DIRECTIONS.get(shapes.text(data.get("type"))), "whether the label was added or removed (“type”)"),
        at=_at(body),
    )
    return about(chat, event)


def _message(body: Body) -> list[Event]:
    data, key = _data(body), shapes.mapping(_data(body).get("key"))
    message = data.get("message")
    said = _verdict(data)
    if said.notice:
        return [Ignored(reason=said.reason)]
    from_me = decided(shapes.boolean(key.get("fromMe")), "whether the message is ours (“fromMe”)")
    chat = _chat(body, key, from_me=from_me)
    event = MessageSeen(
        external_id=required(shapes.message_id(key.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=protos.text(message),
        kind=said.kind,
        wire_type=said.wire_type,
        at=times.told(data.get("messageTimestamp"), Clock.WHATSAPP) or _at(body),
        ad=None if from_me else ads.from_messages(data, message),
        contact_name=None if from_me else shapes.person(data.get("pushName")),
        by_api=_by_api(body, from_me=from_me),
    )
    return about(chat, event)


def _verdict(data: Body) -> Verdict:
    """By the content, else by the stub that stands for it; with neither the message was not decrypted yet."""
    return (
        protos.verdict(data.get("message"))
        or protos.of_stub(data.get("messageStubType"))
        or protos.named(data.get("messageType"))
        or kinds.WAITING
    )


def _contact(body: Body) -> list[Event]:
    data = _data(body)
    chat = jids.chat(data.get("remoteJid") or data.get("id"), data.get("remoteJidAlt"), data.get("lid"))
    name = shapes.person(data.get("pushName"), data.get("name"), data.get("notify"))
    if name is None and not (chat.phone and chat.lid):
        return [Ignored(reason="no_name")]
    return about(chat, ContactSeen(chat=chat, name=name))


def _contacts(body: Body) -> list[Event]:
    """An address book: an entry that cannot be read is no reason to keep the whole of it waiting."""
    read = _of_each(_contact)(body)
    return [Ignored(reason="unreadable_contact") if isinstance(event, NotUnderstood) else event for event in read]


def _connection(body: Body) -> list[Event]:
    data = _data(body)
    word = shapes.text(data.get("state") or data.get("status")).strip().lower()
    required(word if word in STATES else None, "connection state")
    state = STATES[word]
    if state is ConnectionState.STOPPED and data.get("statusReason") == LOGGED_OUT:
        state = ConnectionState.FAILED
    return [ChannelStatus(state=state, at=_at(body))]


def _waits_for_pairing(body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.PAIRING, at=_at(body))]


def _instance_gone(body: Body) -> list[Event]:
    return [ChannelStatus(state=ConnectionState.STOPPED, at=_at(body))]


def _data(body: Body) -> Body:
    return shapes.mapping(body.get("data"))


def _at(body: Body) -> Moment | None:
    return times.told_with_false_z(body.get("date_time"))


def _chat(body: Body, key: Body, *, from_me: bool) -> Chat:
    """The chat leads. Beside it stand its other address, the one that Evolution wrote over, and the other side's."""
    data = _data(body)
    beside = [key.get("remoteJidAlt"), key.get("previousRemoteJid"), data.get("previousRemoteJid")]
    if from_me:
        beside += [key.get("recipientPn"), key.get("recipientLid")]
    else:
        beside += [key.get("senderPn"), key.get("senderLid"), key.get("participantAlt"), key.get("participantPn")]
        beside += [data.get("senderPn"), data.get("senderLid")]
    return jids.chat(key.get("remoteJid"), *beside, own=_envelope(body).own)


def _by_api(body: Body, *, from_me: bool) -> bool | None:
    if _event_name(body) == "send.message":
        return True
    typed = from_me and _data(body).get("source") in ("android", "ios")
    return False if typed else None


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """A retry repeats the post with its `date_time`; credentials and addresses of the server do not count."""
    content = shapes.mapping(body)
    if not content.get("date_time"):
        return None
    return dedupe.key(content.get("instance"), content.get("event"), content.get("data"), content["date_time"])


VOCABULARY = Vocabulary(
    title="Evolution API",
    event_name=_event_name,
    envelope=_envelope,
    readers={
        "labels.edit": _of_each(_label_edited),
        "labels.association": _of_each(_label_on_chat),
        "messages.upsert": _of_each(_message),
        "send.message": _of_each(_message),
        "contacts.upsert": _contacts,
        "contacts.update": _contacts,
        "contacts.set": _contacts,
        "connection.update": _connection,
        "status.instance": _connection,
        "qrcode.updated": _waits_for_pairing,
        "logout.instance": _instance_gone,
        "remove.instance": _instance_gone,
    },
    not_for_us=NOT_FOR_US,
)

GATEWAY = Gateway(
    name="evolution",
    title="Evolution API",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    secret_fields=("apikey",),
    event_in_url=True,
    capabilities=Capabilities(label_time="received", writes_labels=True, learns_lids=True, replays_on_pairing=True),
)
