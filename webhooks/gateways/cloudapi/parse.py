"""Meta's Cloud API webhooks. Source: Meta's webhook reference for messages and coexistence; no label ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhooks.gateways import ads, dedupe, jids, kinds, shapes, times
from webhooks.gateways.base import Capabilities, Gateway, Headers, Signature
from webhooks.gateways.events import Chat, ChatKind, Clock, ContactSeen, Envelope, Event, Ignored, MessageSeen
from webhooks.gateways.reading import Body, Reader, Unreadable, Vocabulary, about, each, required

OBJECT = "whatsapp_business_account"
NOT_FOR_US = frozenset({
    "history", "automatic_events", "account_alerts", "account_review_update", "account_update",
    "account_settings_update", "business_capability_update", "business_status_update", "calls", "flows",
    "group_lifecycle_update", "group_participants_update", "group_settings_update", "group_status_update",
    "message_template_components_update", "message_template_quality_update", "message_template_status_update",
    "messaging_handovers", "partner_solutions", "payment_configuration_update", "phone_number_name_update",
    "phone_number_quality_update", "security", "template_category_update", "tracking_events", "user_preferences",
    "user_id_update",
})  # fmt: skip
NOT_A_MESSAGE = frozenset({"system", "request_welcome", "ephemeral"})


def _envelope(body: Body) -> Envelope:
    metadata = next((found for _, value in _changes(body) if (found := shapes.mapping(value.get("metadata")))), {})
    return Envelope(
        session=shapes.identifier(metadata.get("phone_number_id")),
        own_phone=jids.phone(metadata.get("display_phone_number")),
    )


def _post(body: Body) -> list[Event]:
    """One post may hold many changes; all of them have to be about the number of the first."""
    ours = _envelope(body).session
    changes = [{"field": field, "value": value, "ours": ours} for field, value in _changes(body)]
    if not changes:
        raise Unreadable("The post carries no changes.")
    return each(changes, _change)


def _change(change: Body) -> list[Event]:
    field, value = change["field"], change["value"]
    number = shapes.identifier(shapes.inside(value, "metadata", "phone_number_id"))
    if number != change["ours"] and number is not None:
        raise Unreadable(f"The post also carries events of another number ({number}).")
    if read := FIELDS.get(field):
        return list(read(value))
    if field in NOT_FOR_US:
        return [Ignored(reason=f"not_for_us:{field}")]
    raise Unreadable(f"Meta sent the field “{field[:80]}”, which is not known here.")


def _messages(value: Body) -> list[Event]:
    names = {jids.phone(one.get("wa_id")): one for one in shapes.objects(value.get("contacts"))}
    inbound = ({**one, "contact": names.get(jids.phone(one.get("from")))} for one in _list(value, "messages"))
    events = each(inbound, _inbound)
    if value.get("statuses"):
        events.append(Ignored(reason="message_status"))
    if value.get("errors"):
        events.append(Ignored(reason="gateway_error"))
    return events


def _inbound(message: Body) -> list[Event]:
    if message.get("group_id"):
        return [Ignored(reason=ChatKind.GROUP.value)]
    if shapes.text(message.get("type")) in NOT_A_MESSAGE:
        return [Ignored(reason="system_message")]
    chat = jids.chat(message.get("from"), shapes.inside(message, "contact", "wa_id"))
    name = shapes.person(shapes.inside(message, "contact", "profile", "name"))
    return _seen(message, chat, from_me=False, name=name)


def _echoes(value: Body) -> list[Event]:
    """Messages typed in the WhatsApp Business app on a number that is also on the API."""
    return each(_list(value, "message_echoes"), _echo)


def _echo(message: Body) -> list[Event]:
    return _seen(message, jids.chat(message.get("to")), from_me=True, name=None)


def _seen(message: Body, chat: Chat, *, from_me: bool, name: str | None) -> list[Event]:
    event = MessageSeen(
        external_id=required(shapes.identifier(message.get("id")), "message id"),
        chat=chat,
        from_me=from_me,
        text=_text(message),
        kind=kinds.of_word(message.get("type")) or "other",
        at=times.told(message.get("timestamp"), Clock.WHATSAPP),
        ad=None if from_me else ads.from_referral(message.get("referral")),
        contact_name=name,
        by_api=False if from_me else None,
    )
    return about(chat, event)


def _contacts(value: Body) -> list[Event]:
    """The app's address book. Removing an entry there removes nobody here."""
    return each(_list(value, "state_sync"), _contact)


def _contact(entry: Body) -> list[Event]:
    contact = shapes.mapping(entry.get("contact"))
    chat = jids.chat(contact.get("phone_number"))
    name = shapes.person(contact.get("full_name"), contact.get("first_name"))
    if entry.get("type") != "contact" or entry.get("action") != "add" or name is None:
        return [Ignored(reason="no_name")]
    return about(chat, ContactSeen(chat=chat, name=name))


def _text(message: Body) -> str:
    """What the person wrote or chose, wherever the type of the message puts it."""
    content = shapes.mapping(message.get(shapes.text(message.get("type"))))
    reply = shapes.mapping(content.get("button_reply") or content.get("list_reply"))
    said = (content.get("body"), content.get("caption"), content.get("text"), content.get("emoji"), reply.get("title"))
    return next((found for value in said if (found := shapes.text(value))), "")


def _list(value: Body, name: str) -> list[Body]:
    return shapes.objects(value.get(name))


def _changes(body: Any) -> Iterator[tuple[str, Body]]:
    for entry in shapes.objects(shapes.inside(body, "entry")):
        for change in shapes.objects(entry.get("changes")):
            yield shapes.text(change.get("field")), shapes.mapping(change.get("value"))


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """The ids of everything in the post; where nothing has one, the whole post, which then carries its own time."""
    ids = [found for field, value in _changes(body) for found in _ids(field, value)]
    if not ids:
        return dedupe.key(shapes.inside(body, "entry")) if shapes.inside(body, "entry") else None
    return dedupe.key(sorted(ids))


def _ids(field: str, value: Body) -> Iterator[list[str]]:
    for name in ("messages", "message_echoes", "statuses"):
        for item in _list(value, name):
            if found := shapes.identifier(item.get("id")):
                yield [field, name, found, shapes.text(item.get("type") or item.get("status"))]


FIELDS: dict[str, Reader] = {
    "messages": _messages,
    "smb_message_echoes": _echoes,
    "smb_app_state_sync": _contacts,
}

VOCABULARY = Vocabulary(
    title="Meta",
    event_name=lambda body: shapes.text(body.get("object")),
    envelope=_envelope,
    readers={OBJECT: _post},
)

GATEWAY = Gateway(
    name="cloudapi",
    title="WhatsApp Cloud API",
    parse=VOCABULARY.parse,
    dedupe_key=_dedupe_key,
    signature=Signature(header="x-hub-signature-256", algorithm="sha256", prefix="sha256="),
    session_is_an_id=True,
    capabilities=Capabilities(labels=False, label_definitions=False, label_time="received"),
)
