"""Loads the keys that events touch, folds them, and writes the intervals that changed.

The usual event comes after all others of its key and is appended to what is open. An event that comes late
has its whole key folded again. Both go through `labels.rules.fold.fold`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labelcrm.core.bulk import array, copy_rows, execute, fetch, fetch_binary, reserve_ids, transpose
from labels.rules.fold import NONE, FoldedInterval, fold, order
from labels.selectors.wording import Wording, load_wording
from labels.services.recording import LabelFact, load

Key = tuple[int, int]  # (contact id, channel label id)

COLUMNS = (
    "id", "contact_id", "channel_id", "channel_label_id", "label_id", "channel_label_name", "added_at",
    "added_at_source", "added_by_id", "added_by_user_id", "added_by_method", "origin", "removed_at", "removed_by_id",
    "removed_by_user_id", "removed_by_method", "removed_origin", "removed_reason", "added_event_id", "updated_at",
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What a fold changed: effects by event id, contacts whose intervals changed, and how many did.

    `repeats` are ids of events that told what was known already.
    """

    effects: dict[int, str] = field(default_factory=dict)
    repeats: set[int] = field(default_factory=set)
    contacts: set[int] = field(default_factory=set)
    changed: int = 0


@dataclass(frozen=True, slots=True)
class _Tail:
    """How a key stands: the order of its last event, and the event and row that are open."""

    last: tuple[datetime, bool, str]
    opener: LabelFact | None
    open_id: int | None


def append(events: Sequence[LabelFact], *, dead: Collection[int] = ()) -> Outcome:
    """Fold new events (with ids, not recorded yet) into the intervals of their keys.

    Keys with a late event, or of a deleted label (`dead`, channel label ids), are left to `refold` after the
    events are recorded; the outcome's `effects` then lack theirs.
    """
    outcome = Outcome()
    by_key: dict[Key, list[LabelFact]] = {}
    for event in events:
        by_key.setdefault(event.fold_key, []).append(event)
    tails = _tails(by_key)
    opened: list[tuple[int | None, FoldedInterval[LabelFact]]] = []
    for key, fresh in by_key.items():
        tail = tails.get(key)
        if key[1] in dead or (tail is not None and min(map(order, fresh)) < tail.last):
            continue
        _append_key(outcome, opened, fresh, tail)
    outcome.changed = _write(opened)
    return outcome


def _append_key(
    outcome: Outcome,
    written: list[tuple[int | None, FoldedInterval[LabelFact]]],
    fresh: list[LabelFact],
    tail: _Tail | None,
) -> None:
    opener = tail.opener if tail is not None else None
    folded = fold(fresh, opener=opener)
    outcome.effects |= folded.effects
    # A first removal without effect is news (the label was on before our time); all others repeat something.
    outcome.repeats.update(
        event.id
        for i, event in enumerate(fresh)
        if folded.effects[event.id] == NONE and (event.on or tail is not None or i)
    )
    for interval in folded.intervals:
        continued = opener is not None and interval.opener is opener
        if continued and interval.ended_at is None:
            continue
        written.append((tail.open_id if continued and tail is not None else None, interval))
        outcome.contacts.add(interval.opener.contact_id)


def late_keys(events: Iterable[LabelFact], outcome: Outcome) -> set[Key]:
    """The keys that `append` left alone."""
    return {event.fold_key for event in events if event.id not in outcome.effects}


_TAILS = """
SELECT k.contact, k.label, last.occurred_at, last.kind, last.event_key, i.id, opener.id, opener.occurred_at,
       opener.event_key, opener.origin
  FROM unnest(%s::bigint[], %s::bigint[]) AS k (contact, label)
 CROSS JOIN LATERAL (
       SELECT occurred_at, kind, event_key FROM labels_labelevent e
        WHERE e.contact_id = k.contact AND e.channel_label_id = k.label AND e.effect <> 'echo'
        ORDER BY occurred_at DESC, kind DESC, event_key COLLATE "C" DESC LIMIT 1) AS last
  LEFT JOIN labels_labelassignment i
         ON i.contact_id = k.contact AND i.channel_label_id = k.label AND i.removed_at IS NULL
  LEFT JOIN labels_labelevent opener ON opener.id = i.added_event_id
"""


