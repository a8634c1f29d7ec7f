"""Labels that a gateway replays after a pairing were found, not added: nobody did that today.

A burst is a resync when at least `RESYNC_MIN_ADDS` adds of one channel have event times within
`RESYNC_WINDOW_SECONDS` after its connection became working or was newly paired. Only then, and never because
events arrive fast. The answer does not depend on how the adds were cut into batches. One label told twice of one
contact, as by two webhooks, is one add.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from labelcrm.core.bulk import fetch
from labels.services.recording import LabelFact

# Of a log that may be long, only the part from the event before the first moment to the one after the last.
_BECAME_WORKING = """
SELECT at FROM (
    SELECT at, state, paired, lag(state) OVER moments AS before, lag(at) OVER moments AS before_at
      FROM contacts_channelstatusevent
     WHERE channel_id = %(channel)s
       AND at >= COALESCE((SELECT max(at) FROM contacts_channelstatusevent
                            WHERE channel_id = %(channel)s AND at < %(first)s), '-infinity')
       AND at <= COALESCE((SELECT min(at) FROM contacts_channelstatusevent
                            WHERE channel_id = %(channel)s AND at > %(last)s), 'infinity')
    WINDOW moments AS (ORDER BY at, id)
) AS log
 WHERE ((state = 'working' AND before IS DISTINCT FROM 'working') OR paired)
   AND (at BETWEEN %(first)s AND %(last)s OR before_at = ANY(%(new)s))
"""


def windows(
    channel_id: int, *, around: Iterable[datetime], statuses: Iterable[datetime] = ()
) -> list[tuple[datetime, datetime]]:
    """The resync windows of a channel that may hold any of the times `around`, or that new `statuses` may have made.

    A connection event that comes late decides whether the one after it was a change.
    """
    new = list(statuses)
    times = [*around, *new]
    if not times:
        return []
    length = timedelta(seconds=settings.RESYNC_WINDOW_SECONDS)
    between = {"channel": channel_id, "first": min(times) - length, "last": max(times), "new": new}
    rows = fetch(_BECAME_WORKING, between)
    return [(at, at + length) for (at,) in rows]


def mark(facts: Sequence[LabelFact], *, channel_id: int, statuses: Iterable[datetime]) -> set[tuple[int, int]]:
    """Mark the adds of a resync among `facts` as found; returns keys of earlier events that had to be re-marked.

    `statuses` are times of connection events that arrived in the same batch: their windows may hold adds that
    came before them.
    """
    refold: set[tuple[int, int]] = set()
    for start, end in windows(channel_id, around=[fact.at for fact in facts if fact.on], statuses=statuses):
        inside = [fact for fact in facts if fact.on and start <= fact.at <= end]
        if len({fact.fold_key for fact in inside} | _recorded(channel_id, start, end)) < settings.RESYNC_MIN_ADDS:
            continue
        for fact in inside:
            if fact.origin == "live":
                fact.origin, fact.agent_id, fact.user_id, fact.method = "resync", None, None, "unknown"
        refold |= _mark_recorded(channel_id, start, end)
    return refold


def _recorded(channel_id: int, start: datetime, end: datetime) -> set[tuple[int, int]]:
    """The keys of recorded adds in a window, as many of them as decide."""
    rows = fetch(
        "SELECT DISTINCT contact_id, channel_label_id FROM labels_labelevent WHERE channel_id = %s AND kind = 'add'"
        " AND origin IN ('live', 'resync') AND occurred_at BETWEEN %s AND %s LIMIT %s",
        [channel_id, start, end, settings.RESYNC_MIN_ADDS],
    )
    return {(contact, label) for contact, label in rows}


def _mark_recorded(channel_id: int, start: datetime, end: datetime) -> set[tuple[int, int]]:
    rows = fetch(
        "UPDATE labels_labelevent SET origin = 'resync', actor_agent_id = NULL, actor_user_id = NULL,"
        " actor_method = 'unknown' WHERE channel_id = %s AND kind = 'add' AND origin = 'live'"
        " AND occurred_at BETWEEN %s AND %s RETURNING contact_id, channel_label_id",
        [channel_id, start, end],
    )
    return {(contact, label) for contact, label in rows}
