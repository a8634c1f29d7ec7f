"""A batch of inbox rows becomes contacts, messages, label events and what follows from them, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from contacts.services.opt_out import opt_out_by_words
from contacts.services.same_messages import MessageCopy, linked_by_messages
from contacts.services.sightings import Sighting, record_names, record_sightings, record_usernames
from labelcrm.core.bulk import fetch
from labelcrm.lib.text import storable
from labels.services import intake, merging
from labels.services.channel_labels import DELETED, HINT, SAVED, Definition
from labels.services.figures import update_figures
from labels.services.intake import Taken
from labels.services.recording import LabelFact
from webhooks.drain.parsing import Batch, JudgedRow, ParsedEvent
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
from webhooks.models import MAX_REASON

UNKNOWN = "unknown"  # the kind of a message whose type nobody here has read about


def apply(channel: Channel, rows: Sequence[JudgedRow]) -> set[int]:
    """Apply what `rows` say about one channel; returns ids of the rows that told something new.

    The caller holds the channel's lane and a transaction.
    """
    if not rows:
        return set()
    for judged in rows:
        connections.learn_own_identity(channel, phone=judged.envelope.own_phone, lid=judged.envelope.own_lid)
        if GATEWAYS[channel.gateway].session_is_an_id and channel.session == channel.key:
            channel.session = judged.envelope.session or channel.session
    batch = Batch.of(rows)
    useful = _apply_statuses(channel, batch.statuses)
    directory = _contacts(channel, batch)
    strangers = _strangers(batch, directory)
    taken = _take_labels(channel, batch, directory)
    useful |= {parsed.row.id for parsed in _about_labels(batch) if parsed.key in taken.new_keys}
    useful |= _apply_messages(channel, batch.messages, directory, strangers=strangers)
    useful |= _apply_names(batch.names, directory)
    useful |= _apply_changes(channel, batch.changes, directory)
    update_figures(taken.contacts | merging.everybody_in(directory.merges))
    _keep_unknown_types(rows, strangers, useful)
    _update_channel(channel, rows, batch)
    return useful


def _apply_statuses(channel: Channel, statuses: Sequence[ParsedEvent[ChannelStatus]]) -> set[int]:
    facts = [
        StatusFact(state=str(s.event.state), paired=s.event.paired, at=s.when.at, received_at=s.row.received_at)
        for s in statuses
    ]
    connections.record_statuses(channel, facts)
    return {status.row.id for status in statuses}


def _contacts(channel: Channel, batch: Batch) -> Directory:
    """Everybody the batch speaks of, joined and locked."""
    first_seen: dict[Chat, datetime] = {}
    for parsed in _showing_contacts(batch):
        chat, at = parsed.event.chat, parsed.when.at
        first_seen[chat] = min(at, first_seen.get(chat, at))
    looked_up = [name.event.chat for name in batch.names]
    looked_up += [message.event.chat for message in batch.messages if _is_unknown(message)]
    directory = resolve(
        first_seen,
        names_only=looked_up,
        same=linked_by_messages(channel.pk, [_copy(message) for message in batch.messages]),
        changes=[NumberChange(c.event.old, c.event.chat, c.when.at) for c in batch.changes],
    )
    merging.merge_all(directory.merges, actor=None)
    return directory


def _showing_contacts(batch: Batch) -> Iterator[ParsedEvent[LabelOnChat | MessageSeen]]:
    """The events whose chat is a contact's from then on."""
    return (parsed for parsed in batch.on_chats if not _is_unknown(parsed))


def _is_unknown(parsed: ParsedEvent[LabelOnChat | MessageSeen]) -> bool:
    return isinstance(parsed.event, MessageSeen) and parsed.event.kind == UNKNOWN


def _copy(message: ParsedEvent[MessageSeen]) -> MessageCopy:
    event = message.event
    return MessageCopy(
        external_id=storable(event.external_id, 200),
        identifiers=tuple(identifiers(event.chat)),
        from_me=event.from_me,
        at=message.when.at,
        source=message.when.source,
        text=event.text,
    )


def _strangers(batch: Batch, directory: Directory) -> list[ParsedEvent[MessageSeen]]:
    """Messages of an unknown type from nobody known by then.

    Whoever a later row of the same batch makes known was not known yet: how rows are cut must not matter.
    """
    unknown = [message for message in batch.messages if _is_unknown(message)]
    if not unknown:
        return []
    since: dict[int, int] = {}  # contact id → the row that made them known
    for parsed in _showing_contacts(batch):
        known = directory.find(parsed.event.chat)
        if known is not None and known.contact_id in directory.created:
            since.setdefault(known.contact_id, parsed.row.id)
    return [
        message
        for message in unknown
        if (known := directory.find(message.event.chat)) is None or since.get(known.contact_id, 0) > message.row.id
    ]


