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
    "inbox_id",
)  # fmt: skip


@dataclass(slots=True, kw_only=True, eq=False)
class LabelFact:
    """One label put on or taken off a known contact, its time already believed; a `labels.rules.fold.LabelChange`.

    `key` is its event key, unique in its channel. Whoever heard of it gives the WhatsApp label id (`external_id`);
    channel, channel label, actor, origin and `id` (0 until then) are filled in on its way to being recorded, and
    nothing changes afterwards: the copies of a frozen class were measured at a tenth of the drain's CPU.
    """

    id: int = 0
    contact_id: int
    identity_id: int | None
    channel_id: int = 0
    external_id: str = ""  # not known of what was recorded before: then the channel label is
    channel_label_id: int = 0
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

    @property
    def fold_key(self) -> tuple[int, int]:
        """The interval key it belongs to: (contact id, channel label id)."""
        return (self.contact_id, self.channel_label_id)


def unrecorded(facts: Sequence[LabelFact], *, channel_id: int) -> list[LabelFact]:
    """`facts` without those whose key the channel has already recorded, and each key once."""
    seen = {
        key
        for (key,) in fetch(
            "SELECT event_key FROM labels_labelevent WHERE channel_id = %s AND event_key = ANY(%s::text[])",
            [channel_id, array(fact.key for fact in facts)],
        )
    }
    fresh: list[LabelFact] = []
    for fact in facts:
        if fact.key not in seen:
            seen.add(fact.key)
            fresh.append(fact)
    return fresh


def give_ids(facts: Sequence[LabelFact]) -> None:
    """Give `facts` the primary keys they will be recorded under."""
    for fact, pk in zip(facts, reserve_ids("labels_labelevent", len(facts)), strict=True):
        fact.id = pk


def record(facts: Iterable[LabelFact], *, effects: dict[int, str]) -> None:
    """Append `facts` as label events, each with what the fold made of it (`effects` by event id; default "none")."""
    copy_rows("labels_labelevent", COLUMNS, (_row(fact, effects) for fact in facts))


def _row(fact: LabelFact, effects: dict[int, str]) -> tuple[Any, ...]:
    return (
        fact.id, fact.contact_id, fact.identity_id, fact.channel_id, fact.channel_label_id,
        "add" if fact.on else "remove", fact.at, fact.at_source, fact.capped, fact.received_at,
        fact.agent_id, fact.user_id, fact.method, fact.origin, effects.get(fact.id, Effect.NONE.value),
        fact.key, fact.inbox_id,
    )  # fmt: skip


def load(keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], list[LabelFact]]:
    """Every recorded event of the given (contact id, channel label id) keys, except echoes."""
    pairs = sorted(keys)
    rows = fetch(
        "SELECT e.id, e.contact_id, e.identity_id, e.channel_id, e.channel_label_id, e.kind, e.occurred_at,"
        " e.occurred_at_source, e.capped, e.received_at, e.actor_agent_id, e.actor_user_id, e.actor_method, e.origin,"
        " e.event_key, e.inbox_id"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS k (contact, label)"
        " JOIN labels_labelevent e ON e.contact_id = k.contact AND e.channel_label_id = k.label"
        " WHERE e.effect <> 'echo'",
        transpose(pairs, 2),
    )
    found: dict[tuple[int, int], list[LabelFact]] = {}
    for row in rows:
        fact = _fact(row)
        found.setdefault(fact.fold_key, []).append(fact)
    return found


def _fact(row: tuple[Any, ...]) -> LabelFact:
    return LabelFact(
        id=row[0], contact_id=row[1], identity_id=row[2], channel_id=row[3], channel_label_id=row[4],
        on=row[5] == "add", at=row[6], at_source=row[7], capped=row[8], received_at=row[9], agent_id=row[10],
        user_id=row[11], method=row[12], origin=row[13], key=row[14], inbox_id=row[15],
    )  # fmt: skip
