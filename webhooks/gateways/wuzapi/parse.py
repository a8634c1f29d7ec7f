"""Wuzapi's webhooks: whatsmeow's events with a few fields copied flat. Source: its wmiau.go and helpers.go."""

from __future__ import annotations

from typing import Any

from webhooks.gateways import ads, bodies, dedupe, jids, kinds, label_details, protos, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers, Signature
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
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
    "Connected": ConnectionState.WORKING,
    "Disconnected": ConnectionState.STOPPED,
    "StreamReplaced": ConnectionState.STOPPED,
    "QRTimeout": ConnectionState.STOPPED,
    "QR": ConnectionState.PAIRING,
    "PairSuccess": ConnectionState.STARTING,
    "PairError": ConnectionState.FAILED,
    "LoggedOut": ConnectionState.FAILED,
    "ConnectFailure": ConnectionState.FAILED,
    "ClientOutdated": ConnectionState.FAILED,
    "TemporaryBan": ConnectionState.FAILED,
}
NOT_FOR_US = frozenset({
    "Receipt", "MediaRetry", "ReadReceipt", "GroupInfo", "JoinedGroup", "Picture",
    "BlocklistChange", "Blocklist", "KeepAliveRestored", "KeepAliveTimeout", "StreamError",
    "QRScannedWithoutMultidevice", "PrivacySettings", "PushNameSetting", "UserAbout", "AppState",
    "AppStateSyncComplete", "HistorySync", "OfflineSyncCompleted", "OfflineSyncPreview", "CallOffer", "CallAccept",
    "CallTerminate", "CallOfferNotice", "CallRelayLatency", "Presence", "ChatPresence", "IdentityChange",
    "CATRefreshError", "NewsletterJoin", "NewsletterLeave", "NewsletterMuteChange", "NewsletterLiveUpdate",
    "FBMessage",
})  # fmt: skip


def _envelope(body: Body) -> Envelope:
    own = _own_addresses(body)
    return Envelope(
        session=shapes.identifier(body.get("instanceName")),
        own_phone=next((found for address in own if (found := jids.phone(address))), None),
        own_lid=next((found for address in own if (found := jids.lid(address))), None),
    )


def _own_addresses(body: Body) -> tuple[Any, ...]:
    """The account is only named where it speaks itself, or when it is paired."""
    event, info = _event(body), _info(body)
    if body.get("type") == "PairSuccess":
        return event.get("id"), event.get("lid")
    if shapes.boolean(info.get("isfromme")):
        return info.get("sender"), info.get("senderalt")
    return ()


def _label_edited(body: Body) -> list[Event]:
    """The flat copies turn an absent name or colour into "" and 0, so WhatsApp's own action counts where it is."""
    event, flat = _event(body), shapes.keys_folded(body)
    action = shapes.keys_folded(event.get("action")) if isinstance(event.get("action"), dict) else _said_flat(flat)
    label_id = label_id_of(event.get("labelid", flat.get("labelid")))
    if shapes.boolean(action.get("deleted")):
        return [LabelDeleted(external_id=label_id, at=_at(body))]
    return [
        LabelSaved(
            external_id=label_id,
            name=shapes.name(action.get("name")),
            color=label_details.color_index(action.get("color")),
            list_type=label_details.list_type(action.get("type")),
            at=_at(body),
        )
    ]


def _said_flat(flat: Body) -> Body:
    """Zero values of a flat copy say nothing; its `type` is the event's."""
    return {name: flat[name] for name in ("name", "color", "deleted") if flat.get(name)}


def _label_on_chat(body: Body) -> list[Event]:
    event, flat = _event(body), shapes.keys_folded(body)
    labeled = shapes.boolean(shapes.keys_folded(event.get("action")).get("labeled"))
    named = [jid for jid in (event.get("jid"), flat.get("jid"), flat.get("chatjid")) if jid]
    chat = jids.chat(*(named or [None]), own=_envelope(body).own)
    said = LabelOnChat(
        chat=chat,
        external_id=label_id_of(event.get("labelid", flat.get("labelid"))),
        on=decided(
            shapes.boolean(flat.get("labeled")) if labeled is None else labeled, "whether the label is on (“labeled”)"
        ),
        at=_at(body),
    )
    return about(chat, said)


def _label_on_message(_body: Body) -> list[Event]:
    return [Ignored(reason="message_label")]


def _message(body: Body) -> list[Event]:
    event = _event(body)
    return _seen(body, event, _verdict(event))


def _undecryptable(body: Body) -> list[Event]:
    event = _event(body)
    return _seen(body, event, _verdict_on_undecryptable(event))