def _tails(keys: Iterable[Key]) -> dict[Key, _Tail]:
    pairs = sorted(keys)
    rows = fetch_binary(_TAILS, transpose(pairs, 2))
    return {(row[0], row[1]): _tail(row) for row in rows}


def _tail(row: tuple[Any, ...]) -> _Tail:
    contact, label, at, kind, key, open_id, *opener = row
    last = (at, kind == "remove", key)
    if open_id is None:
        return _Tail(last, None, None)
    pk, opened_at, opener_key, origin = opener
    known = LabelFact(
        id=pk, contact_id=contact, identity_id=None, channel_id=0, channel_label_id=label, on=True, at=opened_at,
        at_source="", received_at=opened_at, origin=origin, key=opener_key,
    )  # fmt: skip
    return _Tail(last, known, open_id)


def _write(intervals: list[tuple[int | None, FoldedInterval[LabelFact]]]) -> int:
    """Close the open rows that have an id, insert the others; returns how many."""
    wording = load_wording({interval.opener.channel_label_id for _, interval in intervals})
    _close([(pk, interval) for pk, interval in intervals if pk is not None], wording)
    _insert([interval for pk, interval in intervals if pk is None], wording)
    return len(intervals)


def _close(closed: list[tuple[int, FoldedInterval[LabelFact]]], wording: dict[int, Wording]) -> None:
    """End open rows; from then on they say what their label meant and was called at that end."""
    if not closed:
        return
    rows = [(pk, *_meant(interval, wording), *_ending(interval)) for pk, interval in closed]
    execute(
        "UPDATE labels_labelassignment AS i SET label_id = n.label, channel_label_name = n.name, removed_at = n.at,"
        " removed_by_id = n.agent, removed_by_user_id = n.usr, removed_by_method = n.method, removed_origin = n.origin,"
        " removed_reason = n.reason, updated_at = now()"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[],"
        " %s::text[], %s::text[], %s::text[]) AS n (id, label, name, at, agent, usr, method, origin, reason)"
        " WHERE i.id = n.id",
        transpose(rows, 9),
    )


def _meant(interval: FoldedInterval[LabelFact], wording: dict[int, Wording]) -> tuple[int, str]:
    """The canonical label and the name of an interval's label at its end; those of now while it is open."""
    words = wording[interval.opener.channel_label_id]
    return (words.label_at(interval.ended_at), words.name_at(interval.ended_at))


def _ending(interval: FoldedInterval[LabelFact]) -> tuple[Any, ...]:
    """removed_at, agent, user, method, origin and reason of an interval; empty values while it is open."""
    closer = interval.closer
    if closer is None:
        return (interval.ended_at, None, None, "", "", interval.reason)
    return (interval.ended_at, closer.agent_id, closer.user_id, closer.method, closer.origin, interval.reason)


def _insert(
    intervals: list[FoldedInterval[LabelFact]], wording: dict[int, Wording], *, ids: dict[int, int] | None = None
) -> None:
    """Insert intervals; `ids` keeps the row ids of those whose opening event had one (event id → row id)."""
    if not intervals:
        return
    kept = ids or {}
    fresh = iter(reserve_ids("labels_labelassignment", sum(i.opener.id not in kept for i in intervals)))
    now = fetch("SELECT now()", [])[0][0]
    copy_rows(
        "labels_labelassignment",
        COLUMNS,
        (_row(i, kept.get(i.opener.id) or next(fresh), wording, now) for i in intervals),
    )


def _row(interval: FoldedInterval[LabelFact], pk: int, wording: dict[int, Wording], now: datetime) -> tuple[Any, ...]:
    opener = interval.opener
    return (
        pk, opener.contact_id, opener.channel_id, opener.channel_label_id, *_meant(interval, wording), opener.at,
        opener.at_source, opener.agent_id, opener.user_id, opener.method, opener.origin, *_ending(interval), opener.id,
        now,
    )  # fmt: skip


def refold(keys: Collection[Key]) -> Outcome:
    """Fold whole keys again from all their recorded events, and mend rows and effects that differ."""
    outcome = Outcome()
    if not keys:
        return outcome
    events = load(keys)
    ends = _generation_ends({label for _, label in keys})
    stored = _stored(keys)
    changes = []
    for key in sorted(keys):
        folded = fold(events.get(key, []), deleted_at=ends.get(key[1]))
        outcome.effects |= folded.effects
        outcome.repeats |= _repeats(events.get(key, []), folded.effects)
        if _differs(folded.intervals, stored.get(key, [])):
            changes.append((folded.intervals, stored.get(key, [])))
            outcome.contacts.add(key[0])
            outcome.changed += 1
    _replace(changes)
    _mend_effects(outcome.effects)
    return outcome


