"""What goes to Meta's API: an outbox, emptied every minute while the connection is on.

A conversion that the API can have becomes a row. A look takes some rows for itself for a few minutes and commits that,
then calls Meta, then writes what Meta said: a worker that dies in between leaves rows whose lease ends, they are sent
again, and Meta counts an `event_id` once. Each is judged anew when it is taken: who opted out since, whose label was a
mistap and what has become too old while it waited is taken out.

Busy, unreachable and slow servers are asked again, after a minute and then twice as long each time. A batch that Meta
refuses is halved, down to the one event that is then failed with Meta's words. When it is the token, its rights or the
address, everything stops and waits for a person; no row is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from labelcrm.core.bulk import execute
from transfer.conversions import meta_api
from transfer.conversions.collecting import hold
from transfer.conversions.meta_api import CallOutcome, MetaAnswer
from transfer.conversions.models import TESTED, Conversion, ConversionDelivery, DeliveryState, MetaConnection, Target
from transfer.conversions.targets import READY, judged, sendable, within_reach

BATCH = 100
LEASE = timedelta(minutes=15)  # longer than all the calls that one batch can need
MOST_TRIES = 8
PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
CALLS = 40  # at most for one batch, when halving


@dataclass(slots=True)
class SentCounts:
    """What a look did with the rows of the outbox."""

    queued: int = 0
    sent: int = 0
    later: int = 0
    failed: int = 0


def connection_on() -> MetaConnection | None:
    """The connection, if it is switched on and nothing stopped it."""
    return MetaConnection.objects.filter(enabled=True, stopped="").exclude(access_token="").first()


def send_waiting(now: datetime, *, batches: int = 10) -> SentCounts:
    """Put into the outbox what the API can have at `now`, and send some hundred rows of it."""
    counts = SentCounts()
    connection = connection_on()
    if connection is None:
        return counts
    counts.queued = _queue(now)
    for _ in range(batches):
        rows = _take(now)
        if not rows or not _send(rows, connection, now, counts):
            break
    return counts


def _queue(now: datetime) -> int:
    with transaction.atomic():
        hold()
        young = within_reach(Conversion.objects.all(), Target.META_API, now=now)
        ready = judged(young, Target.META_API, now=now).filter(verdict=READY)
        rows = [
            ConversionDelivery(conversion_id=pk, target=Target.META_API, created_at=now)
            for pk in ready.order_by("pk").values_list("pk", flat=True)
        ]
        ConversionDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _take(now: datetime) -> list[Any]:
    """The next rows, ours for the length of LEASE; who may not be sent any more is taken out of the outbox.

    A look at conversions that is under way is waited for: it may take some of them back, or change what is sent.
    """
    with transaction.atomic():
        hold()
        waiting = ConversionDelivery.objects.filter(target=Target.META_API, state=DeliveryState.WAITING)
        free = waiting.exclude(not_before__gt=now).exclude(leased_until__gt=now)
        rows = list(free.select_for_update(skip_locked=True).order_by("id")[:BATCH])
        asked = sendable(Conversion.objects.filter(pk__in=[row.conversion_id for row in rows]).select_related("event"))
        known = judged(asked, Target.META_API, now=now, again=True).filter(verdict=READY).in_bulk()
        ConversionDelivery.objects.filter(pk__in=[row.pk for row in rows if row.conversion_id not in known]).delete()
        kept = [row for row in rows if row.conversion_id in known]
        for row in kept:
            row.conversion = known[row.conversion_id]
        ConversionDelivery.objects.filter(pk__in=[row.pk for row in kept]).update(leased_until=now + LEASE)
    return kept


def _send(rows: Sequence[Any], connection: MetaConnection, now: datetime, counts: SentCounts) -> bool:
    """Send these rows, halving what Meta refuses; whether there is any use in going on."""
    parts = [list(rows)]
    for calls in range(CALLS):
        if not parts:
            return True
        part = parts.pop()
        answer = meta_api.call([meta_api.event_of(row.conversion, connection) for row in part], connection)
        if answer.outcome is CallOutcome.REFUSED and len(part) > 1 and calls < CALLS - 1:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
            continue
        _note(part, answer, connection, now, counts)
        if answer.outcome in (CallOutcome.LATER, CallOutcome.STOP):
            _release([row for other in parts for row in other])
            return False
    _release([row for part in parts for row in part])  # the next look goes on with them
    return not parts


def _note(
    rows: Sequence[Any], answer: MetaAnswer, connection: MetaConnection, now: datetime, counts: SentCounts
) -> None:
    """Write down what Meta said of these rows, in one transaction."""
    with transaction.atomic():
        if answer.outcome is CallOutcome.SENT:
            tested = TESTED if connection.test_event_code else ""
            _update(rows, state=DeliveryState.DONE, done_at=now, error=tested, told="")
            counts.sent += len(rows)
        elif answer.outcome is CallOutcome.LATER:
            _later(rows, answer, now, counts)
        elif answer.outcome is CallOutcome.STOP:
            MetaConnection.objects.filter(pk=connection.pk).update(stopped=answer.code, told=answer.told)
            _update(rows)
        elif len(rows) == 1:
            _update(rows, state=DeliveryState.FAILED, done_at=now, error=answer.code, told=answer.told)
            counts.failed += 1
        else:  # out of calls while halving
            _update(rows)
        execute(_TOUCH, [[row.conversion_id for row in rows]])


def _later(rows: Sequence[Any], answer: MetaAnswer, now: datetime, counts: SentCounts) -> None:
    for row in rows:
        tries = row.tries + 1
        over = tries >= MOST_TRIES
        pause = min(PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
        state = {"state": DeliveryState.FAILED, "done_at": now} if over else {"not_before": now + pause}
        _update([row], tries=tries, error=answer.code, told=answer.told, **state)
        counts.failed += over
        counts.later += not over


def _release(rows: Sequence[Any]) -> None:
    _update(rows)


def _update(rows: Sequence[Any], **values: Any) -> None:
    ids = [row.pk for row in rows]
    ConversionDelivery.objects.filter(pk__in=ids).update(leased_until=None, **values)


_TOUCH = "UPDATE transfer_conversion SET updated_at = now() WHERE id = ANY(%s)"
