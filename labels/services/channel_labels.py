"""The labels WhatsApp knows, derived from what it said about them: generations, names, colours.

Nothing here depends on the order of arrival: every change re-derives the label id from all its events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from contacts.models import Channel
from contacts.services import connections
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch
from labelcrm.lib.text import storable
from labels.models import ChannelLabel, ChannelLabelEvent
from labels.rules.fold import Generation, generation_at, generations
from labels.rules.naming import MAX_NAME
from labels.services import meanings, wording
from labels.services.figures import update_figures

SAVED, DELETED, HINT = "saved", "deleted", "hint"
# WhatsApp's own lists travel as labels. Only these types, or none told, are labels that people put on chats.
LABEL_TYPES = frozenset({"", "none", "custom", "predefined", "lead", "server_assigned"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a gateway said about one label of a channel; `kind` is "saved", "deleted" or "hint"."""

    external_id: str
    kind: str
    name: str | None = None
    color: int | None = None
    list_type: str = ""
    at: datetime
    at_source: str
    received_at: datetime
    key: str
    inbox_id: int | None = None


class Use(NamedTuple):
    """That a label was put on (`on`) or taken off somebody. Only putting it on shows that it lives."""

    at: datetime
    on: bool


@dataclass(slots=True)
class Generations:
    """The channel labels of some label ids, by generation, and what must follow from a change of theirs.

    `recorded` are keys of definitions that are new, `refold` the interval keys whose generation moved,
    `reworded` ids of the channel labels whose names or meanings may have changed, `new` of those nobody had before.
    """

    recorded: set[str] = field(default_factory=set)
    labels: dict[str, list[ChannelLabel]] = field(default_factory=dict)
    refold: set[tuple[int, int]] = field(default_factory=set)
    reworded: set[int] = field(default_factory=set)
    new: set[int] = field(default_factory=set)

    def at(self, external_id: str, moment: datetime) -> ChannelLabel:
        """The generation of a label id that covers `moment`."""
        rows = self.labels[external_id]
        if len(rows) == 1:
            return rows[0]
        number = generation_at(moment, [Generation(row.generation, row.deleted_at) for row in rows]).number
        return next(row for row in rows if row.generation == number)

    @property
    def dead(self) -> set[int]:
        """Ids of the channel labels that are deleted in WhatsApp."""
        return {row.pk for rows in self.labels.values() for row in rows if row.deleted_at is not None}


def apply(channel: Channel, definitions: Sequence[Definition], *, uses: Mapping[str, list[Use]]) -> Generations:
    """Record `definitions` and return the labels that they and `uses` (by label id) speak of.

    The caller refolds what `refold` names after recording its events, and refreshes the wording of `reworded`.
    """
    fresh = _record(channel, definitions)
    changed = {definition.external_id for definition in fresh}
    wanted = changed | set(uses)
    found = Generations(recorded={definition.key for definition in fresh}, labels=_load(channel, wanted))
    deleted = _last_deletions(channel, found.labels)
    unsettled = [
        external_id
        for external_id in sorted(wanted)
        if external_id in changed
        or _unheard_of(found.labels.get(external_id, []), uses.get(external_id, []), deleted.get(external_id))
    ]
    if unsettled:
        # Lanes meet in the canonical labels that names are matched to: one at a time.
        fetch("SELECT pg_advisory_xact_lock(hashtext('labelcrm.canonical_labels'))", [])
    for external_id in unsettled:
        _settle(found, channel, external_id, uses.get(external_id, []))
    return found


def _unheard_of(rows: list[ChannelLabel], uses: list[Use], last_deleted: datetime | None) -> bool:
    """True where a use may need a row that is not there: a new label id, or life beside its deletions.

    Life after a deletion is a new generation; life before one gives a meaning to a deletion that had none.
    """
    if not rows or last_deleted is None:
        return not rows
    ended = rows[-1].deleted_at
    return any(use.on and (use.at <= last_deleted or (ended is not None and use.at > ended)) for use in uses)


def _last_deletions(channel: Channel, labels: Mapping[str, list[ChannelLabel]]) -> dict[str, datetime]:
    """When the label ids among `labels` that were ever deleted last were, by what was told."""
    ids = [external_id for external_id, rows in labels.items() if any(row.deleted_at is not None for row in rows)]
    if not ids:
        return {}
    rows = fetch(
        "SELECT external_id, max(occurred_at) FROM labels_channellabelevent"
        " WHERE channel_id = %s AND external_id = ANY(%s) AND kind = 'deleted' GROUP BY external_id",
        [channel.pk, ids],
    )
    return dict(rows)


