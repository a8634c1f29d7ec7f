"""When numbers told us nothing although they should have (docs/metrics.md, "Ground rules", Gaps).

A gateway that was cut off says so itself: from then until it works again what was labelled is unknown, unless
WhatsApp tells all labels again when it is back (a resync). Gaps that were written down count as well, and what a
pull has repaired does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from contacts.models import Channel
from labelcrm.core.bulk import fetch, transpose
from reports.limits import ReportLimits

GAPS = """
    gap AS (
        SELECT channel_id, since, coalesce(until, 'infinity') AS until
        FROM unnest(%(gap_channel)s::bigint[], %(gap_since)s::timestamptz[], %(gap_until)s::timestamptz[])
             AS g (channel_id, since, until)
    )
"""
"""A common table expression: one row per unrepaired gap of a channel."""

SILENT = (Channel.Status.STOPPED, Channel.Status.FAILED, Channel.Status.PAIRING)


@dataclass(frozen=True, slots=True)
class Gap:
    """`channel` was cut off in `[since, until)`; an empty `until` means that it still is."""

    channel: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Silence(Gap):
    """A time in which a number told us nothing, whether it was made good or not."""

    repaired: bool


def gaps(*, since: datetime, now: datetime) -> list[Gap]:
    """The unrepaired gaps of every channel that were not over at `since`, in order of channel and time."""
    return [Gap(*row) for row in fetch(_UNREPAIRED, _values(since, now))]


def silences(*, since: datetime, now: datetime) -> list[Silence]:
    """The gaps of `gaps`, and the times that would be gaps had nobody made them good."""
    return [Silence(*row) for row in fetch(_SILENCES, _values(since, now))]


def _values(since: datetime, now: datetime) -> dict[str, Any]:
    return {
        "since": since,
        "now": now,
        "shortest": ReportLimits.now().gap,
        "silent": [state.value for state in SILENT],
        "working": Channel.Status.WORKING.value,
        "replay": timedelta(seconds=settings.RESYNC_WINDOW_SECONDS),
    }


def parameters(found: Iterable[Gap]) -> dict[str, Any]:
    """The values that GAPS asks for."""
    rows = [(gap.channel, gap.since, gap.until) for gap in found]
    return dict(zip(("gap_channel", "gap_since", "gap_until"), transpose(rows, 3), strict=True))


def gap_flags(**windows: tuple[str, str, str]) -> str:
    """A join that gives each row a column per window: whether `[at, at + length)` overlaps a gap of the channel.

    A window is `(channel, at, length)`, expressions over the query around it. OFFSET keeps PostgreSQL from working
    a column out anew for every count that asks for it.
    """
    columns = ", ".join(_OVERLAPS.format(channel, at, length, name) for name, (channel, at, length) in windows.items())
    return f"CROSS JOIN LATERAL (SELECT {columns} OFFSET 0) AS flags"


_OVERLAPS = """
    EXISTS (SELECT FROM gap WHERE gap.since < {1} + {2} AND gap.until > {1} AND gap.channel_id = {0}) AS {3}
"""
# Of each channel only the statuses since it last worked before `since` are read. `back_at` is when it worked again.
_STATUSES = """
    SELECT e.channel_id, e.at, e.state,
           min(e.at) FILTER (WHERE e.state = %(working)s)
               OVER (PARTITION BY e.channel_id ORDER BY e.at DESC, e.id DESC) AS back_at
    FROM contacts_channel c
    CROSS JOIN LATERAL (
        SELECT max(w.at) AS at FROM contacts_channelstatusevent w
        WHERE w.channel_id = c.id AND w.state = %(working)s AND w.at <= %(since)s
    ) AS before
    JOIN contacts_channelstatusevent e ON e.channel_id = c.id AND e.at >= coalesce(before.at, '-infinity')
"""
# By channel label, because events have no index by channel and time.
_RESYNCED = """
    EXISTS (
        SELECT FROM labels_channellabel w JOIN labels_labelevent r ON r.channel_label_id = w.id
        WHERE w.channel_id = silent.channel_id AND r.origin = 'resync'
          AND r.occurred_at >= silent.back_at AND r.occurred_at <= silent.back_at + %(replay)s
    )
"""
# Each silence by itself; of a channel they may overlap.
_SPANS = f"""
    SELECT channel_id, tstzrange(since, back_at) AS span, {_RESYNCED} AS repaired FROM (
        SELECT channel_id, min(at) AS since, back_at FROM ({_STATUSES}) AS status WHERE state = ANY(%(silent)s)
        GROUP BY channel_id, back_at HAVING coalesce(back_at, %(now)s) - min(at) >= %(shortest)s
    ) AS silent
    UNION ALL
    SELECT channel_id, tstzrange(started_at, ended_at), repaired_at IS NOT NULL FROM contacts_channelgap
    WHERE ended_at IS NULL OR ended_at > started_at
"""  # noqa: S608 - SQL from this module
_GOOD = "range_agg(span) FILTER (WHERE repaired)"
_NOT_GOOD = f"range_agg(span) FILTER (WHERE NOT repaired) - coalesce({_GOOD}, '{{}}')"
_NOT_OVER = "upper_inf(span) OR upper(span) > %(since)s"
_UNREPAIRED = f"""
    SELECT channel_id, lower(span), upper(span) FROM (
        SELECT channel_id, unnest({_NOT_GOOD}) AS span FROM ({_SPANS}) AS spans GROUP BY channel_id
    ) AS unrepaired
    WHERE {_NOT_OVER} ORDER BY 1, 2
"""  # noqa: S608
_SILENCES = f"""
    WITH spans AS ({_SPANS})
    SELECT channel_id, lower(span), upper(span), repaired FROM (
        SELECT channel_id, unnest({_NOT_GOOD}) AS span, false AS repaired FROM spans GROUP BY channel_id
        UNION ALL
        SELECT channel_id, unnest({_GOOD}), true FROM spans GROUP BY channel_id
    ) AS every
    WHERE {_NOT_OVER} ORDER BY 1, 2
"""  # noqa: S608
