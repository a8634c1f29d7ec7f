"""The drain: batches of inbox rows, oldest first, one lane per channel, each batch in one transaction.

A poison row cannot stop a lane: before each batch the drain commits what it is about to try. When the same
first row turns up again, the batch is halved; a single row that failed `MAX_TRIES` times is parked with its
reason, and the others flow on.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone

from contacts.models import Channel
from contacts.services import connections
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch, fetch_binary, transpose
from labelcrm.core.retries import all_or_nothing, sqlstate
from labelcrm.core.wakeups import publish
from labelcrm.lib.memory import uncollected
from webhooks.drain.applying import apply
from webhooks.drain.readings import RawEvent, Reading, Speaker, judge, learnt, parse
from webhooks.gateways import GATEWAYS
from webhooks.models import InboundEvent, LaneMark

DRAIN_LANE = "webhooks.drain_lane"  # the Celery task that drains one channel
BATCH = 2000
BATCH_BYTES = 8 * 1024 * 1024  # of bodies: a post may be a megabyte, and read it takes several times as much
MAX_TRIES = 5
QUERY_CANCELED = "57014"  # by a time limit, most likely
LANE_LOCK = 0x1ABE1  # the first half of the advisory lock of a lane; the second is the channel id
KNOWN = "known already"
APPLIED_BEFORE = "applied before"  # the reason of a row that waits to be processed again
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

log = logging.getLogger(__name__)


@contextmanager
def lane(channel_id: int) -> Iterator[bool]:
    """Hold a channel's lane; False when somebody else does."""
    held = fetch("SELECT pg_try_advisory_lock(%s, %s)", [LANE_LOCK, channel_id])[0][0]
    try:
        yield held
    finally:
        if held:
            fetch("SELECT pg_advisory_unlock(%s, %s)", [LANE_LOCK, channel_id])


def drain(channel_id: int, *, seconds: float = 10.0) -> bool:
    """Process a channel's pending rows for at most about `seconds`; True when some are left.

    After letting go of the lane it looks once more, because whoever came meanwhile was turned away.
    """
    deadline = time.monotonic() + seconds
    while has_pending(channel_id):
        with lane(channel_id) as held:
            if not held:
                return False
            while drain_batch(channel_id):
                if time.monotonic() > deadline:
                    return True
    return False


def has_pending(channel_id: int) -> bool:
    """True while rows of the channel wait."""
    return bool(fetch(FIRST_PENDING, {"channel": channel_id}))


def pending_channels() -> list[int]:
    """Ids of the channels with pending rows: one index probe per channel, not a scan of the backlog."""
    return [pk for (pk,) in fetch(PENDING_CHANNELS, [])]


@uncollected()
def drain_batch(channel_id: int, *, size: int = BATCH) -> int:
    """Process one batch of a lane that the caller holds; returns the number of rows settled or given back."""
    rows = _next_rows(channel_id, size)
    if not rows:
        return 0
    mark = _mark(channel_id, rows[0].id, len(rows))
    if mark.size == 1 and mark.tries > MAX_TRIES:
        # Nothing came back from the last try, not even an error: the row took its worker down.
        park(rows[0].id, f"stopped its worker {MAX_TRIES} times")
        mark.delete()
        return 1
    rows = rows[: mark.size]
    try:
        all_or_nothing(lambda: settle(channel_id, rows))  # lanes may meet in their contacts
    except DatabaseError as error:
        if _is_our_trouble(error):
            _take_back(mark)
            raise
        _after_failure(mark, rows, error)
    except Exception as error:  # noqa: BLE001 - whatever a row does to us is that row's end, not the lane's
        _after_failure(mark, rows, error)
    else:
        LaneMark.objects.filter(pk=mark.pk).delete()
    return len(rows)


def _take_back(mark: LaneMark) -> None:
    """A try that our own trouble ended says nothing about its rows and does not count, if we can still say so."""
    with suppress(DatabaseError, InterfaceError):
        LaneMark.objects.filter(pk=mark.pk).delete()


def _next_rows(channel_id: int, size: int) -> list[RawEvent]:
    """The oldest pending rows, at least one; no more than `size`, nor than `BATCH_BYTES` of bodies."""
    rows = fetch_binary(OLDEST_PENDING, {"channel": channel_id, "size": size, "bytes": BATCH_BYTES})
    return [RawEvent(pk, received, key, headers or {}, body) for pk, received, key, headers, body in rows]


