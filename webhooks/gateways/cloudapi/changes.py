"""A person's number or user id changed: Meta's `system` messages and the field `user_id_update`.

Source: "System messages webhook reference" (11 August 2026), which names the previous ids since then; before, the
old number stood in `from` alone. `user_id_update` is no field to subscribe to any more, but partners hand it on.
The sentence in `system.body` is never read: the person's own profile name stands in it.
"""

from __future__ import annotations

from typing import Any

from webhooks.gateways import shapes, times
from webhooks.gateways.cloudapi.profiles import chat_of, identifiers
from webhooks.gateways.events import Chat, ChatKind, Clock, ContactSeen, Event, IdentityChanged, Ignored
from webhooks.gateways.vocabulary import Body, each

CHANGES = frozenset({"user_changed_number", "customer_changed_number", "user_changed_user_id"})
NOTICE = "notice:system"


def of_system_message(message: Body) -> list[Event]:
    """The change a system message tells; every other one (a new security code, say) is a notice."""
    told = shapes.mapping(message.get("system"))
    if told.get("type") not in CHANGES:
        return [Ignored(reason=NOTICE)]
    new = [told.get(field) for field in ("wa_id", "new_wa_id", "user_id", "parent_user_id")]
    old = [told.get(field) for field in ("previous_wa_id", "customer", "previous_user_id", "previous_parent_user_id")]
    # `from` is the number before. Whether `from_user_id` is the id before or after is written nowhere.
    old += [message.get(field) for field in ("from", "from_user_id", "from_parent_user_id")]
    return _changed(old=old, new=new, at=message.get("timestamp"))


def of_user_id_update(value: Body) -> list[Event]:
    """Changes as the field tells them: `user_id` and `parent_user_id`, each with `previous` and `current`."""
    return each(shapes.objects(value.get("user_id_update")), _of_update)


def _of_update(update: Body) -> list[Event]:
    pairs = [shapes.mapping(update.get(field)) for field in ("user_id", "parent_user_id")]
    new = [pair.get("current") for pair in pairs]
    # The number is the same before and after; it says who this is.
    old = [pair.get("previous") for pair in pairs] + [update.get("wa_id")]
    return _changed(old=old, new=[*new, update.get("wa_id")], at=update.get("timestamp"))


def _changed(*, old: list[Any], new: list[Any], at: Any) -> list[Event]:
    """One event from everything that names the person before and after; without a difference, who belongs together."""
    after = chat_of(*new)
    before = chat_of(*[value for value in old if not _names(after, value)])
    if after.kind is not ChatKind.PERSONAL:
        return [Ignored(reason=NOTICE)]
    if before.kind is not ChatKind.PERSONAL:
        return [ContactSeen(chat=after)]
    return [IdentityChanged(chat=after, old=before, at=times.told(at, Clock.WHATSAPP))]


def _names(chat: Chat, value: Any) -> bool:
    """Whether `value` is an identifier that the person has now: it is no former one then."""
    one = chat_of(value)
    return one.kind is ChatKind.PERSONAL and identifiers(one) <= identifiers(chat)
