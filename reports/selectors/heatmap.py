"""When people write and when labels are put on, by weekday and hour (docs/metrics.md, "Heatmap")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from contacts.selectors.counting import COUNTS
from labelcrm.core.bulk import fetch
from reports.selectors.facts import Facts, expressions_of
from reports.selectors.questions import Question
from reports.selectors.row_keys import HOURS as HOURS_OF_WEEK

DAYS, HOURS = range(7), range(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapRow:
    """One hour of one weekday (0 is Monday) in the business's time zone; `hour_of_week` is its place, from 1 to 168.

    `inbound` are messages that came in, `added` labels that were put on (docs/metrics.md, "Added").
    """

    hour_of_week: int
    weekday: int
    hour: int
    inbound: int
    added: int


def report(question: Question) -> list[HeatmapRow]:
    """All 168 hours of a week from Monday on, also those in which nothing happened. Two queries.

    Channels and campaigns narrow both; labels and labellers narrow the labels alone.
    """
    values = parameters(question)
    found = {name: dict(fetch(_counted(each), values)) for name, each in sources(question).items()}
    return [
        HeatmapRow(
            hour_of_week=place_of(day, hour),
            weekday=day,
            hour=hour,
            **{name: counts.get(place_of(day, hour), 0) for name, counts in found.items()},
        )
        for day in DAYS
        for hour in HOURS
    ]


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind both counts."""
    return {"inbound": _inbound(question), "added": _added(question)}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return {
        **question.filtered.parameters,
        "start": question.period.start,
        "end": question.period.end,
        "zone": settings.TIME_ZONE,
    }


def highest(rows: list[HeatmapRow]) -> int:
    """The end of the scale that both halves of the picture share."""
    return max((max(row.inbound, row.added) for row in rows), default=0)


def place_of(weekday: int, hour: int) -> int:
    """The place of an hour in the week: 1 is Monday's first."""
    return len(HOURS) * weekday + hour + 1


def weekday_and_hour(place: int) -> tuple[int, int]:
    """The weekday (0 is Monday) and the hour of a place in the week."""
    return divmod(place - 1, len(HOURS))


def hour_of_week(moment: str) -> str:
    """The hour of the week of a moment in SQL."""
    local = f"{moment} AT TIME ZONE %(zone)s"
    return f"((extract(isodow FROM {local}) - 1) * 24 + extract(hour FROM {local}) + 1)::smallint"


def _counted(each: Facts) -> str:
    """How many per hour of the week.

    What happened in one quarter of an hour is counted first, for the weekday and the hour of a moment cost more than
    all else: of two years and ten million labels 10 s → 3 s. No place's clock is off by part of a quarter.
    """
    return f"""
        {expressions_of(each)}
        SELECT {hour_of_week("quarter")}, sum(n)::int
        FROM (
            SELECT date_bin('15 minutes', at, timestamptz '2000-01-01 00:00Z') AS quarter, count(*) AS n
            FROM ({each.query}) AS facts GROUP BY quarter
        ) AS quarters GROUP BY 1
    """  # noqa: S608


def _inbound(question: Question) -> Facts:
    """What was written before its number was connected, nobody here could have answered."""
    filters = question.filters
    narrowed = " AND m.channel_id = ANY(%(channels)s::bigint[])" if filters.channels is not None else ""
    narrowed += " AND c.campaign_id = ANY(%(campaigns)s::bigint[])" if filters.campaigns is not None else ""
    return Facts(
        key=HOURS_OF_WEEK,
        query=f"""
            SELECT {hour_of_week("m.at")} AS who, m.contact_id, NULL::bigint AS label_id, m.at
            FROM contacts_message m JOIN contacts_contact c ON c.id = m.contact_id AND c.deleted_at IS NULL
            WHERE NOT m.from_me AND NOT m.history AND m.{COUNTS} AND m.at >= %(start)s AND m.at < %(end)s {narrowed}
        """,  # noqa: S608 - conditions from this function
        counts={"inbound": "true"},
    )


def _added(question: Question) -> Facts:
    return Facts(
        key=HOURS_OF_WEEK,
        expressions=[question.filtered.spells()],
        query=f"""
            SELECT {hour_of_week("s.started_at")} AS who, s.contact_id, s.label_id, s.started_at AS at FROM spell s
            WHERE NOT s.found AND s.started_at >= %(start)s AND s.started_at < %(end)s
        """,  # noqa: S608 - SQL from this module
        counts={"added": "true"},
    )