def _keep_unknown_types(
    rows: Iterable[JudgedRow], strangers: Iterable[ParsedEvent[MessageSeen]], useful: set[int]
) -> None:
    """Rows whose message is of an unknown type and of nobody are parked, to be processed when the type is known."""
    wire_types = {message.row.id: message.event.wire_type for message in reversed(list(strangers))}
    for judged in rows if wire_types else ():
        if judged.row.id in wire_types:
            wire_type = wire_types[judged.row.id]
            named = f"the type “{wire_type}”" if wire_type else "a type without a name"
            reason = f"a message of {named}, which is not known here, from nobody who is a contact"[:MAX_REASON]
            judged.unread = judged.unread or reason
            judged.parked = judged.parked or ("" if judged.row.id in useful else reason)


# -- Labels -----------------------------------------------------------------------------------------------------------


def _take_labels(channel: Channel, batch: Batch, directory: Directory) -> Taken:
    defined = [_definition(parsed) for parsed in batch.definitions] + _hints(channel, batch.labels)
    if not batch.labels and not defined and not batch.statuses:
        return Taken()
    facts = [_fact(parsed, directory) for parsed in batch.labels]
    statuses = [status.when.at for status in batch.statuses]
    taken = intake.take(channel, facts=facts, defined=defined, statuses=statuses)
    record_sightings(Sighting(fact.contact_id, channel.pk, fact.at) for fact in facts)
    return taken


def _about_labels(batch: Batch) -> Iterator[ParsedEvent[LabelOnChat | LabelSaved | LabelDeleted]]:
    yield from batch.labels
    yield from batch.definitions


def _fact(parsed: ParsedEvent[LabelOnChat], directory: Directory) -> LabelFact:
    event = parsed.event
    known = directory.find(event.chat)
    assert known is not None, "every personal chat of the batch was resolved"
    return LabelFact(
        contact_id=known.contact_id,
        identity_id=known.identity_id,
        external_id=storable(event.external_id),
        on=event.on,
        at=parsed.when.at,
        at_source=parsed.when.source,
        capped=parsed.when.capped,
        received_at=parsed.row.received_at,
        key=parsed.key,
        inbox_id=parsed.row.id,
    )


def _definition(parsed: ParsedEvent[LabelSaved | LabelDeleted]) -> Definition:
    saved = parsed.event if isinstance(parsed.event, LabelSaved) else None
    return Definition(
        external_id=storable(parsed.event.external_id),
        kind=DELETED if saved is None else SAVED,
        name=saved.name if saved else None,
        color=saved.color if saved else None,
        list_type=(saved.list_type or "") if saved else "",
        at=parsed.when.at,
        at_source=parsed.when.source,
        received_at=parsed.row.received_at,
        key=parsed.key,
        inbox_id=parsed.row.id,
    )


def _hints(channel: Channel, labels: Sequence[ParsedEvent[LabelOnChat]]) -> list[Definition]:
    """Names that came along with adds and removes, for labels that were never saved before our eyes.

    Only a name that differs from the one before it says something.
    """
    named = [parsed for parsed in labels if parsed.event.label_name]
    if not named:
        return []
    rows = fetch(
        "SELECT external_id, name, name_is_saved FROM labels_channellabel"
        " WHERE channel_id = %s AND external_id = ANY(%s) AND deleted_at IS NULL",
        [channel.pk, sorted({storable(parsed.event.external_id) for parsed in named})],
    )
    saved = {external_id for external_id, _, is_saved in rows if is_saved}
    latest = {external_id: name for external_id, name, _ in rows}
    hints = []
    for parsed in sorted(named, key=lambda parsed: parsed.when.at):
        external_id, name = storable(parsed.event.external_id), storable(parsed.event.label_name or "", 200)
        if external_id not in saved and latest.get(external_id) != name:
            latest[external_id] = name
            hints.append(_hint(external_id, name, parsed))
    return hints


def _hint(external_id: str, name: str, parsed: ParsedEvent[LabelOnChat]) -> Definition:
    return Definition(
        external_id=external_id, kind=HINT, name=name, color=parsed.event.label_color, at=parsed.when.at,
        at_source=parsed.when.source, received_at=parsed.row.received_at, key=f"{parsed.key[:58]}#name",
        inbox_id=parsed.row.id,
    )  # fmt: skip


