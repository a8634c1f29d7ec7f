"""A batch of readings becomes contacts, messages, label events and what follows from them, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contacts.models import Channel
from contacts.services import activity, attribution, connections
from contacts.services.activity import NewMessage, Sight
from contacts.services.connections import StatusFact
from contacts.services.directory import Change, Directory, resolve
from labelcrm.core.bulk import fetch
from labelcrm.lib.text import storable
from labels.services import intake, merging
from labels.services.definitions import DELETED, HINT, SAVED, Definition
from labels.services.intake import LabelFact
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import (
    ChannelStatus,
    Chat,
    ContactSeen,
    IdentityChanged,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
)

from .reading import Reading, Said, of_kind


def apply(channel: Channel, readings: Sequence[Reading]) -> set[int]:
    """Apply what `readings` say about one channel; returns ids of the rows that told something new.

    The caller holds the channel's lane and a transaction.
    """
    if not readings:
        return set()
    for reading in readings:
        connections.learn_own_identity(channel, phone=reading.envelope.own_phone, lid=reading.envelope.own_lid)
        if GATEWAYS[channel.gateway].session_is_an_id and channel.session == channel.key:
            channel.session = reading.envelope.session or channel.session
    useful = _apply_statuses(channel, readings)
    directory = _contacts(channel, readings)
    useful |= _apply_labels(channel, readings, directory)
    useful |= _apply_messages(channel, readings, directory)
    useful |= _apply_names(readings, directory)
    useful |= _apply_changes(channel, readings, directory)
    _note_channel(channel, readings)
    return useful


def _apply_statuses(channel: Channel, readings: Sequence[Reading]) -> set[int]:
    found = [(reading, said) for reading, said in of_kind(readings, ChannelStatus)]
    connections.record_statuses(
        channel,
        [
            StatusFact(state=str(s.event.state), paired=s.event.paired, at=s.when.at, received_at=r.row.received_at)
            for r, s in found
        ],
    )
    return {reading.row.id for reading, _ in found}


def _contacts(channel: Channel, readings: Sequence[Reading]) -> Directory:
    """Everybody the batch speaks of, joined and locked."""
    seen: dict[Chat, datetime] = {}
    for _, said in of_kind(readings, LabelOnChat, MessageSeen):
        seen[said.event.chat] = min(said.when.at, seen.get(said.event.chat, said.when.at))
    directory = resolve(
        seen,
        names_only=[said.event.chat for _, said in of_kind(readings, ContactSeen)],
        changes=[Change(s.event.old, s.event.chat, s.when.at) for _, s in of_kind(readings, IdentityChanged)],
    )
    for merge in directory.merges:
        merging.merge(survivor_id=merge.survivor_id, merged_id=merge.merged_id, reason=merge.reason, actor=None)
    return directory


def _apply_labels(channel: Channel, readings: Sequence[Reading], directory: Directory) -> set[int]:
    on_chats = list(of_kind(readings, LabelOnChat))
    defined = _definitions(readings) + _hints(channel, on_chats)
    if not on_chats and not defined and not list(of_kind(readings, ChannelStatus)):
        return set()
    facts = [_fact(reading, said, directory) for reading, said in on_chats]
    taken = intake.take(
        channel,
        facts=facts,
        defined=defined,
        statuses=[said.when.at for _, said in of_kind(readings, ChannelStatus)],
    )
    activity.note_sights(Sight(fact.contact_id, channel.pk, fact.at) for fact in facts)
    about_labels = of_kind(readings, LabelOnChat, LabelSaved, LabelDeleted)
    return {reading.row.id for reading, said in about_labels if said.key in taken.news}


def _fact(reading: Reading, said: Said[LabelOnChat], directory: Directory) -> LabelFact:
    event = said.event
    known = directory.find(event.chat)
    assert known is not None, "every personal chat of the batch was resolved"
    return LabelFact(
        contact_id=known.contact_id,
        identity_id=known.identity_id,
        external_id=storable(event.external_id),
        on=event.on,
        at=said.when.at,
        at_source=said.when.source,
        capped=said.when.capped,
        received_at=reading.row.received_at,
        key=said.key,
        inbox_id=reading.row.id,
    )


def _definitions(readings: Sequence[Reading]) -> list[Definition]:
    found = []
    for reading, said in of_kind(readings, LabelSaved, LabelDeleted):
        saved = said.event if isinstance(said.event, LabelSaved) else None
        found.append(
            Definition(
                external_id=storable(said.event.external_id),
                kind=DELETED if saved is None else SAVED,
                name=saved.name if saved else None,
                color=saved.color if saved else None,
                list_type=(saved.list_type or "") if saved else "",
                at=said.when.at,
                at_source=said.when.source,
                received_at=reading.row.received_at,
                key=said.key,
                inbox_id=reading.row.id,
            )
        )
    return found


def _hints(channel: Channel, on_chats: Sequence[tuple[Reading, Said[LabelOnChat]]]) -> list[Definition]:
    """Names that came along with adds and removes, for labels that were never saved before our eyes.

    Only a name that differs from the one before it says something.
    """
    named = [(reading, said) for reading, said in on_chats if said.event.label_name]
    if not named:
        return []
    rows = fetch(
        "SELECT external_id, name, name_is_saved FROM labels_channellabel"
        " WHERE channel_id = %s AND external_id = ANY(%s) AND deleted_at IS NULL",
        [channel.pk, sorted({storable(said.event.external_id) for _, said in named})],
    )
    saved = {external_id for external_id, _, is_saved in rows if is_saved}
    latest = {external_id: name for external_id, name, _ in rows}
    hints = []
    for reading, said in sorted(named, key=lambda one: one[1].when.at):
        external_id, name = storable(said.event.external_id), storable(said.event.label_name or "", 200)
        if external_id not in saved and latest.get(external_id) != name:
            latest[external_id] = name
            hints.append(_hint(external_id, name, reading, said))
    return hints


def _hint(external_id: str, name: str, reading: Reading, said: Said[LabelOnChat]) -> Definition:
    return Definition(
        external_id=external_id, kind=HINT, name=name, color=said.event.label_color, at=said.when.at,
        at_source=said.when.source, received_at=reading.row.received_at, key=f"{said.key[:58]}#name",
        inbox_id=reading.row.id,
    )  # fmt: skip


def _apply_messages(channel: Channel, readings: Sequence[Reading], directory: Directory) -> set[int]:
    found = list(of_kind(readings, MessageSeen))
    if not found:
        return set()
    # Of two tellings the live one counts, whatever their order.
    told = sorted((_message(channel, r, s, directory) for r, s in found), key=lambda m: not m.history)
    messages = {m.external_id: m for m in told}
    stored = activity.record_messages(list(messages.values()))
    fresh = [m for m in messages.values() if (channel.pk, m.external_id) in stored]
    activity.note_sights(Sight(m.contact_id, channel.pk, m.at) for m in fresh)
    activity.note_messages(fresh)
    activity.note_names(_names_in(found, directory))
    activity.note_usernames(_usernames_in(found, directory))
    attribution.attribute(list(stored.values()))
    return {m.inbox_id for m in fresh}


def _message(channel: Channel, reading: Reading, said: Said[MessageSeen], directory: Directory) -> NewMessage:
    event = said.event
    known = directory.find(event.chat)
    assert known is not None, "every personal chat of the batch was resolved"
    return NewMessage(
        contact_id=known.contact_id,
        identity_id=known.identity_id,
        channel_id=channel.pk,
        external_id=storable(event.external_id, 200),
        from_me=event.from_me,
        by_api=event.by_api,
        kind=event.kind[:20],
        text=storable(event.text),
        at=said.when.at,
        at_source=said.when.source,
        received_at=reading.row.received_at,
        ad=event.ad,
        inbox_id=reading.row.id,
        history=event.history,
    )


def _names_in(
    found: Iterable[tuple[Reading, Said[MessageSeen | ContactSeen]]], directory: Directory
) -> list[tuple[int, str, datetime]]:
    names = []
    for _, said in found:
        name = said.event.contact_name if isinstance(said.event, MessageSeen) else said.event.name
        known = directory.find(said.event.chat)
        if name and known is not None:
            names.append((known.contact_id, storable(name, 200), said.when.at))
    return names


def _usernames_in(
    found: Iterable[tuple[Reading, Said[MessageSeen | ContactSeen]]], directory: Directory
) -> list[tuple[int, str, datetime]]:
    usernames = []
    for _, said in found:
        username = said.event.username
        known = directory.find(said.event.chat) if username else None
        if username and known is not None:
            usernames.append((known.contact_id, storable(username, 60), said.when.at))
    return usernames


def _apply_names(readings: Sequence[Reading], directory: Directory) -> set[int]:
    found = list(of_kind(readings, ContactSeen))
    activity.note_names(_names_in(found, directory))
    activity.note_usernames(_usernames_in(found, directory))
    return {reading.row.id for reading, said in found if directory.find(said.event.chat) is not None}


def _apply_changes(channel: Channel, readings: Sequence[Reading], directory: Directory) -> set[int]:
    """Who goes by something else now was joined before; what is left is that they were seen here."""
    found = list(of_kind(readings, IdentityChanged))
    known = [(said.when.at, directory.find(said.event.chat)) for _, said in found]
    activity.note_sights(Sight(one.contact_id, channel.pk, at) for at, one in known if one is not None)
    return {reading.row.id for reading, _ in found}


def _note_channel(channel: Channel, readings: Sequence[Reading]) -> None:
    """When the channel was last heard of, and what it said about itself."""
    if channel.status == Channel.Status.NEVER:
        channel.status = Channel.Status.WORKING  # some gateways never say so, but whoever speaks is alive
    # Never backwards: rows may be processed again.
    channel.last_event_at = _latest(channel.last_event_at, (reading.row.received_at for reading in readings))
    labels = (r.row.received_at for r, _ in of_kind(readings, LabelOnChat, LabelSaved, LabelDeleted))
    channel.last_label_event_at = _latest(channel.last_label_event_at, labels)
    channel.save(
        update_fields=[
            "session",
            "own_phone",
            "own_lid",
            "status",
            "status_at",
            "last_event_at",
            "last_label_event_at",
            "updated_at",
        ]
    )


def _latest(known: datetime | None, told: Iterable[datetime]) -> datetime | None:
    return max((*told, *([known] if known else [])), default=None)