def _record(channel: Channel, definitions: Sequence[Definition]) -> list[Definition]:
    """Append what is new; returns it."""
    if not definitions:
        return []
    keys = [definition.key for definition in definitions]
    recorded = ChannelLabelEvent.objects.filter(channel=channel, event_key__in=keys)
    known = set(recorded.values_list("event_key", flat=True))
    fresh = list({d.key: d for d in definitions if d.key not in known}.values())
    ChannelLabelEvent.objects.bulk_create([_event(channel, definition) for definition in fresh])
    return fresh


def _event(channel: Channel, definition: Definition) -> ChannelLabelEvent:
    name = None if definition.name is None else storable(definition.name, MAX_NAME)
    return ChannelLabelEvent(
        channel=channel,
        external_id=definition.external_id,
        kind=definition.kind,
        name=name or None,
        color=definition.color,
        list_type=definition.list_type,
        occurred_at=definition.at,
        occurred_at_source=definition.at_source,
        received_at=definition.received_at,
        event_key=definition.key,
        inbox_id=definition.inbox_id,
    )


def _load(channel: Channel, external_ids: Collection[str]) -> dict[str, list[ChannelLabel]]:
    rows: dict[str, list[ChannelLabel]] = {}
    query = ChannelLabel.objects.filter(channel=channel, external_id__in=external_ids)
    for row in query.order_by("external_id", "generation"):
        rows.setdefault(row.external_id, []).append(row)
    return rows


def _settle(found: Generations, channel: Channel, external_id: str, uses: list[Use]) -> None:
    """Derive the generations, names and meanings of one label id from everything known about it."""
    events = list(
        ChannelLabelEvent.objects.filter(channel=channel, external_id=external_id).order_by("occurred_at", "event_key")
    )
    before = {row.generation: row for row in found.labels.get(external_id, [])}
    ends_before = {number: row.deleted_at for number, row in before.items()}
    rows: list[ChannelLabel] = []
    # In order, ends first: at no moment are two generations alive.
    for generation in _generations(channel, external_id, events, uses):
        row = before.get(generation.number) or ChannelLabel(
            channel=channel, external_id=external_id, generation=generation.number
        )
        start = rows[-1].deleted_at if rows else None
        own = [event for event in events if _within(event.occurred_at, start, generation.ended_at)]
        known = [event for event in own if event.event_key not in found.recorded]
        if _derive(row, generation, own, uses, start=start) or _names(own) != _names(known):
            found.reworded.add(row.pk)
        rows.append(row)
    found.new.update(row.pk for row in rows if not before)
    found.labels[external_id] = rows
    if before and {row.generation: row.deleted_at for row in rows} != ends_before:
        found.refold |= _reassign(rows)
        found.reworded.update(row.pk for row in rows)


def _generations(
    channel: Channel, external_id: str, events: list[ChannelLabelEvent], uses: list[Use]
) -> list[Generation]:
    deletions = [event.occurred_at for event in events if event.kind == DELETED]
    if not deletions:
        return [Generation(1, None)]
    saved = [event.occurred_at for event in events if event.kind == SAVED]
    added = fetch(
        "SELECT DISTINCT e.occurred_at FROM labels_labelevent e JOIN labels_channellabel l ON l.id = e.channel_label_id"
        " WHERE l.channel_id = %s AND l.external_id = %s AND e.kind = 'add' AND e.effect <> 'echo'",
        [channel.pk, external_id],
    )
    return generations(deletions, lives=[*saved, *(use.at for use in uses if use.on), *(at for (at,) in added)])


def _names(events: Iterable[ChannelLabelEvent]) -> list[tuple[datetime | None, str]]:
    """The names that events of one generation give it since when; the first holds from the beginning."""
    names: list[tuple[datetime | None, str]] = []
    for since, name, _ in _attributes(events).steps:
        if not names or names[-1][1] != name:
            names.append((since if names else None, name))
    return names