def _mark(channel_id: int, first_id: int, available: int) -> LaneMark:
    """Commit what is tried next: all of it at first, half as much each time the same first row comes back."""
    mark, created = LaneMark.objects.get_or_create(
        pk=channel_id, defaults={"first_id": first_id, "size": available, "tries": 1}
    )
    if created:
        return mark
    if mark.first_id == first_id:
        mark.tries = mark.tries + 1 if mark.size == 1 else 1
        mark.size = max(1, min(mark.size, available) // 2)
    else:
        mark.first_id, mark.tries = first_id, 1
        mark.size = min(available, max(1, mark.size * 2))
    mark.save()
    return mark


def _is_our_trouble(error: DatabaseError) -> bool:
    """A lost connection, a deadlock or a shutdown says nothing about the rows: they are tried again as they are.

    A statement that took too long does: a smaller batch may do.
    """
    state = sqlstate(error)
    is_ours = state == "" or (state[:2] in ("08", "40", "53", "57") and state != QUERY_CANCELED)
    return isinstance(error, OperationalError) and is_ours


def _after_failure(mark: LaneMark, rows: Sequence[RawEvent], error: Exception) -> None:
    InboundEvent.objects.filter(id__in=[row.id for row in rows]).update(attempts=F("attempts") + 1)
    if len(rows) == 1 and mark.tries >= MAX_TRIES:
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("inbox row %s parked after %s tries: %s\n%s", rows[0].id, mark.tries, _sentence(error), where)
        park(rows[0].id, _sentence(error))
        LaneMark.objects.filter(pk=mark.pk).delete()
    else:
        log.warning("a batch of %s from inbox row %s failed: %s", len(rows), rows[0].id, _sentence(error))


def _sentence(error: Exception) -> str:
    """What went wrong, without PostgreSQL's details, which quote the row: names, numbers, messages."""
    told = getattr(getattr(error.__cause__, "diag", None), "message_primary", None)
    return f"{type(error).__name__}: {told or error}"


def park(event_id: int, reason: str) -> None:
    """Set a row aside with the reason why it could not be applied."""
    InboundEvent.objects.filter(id=event_id).update(
        state=State.PARKED, reason=reason.replace("\x00", "")[:300], settled_at=timezone.now()
    )


def settle(channel_id: int, rows: Sequence[RawEvent]) -> None:
    """Read and apply rows of one channel and write what became of each, in the caller's transaction."""
    channel = connections.hold(channel_id)
    readings = _read(rows, speaker_of(channel))
    useful = apply(channel, [reading for reading in readings if reading.events])
    _write_states(readings, useful)
    _announce(channel, useful)


def _read(rows: Sequence[RawEvent], speaker: Speaker) -> list[Reading]:
    """Every row read by whoever knows what the whole batch tells of its channel: how it is cut must not matter."""
    parsed = [parse(row, speaker) for row in rows]
    readings = [judge(one, speaker) for one in parsed]
    known = learnt(speaker, readings)
    return readings if known == speaker else [judge(one, known) for one in parsed]


def speaker_of(channel: Channel) -> Speaker:
    """What reading a channel's posts needs to know of it."""
    return Speaker(
        gateway=channel.gateway,
        session=_session(channel),
        zone=channel.timezone,
        business_zone=settings.TIME_ZONE,
        region=settings.PHONE_REGION,
        own_phone=channel.own_phone,
        own_lid=channel.own_lid,
    )


def _session(channel: Channel) -> str:
    """The session that posts must name; "" while the gateway's own id for the account is still to be learnt."""
    learns = GATEWAYS[channel.gateway].session_is_an_id and channel.session == channel.key
    return "" if learns else channel.session


def _write_states(readings: Iterable[Reading], useful: set[int]) -> None:
    """One statement for all rows. Ignored ones lose their body and headers now: they are none of our business.

    A row that had its effect when it was processed before tells nothing new now, and is no duplicate for it.
    """
    settled = [(reading.row.id, *_state(reading, useful)) for reading in readings]
    execute(
        "UPDATE webhooks_inboundevent AS e SET settled_at = now(),"
        " state = CASE WHEN n.state = 'duplicate' AND e.reason = %s THEN 'applied' ELSE n.state END,"
        " reason = CASE WHEN e.reason = %s AND n.reason = %s THEN '' ELSE n.reason END,"
        " attempts = attempts + 1, body = CASE WHEN n.state = 'ignored' THEN ''::bytea ELSE e.body END,"
        " headers = CASE WHEN n.state = 'ignored' THEN '{}'::jsonb ELSE e.headers END"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n (id, state, reason) WHERE e.id = n.id",
        [APPLIED_BEFORE, APPLIED_BEFORE, KNOWN, *transpose(settled, 3)],
    )


def _state(reading: Reading, useful: set[int]) -> tuple[str, str]:
    if reading.parked:
        return State.PARKED.value, reading.parked
    if reading.ignored:
        return State.IGNORED.value, reading.ignored
    if reading.row.id not in useful:
        return State.DUPLICATE.value, reading.unread or KNOWN
    return State.APPLIED.value, reading.unread


def _announce(channel: Channel, useful: set[int]) -> None:
    """Wake whoever watches live pages, when this transaction commits."""
    if useful:
        execute("SELECT pg_notify('labelcrm_live', %s)", [json.dumps({"channel": channel.pk, "events": len(useful)})])


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
