"""Messages as they come and go: the fields `messages`, `smb_message_echoes` and `standby`."""

from __future__ import annotations

from functools import partial

from webhooks.gateways import ads, shapes, times
from webhooks.gateways.cloudapi import changes, content
from webhooks.gateways.cloudapi.profiles import RECIPIENT, SENDER, Profile, chat_of, profile_of
from webhooks.gateways.events import Chat, ChatKind, Clock, Event, Ignored, MessageSeen
from webhooks.gateways.vocabulary import Body, about, each, required


def of_messages(value: Body, *, echoes_by_api: bool | None = False) -> list[Event]:
    """What customers wrote, what was typed in the app, and why the rest of the post is nobody's message."""
    contacts = shapes.objects(value.get("contacts"))
    events = each(shapes.objects(value.get("messages")), partial(_inbound, contacts=contacts))
    echo = partial(_echo, contacts=contacts, by_api=echoes_by_api)
    events += each(shapes.objects(value.get("message_echoes")), echo)
    if value.get("statuses"):
        events.append(Ignored(reason="message_status"))
    if value.get("errors"):
        events.append(Ignored(reason="gateway_error"))
    return events


def of_standby(value: Body) -> list[Event]:
    """The same of chats that Meta's own agent is answering ("Standby webhooks"); who typed the echoes is not told."""
    return of_messages(value, echoes_by_api=None)


def _inbound(message: Body, *, contacts: list[Body]) -> list[Event]:
    if is_of_group(message):
        return [Ignored(reason=ChatKind.GROUP.value)]
    if message.get("type") == "system":
        return changes.of_system_message(message)
    return seen(message, _with_shared_phone(profile_of(message, SENDER, contacts), message), from_me=False)


def _echo(message: Body, *, contacts: list[Body], by_api: bool | None) -> list[Event]:
    """Something typed in the WhatsApp Business app on a number that is also on the API."""
    if is_of_group(message):
        return [Ignored(reason=ChatKind.GROUP.value)]
    return seen(message, profile_of(message, RECIPIENT, contacts), from_me=True, by_api=by_api)


def is_of_group(message: Body) -> bool:
    """Whether a message was said in a group."""
    return bool(message.get("group_id")) or message.get("recipient_type") == "group"


def seen(
    message: Body, profile: Profile, *, from_me: bool, by_api: bool | None = None, history: bool = False
) -> list[Event]:
    """The message as an event of the chat of `profile`; a notice is ignored by its code."""
    said = content.verdict(message)
    if said.notice:
        return [Ignored(reason=said.reason)]
    event = MessageSeen(
        external_id=required(shapes.identifier(message.get("id")), "message id"),
        chat=profile.chat,
        from_me=from_me,
        text=content.text_of(message),
        kind=said.kind,
        at=times.told(message.get("timestamp"), Clock.WHATSAPP),
        ad=None if from_me else ads.from_referral(message.get("referral")),
        contact_name=profile.name,
        by_api=by_api,
        history=history,
        username=profile.username,
        wire_type=said.wire_type,
    )
    return about(profile.chat, event)


def _with_shared_phone(profile: Profile, message: Body) -> Profile:
    """A person without a number gave theirs when asked: from then on both are known to belong together."""
    phone = content.shared_phone(message)
    if phone is None or profile.chat.kind is not ChatKind.PERSONAL or profile.chat.phone is not None:
        return profile
    return Profile(_joined(profile.chat, phone), profile.name, profile.username)


def _joined(chat: Chat, phone: object) -> Chat:
    both = chat_of(chat.user_id, chat.parent_id, phone)
    return both if both.kind is ChatKind.PERSONAL else chat