# -- Messages and names -----------------------------------------------------------------------------------------------


def _apply_messages(
    channel: Channel,
    messages: Sequence[ParsedEvent[MessageSeen]],
    directory: Directory,
    *,
    strangers: Iterable[ParsedEvent[MessageSeen]],
) -> set[int]:
    if not messages:
        return set()
    nobodys = {message.key for message in strangers}
    new = [_message(channel, message, directory) for message in messages if message.key not in nobodys]
    useful: set[int] = set()
    for once_each in in_rounds(new):
        useful |= _record(channel, once_each)
    record_names(_names_in(messages, directory))
    record_usernames(_usernames_in(messages, directory))
    return useful


def _record(channel: Channel, messages: Sequence[NewMessage]) -> set[int]:
    """Store or fill messages, each id once, and draw what follows; returns the inbox rows that told something."""
    stored = record_messages(messages)
    changed = [(m, stored[(channel.pk, m.external_id)]) for m in messages if (channel.pk, m.external_id) in stored]
    counted = [(m, row) for m, row in changed if m.counts]
    record_sightings(Sighting(row.contact_id, channel.pk, m.at) for m, row in counted)
    record_message_times(m for m, row in counted if row.is_new)
    filled = {row.contact_id for _, row in counted if not row.is_new}
    ids = [row.id for _, row in counted]
    if filled:
        recount_message_times(filled)
        ids += [first.pk for first in attribution.first_messages(filled)]
    attribution.attribute(ids)
    opt_out_by_words((m, row.id) for m, row in counted)
    return {m.inbox_id for m, _ in changed}


def _message(channel: Channel, parsed: ParsedEvent[MessageSeen], directory: Directory) -> NewMessage:
    event = parsed.event
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
        at=parsed.when.at,
        at_source=parsed.when.source,
        received_at=parsed.row.received_at,
        ad=event.ad,
        inbox_id=parsed.row.id,
        history=event.history,
        wire_type=storable(event.wire_type, 60) if event.kind == UNKNOWN else "",
    )


def _names_in(
    found: Iterable[ParsedEvent[MessageSeen | ContactSeen]], directory: Directory
) -> list[tuple[int, str, datetime]]:
    names = []
    for parsed in found:
        event = parsed.event
        name = event.contact_name if isinstance(event, MessageSeen) else event.name
        known = directory.find(event.chat) if name else None
        if name and known is not None:
            names.append((known.contact_id, storable(name, 200), parsed.when.at))
    return names


def _usernames_in(
    found: Iterable[ParsedEvent[MessageSeen | ContactSeen]], directory: Directory
) -> list[tuple[int, str, datetime]]:
    usernames = []
    for parsed in found:
        username = parsed.event.username
        known = directory.find(parsed.event.chat) if username else None
        if username and known is not None:
            usernames.append((known.contact_id, storable(username, 60), parsed.when.at))
    return usernames


def _apply_names(names: Sequence[ParsedEvent[ContactSeen]], directory: Directory) -> set[int]:
    record_names(_names_in(names, directory))
    record_usernames(_usernames_in(names, directory))
    return {name.row.id for name in names if directory.find(name.event.chat) is not None}


def _apply_changes(channel: Channel, changes: Sequence[ParsedEvent[IdentityChanged]], directory: Directory) -> set[int]:
    """Who goes by something else now was joined before; what is left is that they were seen here."""
    known = [(change.when.at, directory.find(change.event.chat)) for change in changes]
    record_sightings(Sighting(one.contact_id, channel.pk, at) for at, one in known if one is not None)
    return {change.row.id for change in changes}


# -- The channel ------------------------------------------------------------------------------------------------------


def _update_channel(channel: Channel, rows: Iterable[JudgedRow], batch: Batch) -> None:
    """When the channel was last heard of, and what it said about itself."""
    if channel.status == Channel.Status.NEVER:
        channel.status = Channel.Status.WORKING  # some gateways never say so, but whoever speaks is alive
    # Never backwards: rows may be processed again.
    channel.last_event_at = _latest(channel.last_event_at, (judged.row.received_at for judged in rows))
    about_labels = (parsed.row.received_at for parsed in _about_labels(batch))
    channel.last_label_event_at = _latest(channel.last_label_event_at, about_labels)
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


def _latest(known: datetime | None, times: Iterable[datetime]) -> datetime | None:
    return max((*times, *([known] if known else [])), default=None)
