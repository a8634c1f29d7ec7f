"""The rows of the inbox: which wait, what became of them, and giving them back to be processed again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When
from django.utils import timezone

from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch, fetch_binary, transpose
from labelcrm.core.wakeups import publish
from webhooks.drain.parsing import JudgedRow, RawEvent
from webhooks.models import APPLIED_BEFORE, KNOWN, MAX_REASON, InboundEvent

DRAIN_LANE = "webhooks.drain_lane"  # the Celery task that drains one channel
BATCH_BYTES = 8 * 1024 * 1024  # of bodies: a post may be a megabyte, and read it takes several times as much
State = InboundEvent.State

# A channel's pending rows, oldest first. BETWEEN and not "=", because then the index of pending rows is the only one
# that has this order: with "=" the planner may walk the primary key or the whole table past everything that was ever
# settled, as long as its statistics lag behind a drain.
_PENDING = """
    FROM webhooks_inboundevent WHERE channel_id BETWEEN {channel} AND {channel} AND state = 'pending'
    ORDER BY channel_id, id
"""
_PENDING_OF_ONE = _PENDING.format(channel="%(channel)s::bigint")
FIRST_PENDING = f"SELECT id {_PENDING_OF_ONE} LIMIT 1"
PENDING_CHANNELS = f"""
    SELECT c.id FROM contacts_channel c
     CROSS JOIN LATERAL (SELECT 1 {_PENDING.format(channel="c.id")} LIMIT 1) AS waiting
     ORDER BY c.id
"""  # noqa: S608 - one of two words above
OLDEST_PENDING = f"""
    SELECT id, received_at, dedupe_key, NULLIF(headers, '{{}}'), body FROM (
        SELECT *, sum(octet_length(body)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - octet_length(body) AS before
          FROM (SELECT id, received_at, dedupe_key, headers, body {_PENDING_OF_ONE} LIMIT %(size)s) AS oldest
    ) AS sized
     WHERE before < %(bytes)s ORDER BY id
"""  # noqa: S608 - as above
EMPTY_OLD_BODIES = """
    UPDATE webhooks_inboundevent SET body = ''::bytea WHERE state IN ('applied', 'duplicate') AND body <> ''::bytea
       AND settled_at < %(now)s::timestamptz - make_interval(days => %(days)s)
"""


def has_pending(channel_id: int) -> bool:
    """True while rows of the channel wait."""
    return bool(fetch(FIRST_PENDING, {"channel": channel_id}))


def pending_channels() -> list[int]:
    """Ids of the channels with pending rows: one index probe per channel, not a scan of the backlog."""
    return [pk for (pk,) in fetch(PENDING_CHANNELS, [])]


def next_rows(channel_id: int, size: int) -> list[RawEvent]:
    """The oldest pending rows, at least one; no more than `size`, nor than `BATCH_BYTES` of bodies."""
    rows = fetch_binary(OLDEST_PENDING, {"channel": channel_id, "size": size, "bytes": BATCH_BYTES})
    return [RawEvent(pk, received, key, headers or {}, body) for pk, received, key, headers, body in rows]


def write_states(rows: Iterable[JudgedRow], useful: set[int]) -> None:
    """Settle rows with one statement. Ignored ones lose their body and headers now: they are none of our business.

    A row that had its effect when it was processed before tells nothing new now, and is no duplicate for it.
    """
    settled = [(judged.row.id, *_state(judged, useful)) for judged in rows]
    execute(
        "UPDATE webhooks_inboundevent AS e SET settled_at = now(),"
        " state = CASE WHEN n.state = 'duplicate' AND e.reason = %s THEN 'applied' ELSE n.state END,"
        " reason = CASE WHEN e.reason = %s AND n.reason = %s THEN '' ELSE n.reason END,"
        " attempts = attempts + 1, body = CASE WHEN n.state = 'ignored' THEN ''::bytea ELSE e.body END,"
        " headers = CASE WHEN n.state = 'ignored' THEN '{}'::jsonb ELSE e.headers END"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n (id, state, reason) WHERE e.id = n.id",
        [APPLIED_BEFORE, APPLIED_BEFORE, KNOWN, *transpose(settled, 3)],
    )


def _state(judged: JudgedRow, useful: set[int]) -> tuple[str, str]:
    if judged.parked:
        return State.PARKED.value, judged.parked
    if judged.ignored:
        return State.IGNORED.value, judged.ignored
    if judged.row.id not in useful:
        return State.DUPLICATE.value, judged.unread or KNOWN
    return State.APPLIED.value, judged.unread


def park(event_id: int, reason: str) -> None:
    """Set a row aside with the reason why it could not be applied."""
    InboundEvent.objects.filter(id=event_id).update(
        state=State.PARKED, reason=reason.replace("\x00", "")[:MAX_REASON], settled_at=timezone.now()
    )


def replay(events: QuerySet[InboundEvent], *, actor: Any) -> int:
    """Process settled rows again that still have their body; returns how many. Safe to repeat: nothing counts twice."""
    with transaction.atomic():
        again = events.exclude(state__in=[State.PENDING, State.IGNORED]).exclude(body=b"")
        channels = sorted(set(again.order_by().values_list("channel_id", flat=True)))
        known = Case(When(state=State.APPLIED, then=Value(APPLIED_BEFORE)), default=Value(""))
        count = again.update(state=State.PENDING, reason=known, settled_at=None, attempts=0)
        audit.record(actor=actor, action="inbox.replayed", rows=count, channels=channels)
    for channel_id in channels:
        publish(DRAIN_LANE, channel_id)
    return count


def empty_old_bodies(*, now: datetime, days: int) -> int:
    """Empty the bodies of applied rows older than `days`; returns how many."""
    return execute(EMPTY_OLD_BODIES, {"now": now, "days": days})
