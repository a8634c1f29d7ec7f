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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone

from contacts.models import Channel
from contacts.services import connections, staff_numbers
from labelcrm.core.bulk import execute, fetch
from labelcrm.core.retries import QUERY_CANCELED, run_in_transaction, sqlstate
from labelcrm.lib.failures import error_sentence
from labelcrm.lib.memory import collector_paused
from webhooks.drain.applying import apply
from webhooks.drain.inbox import has_pending, next_rows, park, write_states
from webhooks.drain.parsing import ChannelFacts, JudgedRow, RawEvent, channel_facts, judge, learned, parse
from webhooks.models import InboundEvent, LaneMark

BATCH = 2000
MAX_TRIES = 5
LANE_LOCK = 0x1ABE1  # the first half of the advisory lock of a lane; the second is the channel id

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


@collector_paused()
def drain_batch(channel_id: int, *, size: int = BATCH) -> int:
    """Process one batch of a lane that the caller holds; returns the number of rows settled or given back."""
    rows = next_rows(channel_id, size)
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
        run_in_transaction(lambda: settle(channel_id, rows))  # lanes may meet in their contacts
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
        log.error("inbox row %s parked after %s tries: %s\n%s", rows[0].id, mark.tries, error_sentence(error), where)
        park(rows[0].id, error_sentence(error))
        LaneMark.objects.filter(pk=mark.pk).delete()
    else:
        log.warning("a batch of %s from inbox row %s failed: %s", len(rows), rows[0].id, error_sentence(error))


def settle(channel_id: int, rows: Sequence[RawEvent]) -> None:
    """Read and apply rows of one channel and write what became of each, in the caller's transaction."""
    channel = connections.hold(channel_id)
    judged = _judged(rows, channel_facts(channel, staff_numbers.staff_addresses(timezone.now())))
    staff_numbers.learn_lids(chat for row in judged for chat in row.staff)
    useful = apply(channel, [row for row in judged if row.events])
    write_states(judged, useful)
    _announce(channel, useful)


def _judged(rows: Sequence[RawEvent], channel: ChannelFacts) -> list[JudgedRow]:
    """Every row judged by whoever knows what the whole batch tells of its channel: how it is cut must not matter."""
    parsed = [parse(row, channel) for row in rows]
    judged = [judge(one, channel) for one in parsed]
    known = learned(channel, judged)
    return judged if known == channel else [judge(one, known) for one in parsed]


def _announce(channel: Channel, useful: set[int]) -> None:
    """Wake whoever watches live pages, when this transaction commits."""
    if useful:
        execute("SELECT pg_notify('labelcrm_live', %s)", [json.dumps({"channel": channel.pk, "events": len(useful)})])
