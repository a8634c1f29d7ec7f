"""Label events as they are recorded: actor, origin and time are decided here, once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labelcrm.core.bulk import array, copy_rows, fetch, reserve_ids, transpose
from labels.models import Effect

COLUMNS = (
    "id", "contact_id", "identity_id", "channel_id", "channel_label_id", "kind", "occurred_at", "occurred_at_source",
    "capped", "received_at", "actor_agent_id", "actor_user_id", "actor_method", "origin", "effect", "event_key",
    "inbox_id", "command_id",
)  # fmt: skip


@dataclass(slots=True, kw_only=True, eq=False)
class Told:
    """One label put on or taken off one chat; a `labels.rules.fold.LabelChange`.

    Actor, origin and `id` (0 until then) are filled in on its way to being recorded, nothing changes afterwards: the
    copies of a frozen class were measured at a tenth of the drain's CPU. `key` is its event key, unique in its channel.
    """

    id: int = 0
    contact_id: int
    identity_id: int | None
    channel_id: int
    channel_label_id: int
    on: bool
    at: datetime
    at_source: str
    capped: bool = False
    received_at: datetime
    agent_id: int | None = None
    user_id: int | None = None
    method: str = "unknown"
    origin: str = "live"
    key: str
    inbox_id: int | None = None
    command_id: int | None = None

    @property
    def fold_key(self) -> tuple[int, int]:
        """The interval key this event belongs to: (contact id, channel label id)."""
        return (self.contact_id, self.channel_label_id)


def unrecorded(events: Sequence[Told], *, channel_id: int) -> list[Told]:
    """`events` without those whose key the channel has already recorded, and each key once."""
    seen = {
        key
        for (key,) in fetch(
            "SELECT event_key FROM labels_labelevent WHERE channel_id = %s AND event_key = ANY(%s::text[])",
            [channel_id, array(event.key for event in events)],
        )
    }
    fresh: list[Told] = []
    for event in events:
        if event.key not in seen:
            seen.add(event.key)
            fresh.append(event)
    return fresh


def give_ids(events: Sequence[Told]) -> None:
    """Give `events` the primary keys they will be recorded under."""
    for event, pk in zip(events, reserve_ids("labels_labelevent", len(events)), strict=True):
        event.id = pk


def record(events: Iterable[Told], *, effects: dict[int, str]) -> None:
    """Append `events`, each with what the fold made of it (`effects` by event id; default "none")."""
    copy_rows("labels_labelevent", COLUMNS, (_row(event, effects) for event in events))


def _row(event: Told, effects: dict[int, str]) -> tuple[Any, ...]:
    return (
        event.id, event.contact_id, event.identity_id, event.channel_id, event.channel_label_id,
        "add" if event.on else "remove", event.at, event.at_source, event.capped, event.received_at,
        event.agent_id, event.user_id, event.method, event.origin, effects.get(event.id, Effect.NONE.value),
        event.key, event.inbox_id, event.command_id,
    )  # fmt: skip


def load(keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], list[Told]]:
    """Every recorded event of the given (contact id, channel label id) keys, except echoes."""
    pairs = sorted(keys)
    rows = fetch(
        "SELECT e.id, e.contact_id, e.identity_id, e.channel_id, e.channel_label_id, e.kind, e.occurred_at,"
        " e.occurred_at_source, e.capped, e.received_at, e.actor_agent_id, e.actor_user_id, e.actor_method, e.origin,"
        " e.event_key, e.inbox_id, e.command_id"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS k (contact, label)"
        " JOIN labels_labelevent e ON e.contact_id = k.contact AND e.channel_label_id = k.label"
        " WHERE e.effect <> 'echo'",
        transpose(pairs, 2),
    )
    found: dict[tuple[int, int], list[Told]] = {}
    for row in rows:
        event = _told(row)
        found.setdefault(event.fold_key, []).append(event)
    return found


def _told(row: tuple[Any, ...]) -> Told:
    return Told(
        id=row[0], contact_id=row[1], identity_id=row[2], channel_id=row[3], channel_label_id=row[4],
        on=row[5] == "add", at=row[6], at_source=row[7], capped=row[8], received_at=row[9], agent_id=row[10],
        user_id=row[11], method=row[12], origin=row[13], key=row[14], inbox_id=row[15], command_id=row[16],
    )  # fmt: skip
