"""What was said before a number was connected: the field `history` of a number that is also in the Business app.

Source: "history webhook reference" (May 2026). Messages come in threads, in phases and chunks that may arrive in
any order; each is a message of its own, so their order decides nothing. The contents of media follow without their
thread in posts of their own, under the same message ids, for the last two weeks only.
"""

from __future__ import annotations

from functools import partial

from webhooks.gateways import jids, shapes
from webhooks.gateways.cloudapi.messages import is_of_group, seen
from webhooks.gateways.cloudapi.profiles import (
    CONTACT,
    RECIPIENT,
    SENDER,
    Profile,
    chat_of,
    identifiers,
    profile_of,
    username_of,
)
from webhooks.gateways.events import Chat, ChatKind, Event, Ignored
from webhooks.gateways.vocabulary import Body, Unreadable, each

DECLINED = "history_declined"
DECLINED_CODE = 2593109  # the business does not share its chats
NO_CHAT = "history_without_chat"
NOBODY = Chat(raw="", kind=ChatKind.INVALID)


def of_history(value: Body) -> list[Event]:
    """Every message that the post tells of, and why there is none where the business shares nothing."""
    own = jids.phone(shapes.inside(value, "metadata", "display_phone_number"))
    contacts = shapes.objects(value.get("contacts"))
    events: list[Event] = []
    for thread in threads_in(value):
        of_thread = partial(_in_thread, owner=_owner(thread, contacts), own=own)
        events += each(shapes.objects(thread.get("messages")), of_thread)
    events += each(_loose(value), partial(_without_thread, contacts=contacts, own=own))
    return events + _errors(value)


def threads_in(value: Body) -> list[Body]:
    """The chats of a `history` change, whatever chunk of it they stand in."""
    return [thread for part in shapes.objects(value.get("history")) for thread in shapes.objects(part.get("threads"))]


def _loose(value: Body) -> list[Body]:
    return shapes.objects(value.get("messages")) + shapes.objects(value.get("message_echoes"))


def _errors(value: Body) -> list[Event]:
    errors = [error for part in shapes.objects(value.get("history")) for error in shapes.objects(part.get("errors"))]
    if not errors:
        return []
    declined = any(error.get("code") == DECLINED_CODE for error in errors)
    return [Ignored(reason=DECLINED if declined else "gateway_error")]


def _owner(thread: Body, contacts: list[Body]) -> Profile:
    """Whose thread it is: its `id`, or the ids in its `context`, which stand there where a number is hidden."""
    context = shapes.mapping(thread.get("context"))
    told: Body = {"id": thread.get("id")} | {field: context.get(field) or thread.get(field) for field in CONTACT}
    if not any(told.values()):
        return Profile(NOBODY)
    profile = profile_of(told, tuple(told), contacts)
    return Profile(profile.chat, profile.name, profile.username or username_of(context))


def _in_thread(message: Body, *, owner: Profile, own: str | None) -> list[Event]:
    if is_of_group(message):
        return [Ignored(reason=ChatKind.GROUP.value)]
    from_me = _is_ours(message, own=own, chat=owner.chat)
    profile = owner if owner.chat.kind is not ChatKind.INVALID else profile_of(message, _fields(from_me=from_me), [])
    return seen(message, profile, from_me=from_me, history=True)


def _without_thread(message: Body, *, contacts: list[Body], own: str | None) -> list[Event]:
    """The contents of media. Of what we sent Meta tells no recipient here; the message itself came in its thread."""
    if is_of_group(message):
        return [Ignored(reason=ChatKind.GROUP.value)]
    from_me = _is_ours(message, own=own, chat=NOBODY)
    fields = _fields(from_me=from_me)
    if from_me and not contacts and not any(message.get(field) for field in fields):
        return [Ignored(reason=NO_CHAT)]
    return seen(message, profile_of(message, fields, contacts), from_me=from_me, history=True)


def _fields(*, from_me: bool) -> tuple[str, ...]:
    return RECIPIENT if from_me else SENDER


def _is_ours(message: Body, *, own: str | None, chat: Chat) -> bool:
    """Who wrote: said outright, else by the sender's number, else by who is named as the recipient.

    The documents show our number in `from`; real posts also say `history_context.from_me`. Where the customer's
    number is hidden, `from_user_id` names them.
    """
    said = shapes.boolean(shapes.inside(message, "history_context", "from_me"))
    if said is not None:
        return said
    sender = chat_of(*[message.get(field) for field in SENDER])
    if sender.kind is ChatKind.PERSONAL:
        return _is_own(sender, own=own, chat=chat)
    if any(message.get(field) for field in RECIPIENT):
        return True
    raise Unreadable("The post does not say who wrote a message of the history.")


def _is_own(sender: Chat, *, own: str | None, chat: Chat) -> bool:
    """Our number, or (where the post does not tell it) anybody's but the customer's."""
    if own is not None:
        return sender.phone == own
    return chat.kind is ChatKind.PERSONAL and not identifiers(sender) & identifiers(chat)