def _derive(
    row: ChannelLabel,
    generation: Generation,
    own: list[ChannelLabelEvent],
    uses: list[Use],
    *,
    start: datetime | None,
) -> bool:
    """Fill and save one generation, `(start, generation.ended_at]`, from its own events and the uses that fall into it.

    Returns whether its name, what it means, or whether it counts at all, changed.
    """
    attributes, before = _attributes(own), (row.name, row.hidden)
    seen = [event.occurred_at for event in own] + [
        use.at for use in uses if _within(use.at, start, generation.ended_at)
    ]
    seen += [row.first_seen_at] if row.pk else []
    row.first_seen_at = min(seen or [at for at in (start, generation.ended_at) if at is not None])
    row.deleted_at = generation.ended_at
    row.name_is_saved, row.is_placeholder = attributes.saved, attributes.name is None
    row.name, row.named_at = attributes.name or placeholder_name(row.channel, row.external_id), attributes.named_at
    row.color, row.list_type = attributes.color, attributes.list_type
    row.hidden = counts_nowhere(row)
    return meanings.settle(row, names=attributes.steps) or (row.name, row.hidden) != before


def counts_nowhere(row: ChannelLabel) -> bool:
    """True for WhatsApp's own lists, and for what a person said is no label that counts."""
    return row.ignored or row.list_type not in LABEL_TYPES


def _within(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or at > start) and (end is None or at <= end)


@dataclass(frozen=True, slots=True)
class _Attributes:
    """What the events of one generation say: latest name, colour and type, and every name in order."""

    name: str | None
    named_at: datetime | None
    saved: bool
    color: int | None
    list_type: str
    steps: list[tuple[datetime, str, datetime]]  # (since, name, received at)


def _attributes(events: Iterable[ChannelLabelEvent]) -> _Attributes:
    events = list(events)
    named = [e for e in events if e.kind == SAVED and e.name] or [e for e in events if e.kind == HINT and e.name]
    colors = [e.color for e in events if e.color is not None and e.kind == SAVED]
    colors = colors or [e.color for e in events if e.color is not None]
    types = [e.list_type for e in events if e.list_type]
    last = named[-1] if named else None
    return _Attributes(
        name=last.name if last else None,
        named_at=last.occurred_at if last else None,
        saved=bool(last and last.kind == SAVED),
        color=colors[-1] if colors else None,
        list_type=types[-1] if types else "",
        steps=[(e.occurred_at, e.name or "", e.received_at) for e in named],
    )


def placeholder_name(channel: Channel, external_id: str) -> str:
    """What a label is called until somebody says its name: "Label 9 (CS Rina)"."""
    return storable(f"Label {external_id} ({channel.name})", MAX_NAME)


def _reassign(rows: list[ChannelLabel]) -> set[tuple[int, int]]:
    """Give every recorded event to the generation that covers it; returns all keys of the label id, held."""
    ids = [row.pk for row in rows]
    start: datetime | None = None
    for row in rows:
        is_last = row is rows[-1]
        execute(
            "UPDATE labels_labelevent SET channel_label_id = %s WHERE channel_label_id = ANY(%s)"
            " AND channel_label_id <> %s AND occurred_at > COALESCE(%s, '-infinity'::timestamptz)"
            " AND occurred_at <= COALESCE(%s, 'infinity'::timestamptz)",
            [row.pk, ids, row.pk, start, None if is_last else row.deleted_at],
        )
        start = row.deleted_at
    return _held_keys(ids)


def _held_keys(ids: list[int]) -> set[tuple[int, int]]:
    """All interval keys of these channel labels. Their contacts are locked, so that no other lane moves one away."""
    held: set[int] = set()
    while True:
        pairs: list[tuple[Any, ...]] = fetch(
            "SELECT contact_id, channel_label_id FROM labels_labelevent WHERE channel_label_id = ANY(%s)"
            " UNION SELECT contact_id, channel_label_id FROM labels_labelassignment WHERE channel_label_id = ANY(%s)",
            [ids, ids],
        )
        loose = {contact for contact, _ in pairs} - held
        if not loose:
            return {(contact, label) for contact, label in pairs}
        lock_contacts(loose)
        held |= loose


@transaction.atomic
def name_placeholder(*, channel_label: ChannelLabel, name: str, actor: Any) -> set[int]:
    """A person says what a label without a name is called; a name that WhatsApp tells later still wins.

    Of a deleted label it is said for the time when it lived: its id may be another's by now.

    Returns ids of the contacts whose figures changed at once.
    """
    now = timezone.now()
    hint = Definition(
        external_id=channel_label.external_id, kind=HINT, name=name, at=channel_label.deleted_at or now,
        at_source="received", received_at=now, key=f"person:{channel_label.pk}:{now.isoformat()}"[:64],
    )  # fmt: skip
    audit.record(actor=actor, action="label.named", obj=channel_label, name=name)
    found = apply(connections.hold(channel_label.channel_id), [hint], uses={})
    contacts = wording.update_intervals(found.reworded)
    update_figures(contacts)
    wording.archive_unused()
    return contacts
