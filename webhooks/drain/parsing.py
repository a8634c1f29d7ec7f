"""From raw inbox rows to the events to apply: parsing, believed times, and what is not for us. Touches no table."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

from django.conf import settings

from contacts.models import Channel
from contacts.services.believed_times import Believed, believe
from contacts.services.identities import identifiers
from contacts.services.staff_numbers import NO_STAFF, StaffAddresses
from labelcrm.lib.phones import to_e164
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
    ChatKind,
    ContactSeen,
    Envelope,
    Event,
    IdentityChanged,
    Ignored,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
    Moment,
    NotUnderstood,
)
from webhooks.models import MAX_REASON, session_reason

OWN_NUMBER = "own_number"
STAFF_NUMBER = "staff_number"
NOT_PERSONAL = frozenset(ChatKind) - {ChatKind.PERSONAL, ChatKind.INVALID}


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What parsing needs to know of a channel; an empty `session` takes the first one that a post names."""

    gateway: str
    session: str
    zone: str
    business_zone: str
    region: str
    own_phone: str = ""
    own_lid: str = ""
    staff: StaffAddresses = NO_STAFF


class RawEvent(NamedTuple):
    """One inbox row, as far as parsing needs it."""

    id: int
    received_at: datetime
    dedupe_key: str | None
    headers: dict[str, str]
    body: bytes


E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(slots=True, eq=False)  # not frozen: making a frozen one for every event costs three times as much
class ParsedEvent(Generic[E_co]):
    """One event of a row with the time it is believed to have happened and a key unique in its channel."""

    event: E_co
    when: Believed
    key: str
    row: RawEvent


@dataclass(slots=True)
class JudgedRow:
    """What of one row is to be applied.

    `parked` and `ignored` hold the reason when nothing of it is to be applied, `unread` why a part of it is not.
    `staff` are the chats in it of people who work here, of which nothing is kept.
    """

    row: RawEvent
    events: list[ParsedEvent[Event]] = field(default_factory=list)
    envelope: Envelope = field(default_factory=Envelope)
    parked: str = ""
    ignored: str = ""
    unread: str = ""
    staff: list[Chat] = field(default_factory=list)


class ParsedRow(NamedTuple):
    """What stands in one row, whoever it turns out to be about: the costly half."""

    row: RawEvent
    envelope: Envelope
    events: list[Event]


def channel_facts(channel: Channel, staff: StaffAddresses = NO_STAFF) -> ChannelFacts:
    """What parsing the posts of `channel` needs to know of it, as it is now, and of the people who work here."""
    return ChannelFacts(
        gateway=channel.gateway,
        session=_session(channel),
        zone=channel.timezone,
        business_zone=settings.TIME_ZONE,
        region=settings.PHONE_REGION,
        own_phone=channel.own_phone,
        own_lid=channel.own_lid,
        staff=staff,
    )


def _session(channel: Channel) -> str:
    """The session that posts must name; "" while the gateway's own id for the account is still to be learnt."""
    learns = GATEWAYS[channel.gateway].session_is_an_id and channel.session == channel.key
    return "" if learns else channel.session


def read(row: RawEvent, channel: ChannelFacts) -> JudgedRow:
    """Parse and judge a row; never raises for anything a sender can put into it."""
    return judge(parse(row, channel), channel)


def parse(row: RawEvent, channel: ChannelFacts) -> ParsedRow:
    """What a row tells, its numbers completed; nothing that `learned` tells changes it."""
    events = GATEWAYS[channel.gateway].parse(row.headers, row.body)
    envelope = next((event for event in events if isinstance(event, Envelope)), Envelope())
    return ParsedRow(row, envelope, [_with_country(event, channel.region) for event in events])


def judge(parsed: ParsedRow, channel: ChannelFacts) -> JudgedRow:
    """What of a row is to be applied, and when it is believed to have happened."""
    row, envelope, events = parsed.row, parsed.envelope, parsed.events
    judged = JudgedRow(row, envelope=envelope)
    if _is_of_another(envelope, channel) and not _is_of_nobody(events):
        judged.parked = session_reason(envelope.session or "")
        return judged
    own = {channel.own_phone, channel.own_lid, envelope.own_phone, envelope.own_lid} - {"", None}
    colleagues = [event for event in events if _is_of_staff(event, channel.staff)] if channel.staff else []
    judged.staff = [cast(Any, event).chat for event in colleagues]
    judged.events = [
        _parsed(event, row, index, channel)
        for index, event in enumerate(events)
        if not isinstance(event, Envelope | Ignored | NotUnderstood)
        and not _is_own(event, own)
        and event not in colleagues
    ]
    judged.unread = next((event.reason for event in events if isinstance(event, NotUnderstood)), "")[:MAX_REASON]
    if not judged.events:
        judged.parked = judged.unread
        why = STAFF_NUMBER if judged.staff else _why_ignored(events)
        judged.ignored = "" if judged.parked else why
    return judged


def _is_of_another(envelope: Envelope, channel: ChannelFacts) -> bool:
    return envelope.session is not None and bool(channel.session) and envelope.session != channel.session