def _verdict(event: Body) -> Verdict:
    """A message without any content was not decrypted yet."""
    return protos.of_event(event) or kinds.WAITING


def _verdict_on_undecryptable(event: Body) -> Verdict:
    """What cannot be read yet follows under its id; a view-once picture never does, and the rest no client shows."""
    if event.get("unavailabletype") == "view_once":
        return kinds.OTHER
    return kinds.HIDDEN if event.get("decryptfailmode") == "hide" else kinds.WAITING


def _seen(body: Body, event: Body, said: Verdict) -> list[Event]:
    if said.notice:
        return [Ignored(reason=said.reason)]
    info, message = shapes.keys_folded(event.get("info")), event.get("message")
    from_me = decided(shapes.boolean(info.get("isfromme")), "whether the message is ours (“IsFromMe”)")
    chat = _chat(body, event, info, from_me=from_me)
    seen = MessageSeen(
        external_id=required(shapes.message_id(info.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=protos.text(message),
        kind=said.kind,
        wire_type=said.wire_type,
        at=times.told(info.get("timestamp"), Clock.WHATSAPP),
        ad=None if from_me else ads.from_messages(message),
        contact_name=None if from_me else shapes.person(info.get("pushname")),
    )
    return about(chat, seen)


def _status(body: Body) -> list[Event]:
    word = shapes.text(body.get("type"))
    return [ChannelStatus(state=STATES[word], at=_at(body), paired=word == "PairSuccess")]


def _event(body: Body) -> Body:
    return shapes.keys_folded(body.get("event"))


def _info(body: Body) -> Body:
    return shapes.keys_folded(_event(body).get("info"))


def _at(body: Body) -> Moment | None:
    return times.told(_event(body).get("timestamp"), Clock.WHATSAPP)


def _chat(body: Body, event: Body, info: Body, *, from_me: bool) -> Chat:
    """The other side's second address stands beside the sender or the recipient, whichever is not us."""
    if not from_me:
        return jids.chat(info.get("chat"), info.get("sender"), info.get("senderalt"))
    return jids.chat(info.get("chat"), *_sent_to(event, info), own=_envelope(body).own)


def _sent_to(event: Body, info: Body) -> tuple[Any, ...]:
    """Whom a message of ours went to; what another device of ours sent says it once more."""
    meta = shapes.keys_folded(info.get("devicesentmeta"))
    raw = shapes.keys_folded(shapes.keys_folded(event.get("rawmessage")).get("devicesentmessage"))
    return info.get("recipientalt"), meta.get("destinationjid"), raw.get("destinationjid")


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """Wuzapi has no delivery id: a message's own with how much is told of it, else the content with WhatsApp's time."""
    content = shapes.mapping(body)
    event = _event(content)
    info, verdict = shapes.keys_folded(event.get("info")), MESSAGES.get(shapes.text(content.get("type")))
    if verdict and info.get("id"):
        message = event.get("message")
        told = dedupe.fullness(verdict(event), text=protos.text(message), ad=ads.from_messages(message))
        return dedupe.key("Message", info.get("chat"), info.get("isfromme"), info["id"], told)
    if _at(content) is None:
        return None
    return dedupe.key(dedupe.without(content, "token", "userID", "instanceName"))


def _signed_payloads(body: bytes) -> list[bytes]:
    """Wuzapi signs the JSON, or the form as Go spells it: the bytes that came, or the same with sorted keys."""
    try:
        return [body, bodies.sorted_form(body)]
    except ValueError:
        return [body]


MESSAGES = {"Message": _verdict, "UndecryptableMessage": _verdict_on_undecryptable}
VOCABULARY = Vocabulary(
    title="Wuzapi",
    event_name=lambda body: shapes.text(body.get("type")),
    envelope=_envelope,
    readers={
        "LabelEdit": _label_edited,
        "LabelAssociationChat": _label_on_chat,
        "LabelAssociationMessage": _label_on_message,
        "Message": _message,
        "UndecryptableMessage": _undecryptable,
        **dict.fromkeys(STATES, _status),
    },
    not_for_us=NOT_FOR_US,
)

GATEWAY = Gateway(
    name="wuzapi",
    title="Wuzapi",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    signature=Signature(header="x-hmac-signature", algorithm="sha256"),
    form_field="jsonData",
    form_beside=("instanceName",),
    signed_payloads=_signed_payloads,
    secret_fields=("token",),
    capabilities=Capabilities(label_time="whatsapp", lists_labels=True, writes_labels=True, learns_lids=True),
)
