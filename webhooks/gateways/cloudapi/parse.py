"""Meta's Cloud API webhooks. Source: Meta's webhook reference for messages and coexistence; no label ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhooks.gateways import dedupe, jids, shapes
from webhooks.gateways.base import Capabilities, Gateway, Headers, Signature
from webhooks.gateways.cloudapi.changes import of_user_id_update
from webhooks.gateways.cloudapi.history import of_history, threads_in
from webhooks.gateways.cloudapi.messages import of_messages, of_standby
from webhooks.gateways.cloudapi.profiles import CONTACT, chat_of, username_of
from webhooks.gateways.events import ContactSeen, Envelope, Event, Ignored
from webhooks.gateways.vocabulary import Body, Reader, Unreadable, Vocabulary, about, each

OBJECT = "whatsapp_business_account"
NOT_FOR_US = frozenset({
    "automatic_events", "account_alerts", "account_review_update", "account_update",
    "account_settings_update", "business_capability_update", "business_status_update", "calls", "flows",
    "group_lifecycle_update", "group_participants_update", "group_settings_update", "group_status_update",
    "message_template_components_update", "message_template_quality_update", "message_template_status_update",
    "messaging_handovers", "partner_solutions", "payment_configuration_update", "phone_number_name_update",
    "phone_number_quality_update", "security", "template_category_update", "tracking_events", "user_preferences",
    "contacts", "business_username_update",
})  # fmt: skip


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


def _contacts(value: Body) -> list[Event]:
    """The app's address book. Removing an entry there removes nobody here."""
    return each(shapes.objects(value.get("state_sync")), _contact)


def _contact(entry: Body) -> list[Event]:
    contact = shapes.mapping(entry.get("contact"))
    if entry.get("type") != "contact" or entry.get("action") not in ("add", "edit"):
        return [Ignored(reason="no_name")]
    told = (contact.get("phone_number"), *(contact.get(field) for field in CONTACT))
    name = shapes.person(contact.get("full_name"), contact.get("first_name"))
    username = username_of(contact)
    if name is None and username is None:
        return [Ignored(reason="no_name")]
    chat = chat_of(*told)
    return about(chat, ContactSeen(chat=chat, name=name, username=username))


def _changes(body: Any) -> Iterator[tuple[str, Body]]:
    for entry in shapes.objects(shapes.inside(body, "entry")):
        for change in shapes.objects(entry.get("changes")):
            yield shapes.text(change.get("field")), shapes.mapping(change.get("value"))


def _dedupe_key(_headers: Headers, body: Any) -> str | None:
    """The ids of everything in the post; where nothing has one, the whole post, which then carries its own time.

    A change without ids beside one with ids is named by what it says, so that neither hides the other.
    """
    told = [(field, value, list(_ids(field, value))) for field, value in _changes(body)]
    if not any(ids for _, _, ids in told):
        return dedupe.key(shapes.inside(body, "entry")) if shapes.inside(body, "entry") else None
    return dedupe.key(sorted(one for field, value, ids in told for one in ids or [[field, dedupe.key(value)]]))


def _ids(field: str, value: Body) -> Iterator[list[str]]:
    lists = {name: shapes.objects(value.get(name)) for name in ("messages", "message_echoes", "statuses")}
    lists["threads"] = [one for thread in threads_in(value) for one in shapes.objects(thread.get("messages"))]
    for name, items in lists.items():
        for item in items:
            # The type too: a placeholder and the message that follows it have the same id.
            if found := shapes.identifier(item.get("id")):
                yield [field, name, found, shapes.text(item.get("type") or item.get("status"))]


FIELDS: dict[str, Reader] = {
    "messages": of_messages,
    "smb_message_echoes": of_messages,
    "standby": of_standby,
    "smb_app_state_sync": _contacts,
    "history": of_history,
    "user_id_update": of_user_id_update,
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
