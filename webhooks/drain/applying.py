"""A batch of readings becomes contacts, messages, label events and what follows from them, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contacts.models import Channel
from contacts.services import attribution, connections
from contacts.services.connections import StatusFact
from contacts.services.directory import Directory, NumberChange, resolve
from contacts.services.identities import identifiers
from contacts.services.messages import (
    NewMessage,
    in_rounds,
    record_message_times,
    record_messages,
    recount_message_times,
)
from contacts.services.same_messages import Telling, told_twice
from contacts.services.sightings import Sighting, record_names, record_sightings, record_usernames
from labelcrm.core.bulk import fetch
from labelcrm.lib.text import storable
from labels.services import intake, merging
from labels.services.definitions import DELETED, HINT, SAVED, Definition
from labels.services.recording import LabelFact
from webhooks.drain.readings import Reading, Said, of_kind
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

UNKNOWN = "unknown"  # the kind of a message whose type nobody here has read about


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
    _keep_unknown_types(readings, directory, useful)
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
        if not _is_unknown(said.event):
            seen[said.event.chat] = min(said.when.at, seen.get(said.event.chat, said.when.at))
    looked_up = [said.event.chat for _, said in of_kind(readings, ContactSeen)]
    looked_up += [said.event.chat for _, said in of_kind(readings, MessageSeen) if _is_unknown(said.event)]
    directory = resolve(
        seen,
        names_only=looked_up,
        same=told_twice(channel.pk, [_telling(said) for _, said in of_kind(readings, MessageSeen)]),
        changes=[NumberChange(s.event.old, s.event.chat, s.when.at) for _, s in of_kind(readings, IdentityChanged)],
    )
    merging.merge_all(directory.merges, actor=None)
    return directory


def _telling(said: Said[MessageSeen]) -> Telling:
    event = said.event
    return Telling(
        external_id=storable(event.external_id, 200),
        identifiers=tuple(identifiers(event.chat)),
        from_me=event.from_me,
        at=said.when.at,
        source=said.when.source,
        text=event.text,
    )


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
    record_sightings(Sighting(fact.contact_id, channel.pk, fact.at) for fact in facts)
    about_labels = of_kind(readings, LabelOnChat, LabelSaved, LabelDeleted)
    return {reading.row.id for reading, said in about_labels if said.key in taken.new_keys}


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
    strangers = _strangers(readings, directory)
    told = [_message(channel, r, s, directory) for r, s in found if s.key not in strangers]
    useful: set[int] = set()
    for messages in in_rounds(told):
        useful |= _record(channel, messages)
    record_names(_names_in(found, directory))
    record_usernames(_usernames_in(found, directory))
    return useful


def _record(channel: Channel, messages: Sequence[NewMessage]) -> set[int]:
    """Store or fill messages, each id once, and draw what follows; returns the inbox rows that told something."""
    stored = record_messages(messages)
    news = [(m, stored[(channel.pk, m.external_id)]) for m in messages if (channel.pk, m.external_id) in stored]
    counted = [(m, row) for m, row in news if m.counts]
    record_sightings(Sighting(row.contact_id, channel.pk, m.at) for m, row in counted)
    record_message_times(m for m, row in counted if row.is_new)
    filled = {row.contact_id for _, row in counted if not row.is_new}
    ids = [row.id for _, row in counted]
    if filled:
        recount_message_times(filled)
        ids += [first.pk for first in attribution.first_messages(filled)]
    attribution.attribute(ids)
    return {m.inbox_id for m, _ in news}


def _is_unknown(event: LabelOnChat | MessageSeen) -> bool:
    return isinstance(event, MessageSeen) and event.kind == UNKNOWN


def _strangers(readings: Sequence[Reading], directory: Directory) -> dict[str, tuple[Reading, str]]:
    """Messages of an unknown type from nobody known by then, by their key: the reading and the type's own name.

    Whoever a later row of the same batch makes known was not known yet: how rows are cut must not matter.
    """
    unknown = [(r, s) for r, s in of_kind(readings, MessageSeen) if _is_unknown(s.event)]
    if not unknown:
        return {}
    since: dict[int, int] = {}
    for reading, said in of_kind(readings, LabelOnChat, MessageSeen):
        known = directory.find(said.event.chat)
        if known is not None and known.contact_id in directory.created and not _is_unknown(said.event):
            since.setdefault(known.contact_id, reading.row.id)
    nobody = {}
    for reading, said in unknown:
        known = directory.find(said.event.chat)
        if known is None or since.get(known.contact_id, 0) > reading.row.id:
            nobody[said.key] = (reading, said.event.wire_type)
    return nobody


def _keep_unknown_types(readings: Sequence[Reading], directory: Directory, useful: set[int]) -> None:
    """Rows whose message is of an unknown type and of nobody are parked, to be processed when the type is known."""
    for reading, wire_type in _strangers(readings, directory).values():
        named = f"the type “{wire_type}”" if wire_type else "a type without a name"
        reason = f"a message of {named}, which is not known here, from nobody who is a contact"[:300]
        reading.unread = reading.unread or reason
        reading.parked = reading.parked or ("" if reading.row.id in useful else reason)


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
        wire_type=storable(event.wire_type, 60) if event.kind == UNKNOWN else "",
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
    record_names(_names_in(found, directory))
    record_usernames(_usernames_in(found, directory))
    return {reading.row.id for reading, said in found if directory.find(said.event.chat) is not None}


def _apply_changes(channel: Channel, readings: Sequence[Reading], directory: Directory) -> set[int]:
    """Who goes by something else now was joined before; what is left is that they were seen here."""
    found = list(of_kind(readings, IdentityChanged))
    known = [(said.when.at, directory.find(said.event.chat)) for _, said in found]
    record_sightings(Sighting(one.contact_id, channel.pk, at) for at, one in known if one is not None)
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