def _repeats(events: Collection[LabelFact], effects: dict[int, str]) -> set[int]:
    """Ids of the events of one key that told nothing new: without effect, or said by an earlier row already.

    As in `append`, a first removal is news.
    """
    first_ids: dict[tuple[datetime, bool], int] = {}
    for event in events:
        first_ids[event.at, event.on] = min(event.id, first_ids.get((event.at, event.on), event.id))
    first = min(events, key=order, default=None)
    return {
        event.id
        for event in events
        if first_ids[event.at, event.on] != event.id or (effects[event.id] == NONE and (event.on or event is not first))
    }


def differing(keys: Collection[Key]) -> int:
    """How many of `keys` have intervals that their events do not give. Changes nothing."""
    events, stored = load(keys), _stored(keys)
    ends = _generation_ends({label for _, label in keys})
    return sum(
        _differs(fold(events.get(key, []), deleted_at=ends.get(key[1])).intervals, stored.get(key, [])) for key in keys
    )


def _generation_ends(channel_labels: Collection[int]) -> dict[int, datetime]:
    rows = fetch(
        "SELECT id, deleted_at FROM labels_channellabel WHERE id = ANY(%s) AND deleted_at IS NOT NULL",
        [sorted(channel_labels)],
    )
    return dict(rows)


def _stored(keys: Collection[Key]) -> dict[Key, list[tuple[Any, ...]]]:
    rows = fetch(
        "SELECT i.contact_id, i.channel_label_id, i.id, i.added_event_id, i.added_at, i.added_by_id,"
        " i.added_by_user_id, i.added_by_method, i.origin, i.removed_at, i.removed_by_id, i.removed_by_user_id,"
        " i.removed_by_method, i.removed_origin, i.removed_reason"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS k (contact, label)"
        " JOIN labels_labelassignment i ON i.contact_id = k.contact AND i.channel_label_id = k.label"
        " ORDER BY i.added_at, i.id",
        transpose(sorted(keys), 2),
    )
    found: dict[Key, list[tuple[Any, ...]]] = {}
    for contact, label, *rest in rows:
        found.setdefault((contact, label), []).append(tuple(rest))
    return found


def _differs(intervals: list[FoldedInterval[LabelFact]], stored: list[tuple[Any, ...]]) -> bool:
    wanted = {_fingerprint(interval) for interval in intervals}
    return len(stored) != len(intervals) or wanted != {row[1:] for row in stored}


def _fingerprint(interval: FoldedInterval[LabelFact]) -> tuple[Any, ...]:
    opener = interval.opener
    return (
        opener.id, opener.at, opener.agent_id, opener.user_id, opener.method, opener.origin, *_ending(interval),
    )  # fmt: skip


def _replace(changes: Iterable[tuple[list[FoldedInterval[LabelFact]], list[tuple[Any, ...]]]]) -> None:
    """Write the intervals of keys anew, given what should stand and what does; unchanged rows stay as they are.

    Rows that keep their opener keep their id.
    """
    gone: list[tuple[Any, ...]] = []
    fresh: list[FoldedInterval[LabelFact]] = []
    for intervals, stored in changes:
        wanted = {_fingerprint(interval): interval for interval in intervals}
        standing = {row[1:] for row in stored}
        gone += [row for row in stored if row[1:] not in wanted]
        fresh += [interval for fingerprint, interval in wanted.items() if fingerprint not in standing]
    execute("DELETE FROM labels_labelassignment WHERE id = ANY(%s)", [[row[0] for row in gone]])
    _insert(
        fresh,
        load_wording({interval.opener.channel_label_id for interval in fresh}),
        ids={row[1]: row[0] for row in gone if row[1] is not None},
    )


def _mend_effects(effects: dict[int, str]) -> None:
    execute(
        "UPDATE labels_labelevent AS e SET effect = n.effect FROM unnest(%s::bigint[], %s::text[]) AS n (id, effect)"
        " WHERE e.id = n.id AND e.effect <> n.effect",
        [array(effects), array(effects.values())],
    )
