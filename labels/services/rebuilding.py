"""Intervals, the names and meanings on them, and projections, derived again from what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from django.db import transaction

from contacts.services import connections
from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import fetch
from labelcrm.core.jobs import Step
from labelcrm.core.models import Job
from labelcrm.core.retries import run_in_transaction
from labels.models import ChannelScope, LabelAssignment
from labels.services import day_sums, folding, projections, wording
from labels.services.folding import Key

# Looks at the next few after the last one (None: from the beginning): how many, the last of them or None when there
# are no more, and how much of them differed.
Part: TypeAlias = Callable[[Any], tuple[int, Any, int]]

CHUNK = 2000
LABELS_AT_ONCE = 20

_CHANNEL_LABELS = "SELECT id, channel_id FROM labels_channellabel ORDER BY id"
_NEXT_CHANNEL_LABELS = "SELECT id, channel_id FROM labels_channellabel WHERE id > %s ORDER BY id LIMIT %s"
_NEXT_KEYS = """
SELECT contact_id, channel_label_id FROM labels_labelevent WHERE (contact_id, channel_label_id) > (%s, %s)
 UNION SELECT contact_id, channel_label_id FROM labels_labelassignment WHERE (contact_id, channel_label_id) > (%s, %s)
 ORDER BY 1, 2 LIMIT %s
"""
_NEXT_ON = """
SELECT DISTINCT contact_id FROM labels_labelassignment WHERE channel_id = %s AND contact_id > %s
 ORDER BY contact_id LIMIT %s
"""


def rebuild(*, write: bool) -> int:
    """Compare what is derived with what was recorded, and mend it when `write`; returns how much differed.

    Nothing should. Generations and names of WhatsApp labels and contacts are taken as they stand.

    Lanes may be at work meanwhile: what is mended is locked first, and so is what a first look finds to differ, which
    may be nothing but a drain that committed between two of our queries.
    """
    differences = sum(_compare_intervals(keys, write=write) for keys in _all_keys())
    for channel_label, channel_id in fetch(_CHANNEL_LABELS, []):
        differences += _compare_wording(channel_label, channel_id, write=write)
    return differences + projections.refresh_all(write=write).differences


def rebuild_step(job: Job) -> Step:
    """One step of the same as a job, which mends what differs; `progress` counts what was looked at."""
    return _walk(job, [_next_intervals, _next_wording, _next_projections, _next_day_sums])


def rescope_step(job: Job) -> Step:
    """One step of a job that counts everybody on `channel` (id) in the channel's present team; None: on all channels.

    What the whole business sees stays as it is (`labels.rules.scopes`).
    """
    channel = job.parameters.get("channel")
    if channel is None:
        return _walk(job, [_next_projections, _next_day_sums])
    if not job.cursor:
        _count_in_its_team(channel)
    return _walk(job, [partial(_next_on, channel), _next_day_sums])


@transaction.atomic
def count_if_new(channel: int) -> bool:
    """Count a channel (id) in its team, unless somebody on it was counted elsewhere: then it needs `rescope_step`."""
    connections.hold(channel)
    is_new = not LabelAssignment.objects.filter(channel=channel).exists()
    if is_new:
        _count_in_its_team(channel)
    return is_new


def _count_in_its_team(channel: int) -> None:
    team = connections.hold(channel).team_id  # held: no batch of this channel is under way
    ChannelScope.objects.update_or_create(channel_id=channel, defaults={"team_id": team})


def _walk(job: Job, parts: Sequence[Part]) -> Step:
    """Look at the next few of the part that the cursor names.

    It holds that part, what of it was looked at last, and how much differed so far.
    """
    part, last, differences = job.cursor.get("part", 0), job.cursor.get("last"), job.cursor.get("differences", 0)
    looked_at, last, found = parts[part](last)
    if last is None:
        part += 1
    cursor = {"part": part, "last": last, "differences": differences + found}
    is_last = part == len(parts)
    return Step(
        cursor=cursor,
        progress=job.progress + looked_at,
        result={"looked_at": job.progress + looked_at, "differences": differences + found} if is_last else None,
    )


def _next_intervals(last: list[int] | None) -> tuple[int, Any, int]:
    rows = fetch(_NEXT_KEYS, [*(last or (0, 0)), *(last or (0, 0)), CHUNK])
    found = _compare_intervals({(contact, label) for contact, label in rows}, write=True) if rows else 0
    return len(rows), list(rows[-1]) if len(rows) == CHUNK else None, found


def _next_wording(last: int | None) -> tuple[int, Any, int]:
    rows = fetch(_NEXT_CHANNEL_LABELS, [last or 0, LABELS_AT_ONCE])
    found = sum(_compare_wording(channel_label, channel_id, write=True) for channel_label, channel_id in rows)
    return len(rows), rows[-1][0] if len(rows) == LABELS_AT_ONCE else None, found


def _next_projections(last: int | None) -> tuple[int, Any, int]:
    ids = projections.contacts_after(last or 0, CHUNK)
    return len(ids), ids[-1] if len(ids) == CHUNK else None, projections.check(ids, write=True) if ids else 0


def _next_on(channel: int, last: int | None) -> tuple[int, Any, int]:
    ids = [pk for (pk,) in fetch(_NEXT_ON, [channel, last or 0, CHUNK])]
    return len(ids), ids[-1] if len(ids) == CHUNK else None, projections.check(ids, write=True) if ids else 0


def _next_day_sums(last: int | None) -> tuple[int, Any, int]:
    labels = day_sums.labels_after(last or 0)[:1]
    return len(labels), labels[0] if labels else None, sum(day_sums.mend(label, write=True) for label in labels)


def _compare_intervals(keys: set[Key], *, write: bool) -> int:
    if not write and not folding.differing(keys):
        return 0

    def compare() -> int:
        lock_contacts(contact for contact, _ in keys)
        return folding.refold(keys).changed if write else folding.differing(keys)

    return run_in_transaction(compare)


def _compare_wording(channel_label: int, channel_id: int, *, write: bool) -> int:
    if not write and not wording.mend_intervals([channel_label], write=False):
        return 0

    def compare() -> int:
        connections.hold(channel_id)
        return wording.mend_intervals([channel_label], write=write)

    return run_in_transaction(compare)


def _all_keys() -> Iterator[set[Key]]:
    """Every key that has events or intervals, in chunks, by keyset."""
    last: Key = (0, 0)
    while True:
        rows = fetch(_NEXT_KEYS, [*last, *last, CHUNK])
        if not rows:
            return
        last = rows[-1]
        yield {(contact, label) for contact, label in rows}
