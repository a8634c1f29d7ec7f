"""When people write and when labels are put on, by weekday and hour (docs/metrics.md, "Heatmap")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from contacts.selectors.counting import COUNTS
from labelcrm.core.bulk import fetch
from reports.selectors.questions import Question

DAYS, HOURS = range(7), range(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapRow:
    """One hour of one weekday (0 is Monday) in the business's time zone.

    `inbound` are messages that came in, `added` labels that were put on (docs/metrics.md, "Added").
    """

    weekday: int
    hour: int
    inbound: int
    added: int


def report(question: Question) -> list[HeatmapRow]:
    """All 168 hours of a week from Monday on, also those in which nothing happened. Two queries.

    Channels and campaigns narrow both; labels and labellers narrow the labels alone.
    """
    inbound, added = _by_hour(question, _inbound(question)), _by_hour(question, _added(question))
    return [
        HeatmapRow(weekday=day, hour=hour, inbound=inbound.get((day, hour), 0), added=added.get((day, hour), 0))
        for day in DAYS
        for hour in HOURS
    ]


def highest(rows: list[HeatmapRow]) -> int:
    """The end of the scale that both halves of the picture share."""
    return max((max(row.inbound, row.added) for row in rows), default=0)


def _by_hour(question: Question, moments: str) -> Mapping[tuple[int, int], int]:
    values: dict[str, Any] = {
        **question.filtered.parameters,
        "start": question.period.start,
        "end": question.period.end,
        "zone": settings.TIME_ZONE,
    }
    return {(day, hour): count for day, hour, count in fetch(_HOURS.format(moments=moments), values)}


_HOURS = """
    SELECT extract(isodow FROM local)::int - 1 AS weekday, extract(hour FROM local)::int AS hour, count(*)
    FROM (SELECT at AT TIME ZONE %(zone)s AS local FROM ({moments}) AS moments) AS moments GROUP BY 1, 2
"""


def _inbound(question: Question) -> str:
    """What was written before its number was connected, nobody here could have answered."""
    filters = question.filters
    narrowed = " AND m.channel_id = ANY(%(channels)s::bigint[])" if filters.channels is not None else ""
    narrowed += " AND c.campaign_id = ANY(%(campaigns)s::bigint[])" if filters.campaigns is not None else ""
    return f"""
        SELECT m.at FROM contacts_message m JOIN contacts_contact c ON c.id = m.contact_id AND c.deleted_at IS NULL
        WHERE NOT m.from_me AND NOT m.history AND m.{COUNTS} AND m.at >= %(start)s AND m.at < %(end)s {narrowed}
    """  # noqa: S608 - conditions from this function


def _added(question: Question) -> str:
    return f"""
        SELECT s.started_at AS at FROM (WITH {question.filtered.spells()} SELECT * FROM spell) AS s
        WHERE NOT s.found AND s.started_at >= %(start)s AND s.started_at < %(end)s
    """  # noqa: S608 - SQL from this package
