"""Who a post of Meta's is about: phones and user ids in whatever fields tell them, and the `contacts` beside them.

Source: Meta's "Business-scoped user IDs" and the references of the webhooks `messages`, `smb_message_echoes`,
`history` and `smb_app_state_sync`. Since 2026 `wa_id`, `from` and `to` may be missing, empty or (as integrators
report) hold the user id themselves; so every field is read by the shape of its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webhooks.gateways import jids, shapes, user_ids
from webhooks.gateways.events import Chat, ChatKind
from webhooks.gateways.vocabulary import Body

SENDER = ("from", "from_user_id", "from_parent_user_id")
RECIPIENT = (
    "to", "to_user_id", "to_parent_user_id", "recipient", "recipient_id", "recipient_user_id",
    "recipient_parent_user_id",
)  # fmt: skip
CONTACT = ("wa_id", "user_id", "parent_user_id")


@dataclass(frozen=True, slots=True)
class Profile:
    """A chat with what `contacts` says of its owner."""

    chat: Chat
    name: str | None = None
    username: str | None = None


def chat_of(*told: Any) -> Chat:
    """The chat that all of `told` name together, the first of each kind; INVALID when none can be read.

    A hidden or unreadable number takes nothing from an id that stands beside it.
    """
    given = [value for value in told if value not in (None, "")]
    ids = [one for one in map(user_ids.read, given) if one is not None]
    addresses = [jids.chat(value) for value in given if user_ids.read(value) is None]
    readable = [one for one in addresses if one.kind is not ChatKind.INVALID]
    if readable and readable[0].kind is not ChatKind.PERSONAL:
        return readable[0]
    if not readable and not ids:
        return addresses[0] if addresses else Chat(raw="", kind=ChatKind.INVALID)
    return Chat(
        raw=shapes.text(given[0]),
        kind=ChatKind.PERSONAL,
        phone=_first(one.phone for one in readable),
        lid=_first(one.lid for one in readable),
        user_id=_first(one.value for one in ids if not one.is_parent),
        parent_id=_first(one.value for one in ids if one.is_parent),
    )


def _first(values: Any) -> str | None:
    return next((value for value in values if value), None)


def profile_of(message: Body, fields: Sequence[str], contacts: Sequence[Body]) -> Profile:
    """Who stands in `fields` of `message`, completed by the entry of `contacts` that names the same person.

    A message that names nobody (Meta leaves everything out where somebody shares their contact) is of the only
    entry there is; with several entries it stays INVALID, because their order is documented nowhere.
    """
    told = [message.get(field) for field in fields]
    chat = chat_of(*told)
    named = any(value not in (None, "") for value in told)
    if not named and len(contacts) == 1:
        return Profile(chat_of(*_ids(contacts[0])), **_names(contacts[0]))
    contact = next((one for one in contacts if _is_same(chat, chat_of(*_ids(one)))), None)
    if contact is None:
        return Profile(chat)
    return Profile(chat_of(*told, *_ids(contact)), **_names(contact))


def _ids(contact: Body) -> list[Any]:
    return [contact.get(field) for field in CONTACT]


def identifiers(chat: Chat) -> set[str]:
    """Everything that names the chat's owner."""
    return {value for value in (chat.phone, chat.lid, chat.user_id, chat.parent_id) if value}


def _is_same(one: Chat, other: Chat) -> bool:
    """Whether two chats have an identifier in common; two with user ids of their own share no person by phone."""
    if one.user_id and other.user_id:
        return one.user_id == other.user_id
    return bool(identifiers(one) & identifiers(other))


def _names(contact: Body) -> dict[str, str | None]:
    name = shapes.person(shapes.inside(contact, "profile", "name"))
    return {"name": name, "username": username_of(contact)}


def username_of(contact: Body) -> str | None:
    """The public name in a contact's profile; some senders put it beside the profile instead of into it."""
    return user_ids.username(shapes.inside(contact, "profile", "username")) or user_ids.username(
        contact.get("username")
    )