def _is_of_nobody(events: Sequence[Event]) -> bool:
    """Whether a post speaks of groups, broadcasts and the like alone: whoever's it is, nothing of it is kept."""
    others = [event for event in events if not isinstance(event, Envelope)]
    return bool(others) and all(isinstance(event, Ignored) and event.reason in NOT_PERSONAL for event in others)


def learned(channel: ChannelFacts, rows: Iterable[JudgedRow]) -> ChannelFacts:
    """`channel` with what the rows that count tell of it: its session where it has none, its number and LID."""
    session, own_phone, own_lid = channel.session, channel.own_phone, channel.own_lid
    for envelope in (judged.envelope for judged in rows if judged.events):
        session = session or _adopted(channel, envelope)
        if not session or envelope.session in (None, session):
            own_phone, own_lid = envelope.own_phone or own_phone, envelope.own_lid or own_lid
    return replace(channel, session=session, own_phone=own_phone, own_lid=own_lid)


def _adopted(channel: ChannelFacts, envelope: Envelope) -> str:
    return (envelope.session or "") if GATEWAYS[channel.gateway].session_is_an_id else ""


def _why_ignored(events: Sequence[Event]) -> str:
    reasons = [event.reason for event in events if isinstance(event, Ignored)]
    return (reasons[0] if reasons else OWN_NUMBER if len(events) > 1 else "empty")[:MAX_REASON]


def _parsed(event: Event, row: RawEvent, index: int, channel: ChannelFacts) -> ParsedEvent[Event]:
    moment: Moment | None = getattr(event, "at", None)
    when = believe(moment, received_at=row.received_at, channel_zone=channel.zone, business_zone=channel.business_zone)
    return ParsedEvent(event, when, _key(row, index), row)


def _with_country(event: Event, region: str) -> Event:
    """Complete a number that was written without its country; it is the business's."""
    whole = _completed(event, "chat", region)
    return _completed(whole, "old", region) if isinstance(whole, IdentityChanged) else whole


def _completed(event: Event, name: str, region: str) -> Event:
    chat: Chat | None = getattr(event, name, None)
    if chat is None or chat.phone is None or chat.phone.startswith("+"):
        return event
    whole = replace(chat, phone=to_e164(chat.phone, region=region))
    if not identifiers(whole):
        return NotUnderstood(reason=f"“{chat.raw[:60]}” is no phone number that we can read.")
    return replace(cast(Any, event), **{name: whole})


def _key(row: RawEvent, index: int) -> str:
    """The same for every replay of a row; two rows of one delivery would share it, but are stored once."""
    source = f"{row.dedupe_key}#{index}" if row.dedupe_key is not None else f"inbox {row.id}#{index}"
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()


def _is_own(event: Any, own: Collection[str | None]) -> bool:
    """Whether an event speaks of the account itself, whose number (E.164) and LID are `own`."""
    chat: Chat | None = getattr(event, "chat", None)
    if chat is None:
        return False
    if chat.phone in own or chat.lid in own:
        return True
    return isinstance(event, IdentityChanged) and (event.old.phone in own or event.old.lid in own)


def _is_of_staff(event: Any, staff: StaffAddresses) -> bool:
    """Whether an event is of a chat with somebody who works here: a brief comes back as what the number wrote."""
    chat: Chat | None = getattr(event, "chat", None)
    if chat is None:
        return False
    if chat.phone in staff.confirmed or chat.lid in staff.confirmed:
        return True
    return isinstance(event, MessageSeen) and event.from_me and chat.phone in staff.asked


@dataclass(slots=True)
class Batch:
    """The events of many rows by kind, each list in the order of the inbox: every step of applying takes its own.

    `on_chats` are labels and messages together: of two forms of one number the one that comes later leads.
    """

    on_chats: list[ParsedEvent[LabelOnChat | MessageSeen]] = field(default_factory=list)
    labels: list[ParsedEvent[LabelOnChat]] = field(default_factory=list)
    definitions: list[ParsedEvent[LabelSaved | LabelDeleted]] = field(default_factory=list)
    messages: list[ParsedEvent[MessageSeen]] = field(default_factory=list)
    names: list[ParsedEvent[ContactSeen]] = field(default_factory=list)
    changes: list[ParsedEvent[IdentityChanged]] = field(default_factory=list)
    statuses: list[ParsedEvent[ChannelStatus]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[JudgedRow]) -> Self:
        """Sort what `rows` say, in one pass."""
        batch = cls()
        of_kind: dict[type[Event], tuple[list[Any], ...]] = {
            LabelOnChat: (batch.labels, batch.on_chats),
            LabelSaved: (batch.definitions,),
            LabelDeleted: (batch.definitions,),
            MessageSeen: (batch.messages, batch.on_chats),
            ContactSeen: (batch.names,),
            IdentityChanged: (batch.changes,),
            ChannelStatus: (batch.statuses,),
        }
        for judged in rows:
            for parsed in judged.events:
                for events in of_kind[type(parsed.event)]:
                    events.append(parsed)
        return batch
