"""What a gateway told, as events: for what no parser of ours needs to be part of."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from contacts.models import Channel
from webhooks.drain.applying import apply
from webhooks.drain.parsing import ParsedRow, RawEvent, channel_facts, judge
from webhooks.gateways.events import (
    Chat,
    ChatKind,
    Clock,
    ContactSeen,
    Envelope,
    Event,
    IdentityChanged,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
    Moment,
)

MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
_ids = itertools.count(1)


def minutes(n: float) -> datetime:
    return MON + timedelta(minutes=n)


def person(phone: str | None = None, **identifiers: str) -> Chat:
    """A personal chat; the phone in E.164."""
    raw = phone or next(iter(identifiers.values()))
    return Chat(raw=raw, kind=ChatKind.PERSONAL, phone=phone, **identifiers)


def moment(n: float) -> Moment:
    return Moment(value=minutes(n), clock=Clock.WHATSAPP)


def message(
    chat: Chat, at: float = 0, *, message_id: str | None = None, from_me: bool = False, **more: Any
) -> MessageSeen:
    return MessageSeen(external_id=message_id or f"M{next(_ids)}", chat=chat, from_me=from_me, at=moment(at), **more)


def label(chat: Chat, label: str, at: float = 0, *, on: bool = True) -> LabelOnChat:
    return LabelOnChat(chat=chat, external_id=label, on=on, at=moment(at))


def saved(label: str, name: str, at: float = 0) -> LabelSaved:
    return LabelSaved(external_id=label, name=name, at=moment(at))


def seen(chat: Chat, **more: Any) -> ContactSeen:
    return ContactSeen(chat=chat, **more)


def changed(old: Chat, new: Chat, at: float = 0) -> IdentityChanged:
    return IdentityChanged(old=old, chat=new, at=moment(at))


def tell(channel: Channel, *events: Event) -> set[int]:
    """Apply events as one batch of the channel, each from a post of its own; returns what told something new."""
    facts = channel_facts(channel)
    posts = [(RawEvent(next(_ids), minutes(60 * 24 * 30), None, {}, b"{}"), event) for event in events]
    with transaction.atomic():
        return apply(channel, [judge(ParsedRow(row, Envelope(), [event]), facts) for row, event in posts])
