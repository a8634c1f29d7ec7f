"""GOWA's webhooks. Source: its docs/webhook-payload.md and event_label.go (v9.2)."""

from __future__ import annotations

from typing import Any

from webhooks.gateways import ads, dedupe, jids, kinds, label_details, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers, Signature
from webhooks.gateways.events import (
    Chat,
    ChatKind,
    Clock,
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

NOT_FOR_US = frozenset({
    "message.ack", "message.revoked", "message.edited", "message.deleted", "message.played", "chat_presence",
    "group.participants", "group.joined", "newsletter.joined", "newsletter.left", "newsletter.message",
    "newsletter.mute", "call.offer",
})  # fmt: skip


def _envelope(body: Body) -> Envelope:
    own = body.get("device_id")
    return Envelope(session=shapes.identifier(body.get("session_id")), own_phone=jids.phone(own), own_lid=jids.lid(own))


def _label_edited(body: Body) -> list[Event]:
    """A partial edit: a key that is not there was not said."""
    label = _payload(body)
    label_id, at = label_id_of(label.get("label_id")), _at(body)
    if shapes.boolean(label.get("deleted")):
        return [LabelDeleted(external_id=label_id, at=at)]
    return [
        LabelSaved(
            external_id=label_id,
            name=shapes.name(label.get("name")),
            color=label_details.color_index(label.get("color")),
            list_type=label_details.list_type(label.get("type")),
            at=at,
        )
    ]


def _label_on_chat(body: Body) -> list[Event]:
    payload = _payload(body)
    chat = jids.chat(payload.get("chat_id"), payload.get("chat_lid"), own=_envelope(body).own)
    event = LabelOnChat(
        chat=chat,
        external_id=label_id_of(payload.get("label_id")),
        on=decided(shapes.boolean(payload.get("labeled")), "whether the label is on (“labeled”)"),
        at=_at(body),
    )
    return about(chat, event)


def _message(body: Body) -> list[Event]:
    return _seen(body, _verdict(_payload(body)))


def _reaction(body: Body) -> list[Event]:
    payload = _payload(body)
    if payload.get("reaction") == "":  # taken back
        return [Ignored(reason=kinds.REACTION_REMOVED.reason)]
    return _seen({**body, "payload": {**payload, "body": payload.get("reaction")}}, kinds.REACTION)


def _seen(body: Body, said: Verdict) -> list[Event]:
    payload = _payload(body)
    from_me = _from_me(body)
    chat = _chat(body, from_me=from_me)
    event = MessageSeen(
        external_id=required(shapes.message_id(payload.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=shapes.text(payload.get("body")),
        kind=said.kind,
        at=times.told(payload.get("timestamp"), Clock.WHATSAPP) or _at(body),
        ad=None if from_me else ads.from_referral(payload.get("referral")),
        contact_name=None if from_me else shapes.person(payload.get("from_name"), payload.get("sender_display_name")),
    )
    return about(chat, event)


def _payload(body: Body) -> Body:
    return shapes.mapping(body.get("payload"))


def _at(body: Body) -> Moment | None:
    return times.told(body.get("timestamp"), Clock.WHATSAPP)


def _from_me(body: Body) -> bool:
    """Media posts may leave `is_from_me` out; then the sender tells."""
    said = shapes.boolean(_payload(body).get("is_from_me"))
    own = jids.phone(body.get("device_id"))
    return said if said is not None else own is not None and jids.phone(_payload(body).get("from")) == own


def _chat(body: Body, *, from_me: bool) -> Chat:
    payload = _payload(body)
    named, sender = payload.get("chat_id"), payload.get("from")
    own = _envelope(body).own
    if from_me:
        return jids.chat(named, payload.get("chat_lid"), own=own)
    if {jids.phone(named), jids.lid(named)} & own and jids.chat(sender).kind is ChatKind.PERSONAL:
        return jids.chat(sender, payload.get("from_lid"), own=own)  # some posts name our own number as the chat
    return jids.chat(named, payload.get("chat_lid"), payload.get("from_lid"), sender, own=own)


def _verdict(payload: Body) -> Verdict:
    """GOWA says the type by the field with the content. A post without any is of a type that GOWA cannot read itself
    (a template, a timer, a key): nobody can tell whether a person wrote, but for what only stands beside their words.
    """
    tables = (kinds.GOWA, kinds.GOWA_MARKS)
    found = (verdict for table in tables for field, verdict in table.items() if payload.get(field))
    return next(found, kinds.UNKNOWN)


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """GOWA has no delivery id. Without a time of its own, two label posts that look the same may be two truths."""
    content, payload = shapes.mapping(body), shapes.mapping(shapes.inside(body, "payload"))
    at = content.get("timestamp") or payload.get("timestamp")
    if not at or not content.get("event"):
        return None
    return dedupe.key(content["event"], content.get("device_id"), at, payload)


VOCABULARY = Vocabulary(
    title="GOWA",
    event_name=lambda body: shapes.text(body.get("event")),
    envelope=_envelope,
    readers={
        "label.edit": _label_edited,
        "label.association": _label_on_chat,
        "message": _message,
        "message.reaction": _reaction,
    },
    not_for_us=NOT_FOR_US,
)

GATEWAY = Gateway(
    name="gowa",
    title="GOWA",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    signature=Signature(header="x-hub-signature-256", algorithm="sha256", prefix="sha256="),
    weak_secrets=frozenset({"secret"}),
    capabilities=Capabilities(label_time="whatsapp", learns_lids=True),
)
