"""Facts: one row per thing that a report counts. A figure is a condition on facts.

Because the number is `count(*) FILTER (WHERE condition)` and its drill-down the rows `WHERE condition`, a number
and the rows behind it cannot disagree. Every query of facts gives the columns `who` (the key of the row of the report
it counts in, NULL for nobody or none), `contact_id`, `label_id` (NULL where no label is meant), `at`, and what else
its conditions speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labelcrm.core.bulk import fetch
from reports.selectors.row_keys import IDS, KeyType

Cursor = tuple[int, int, datetime, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A query, the counts that are read off it by condition, and `measures`, other aggregates by expression.

    All SQL is written in this package; values come as parameters. `key` says what `who` is. `told_apart_by` are the
    columns, of few different values, that decide every count: where they are named, facts that are alike are counted
    together before they are asked for each count.
    """

    key: KeyType = IDS
    expressions: Sequence[str] = ()  # common table expressions the query reads
    query: str
    counts: Mapping[str, str]
    measures: Mapping[str, str] = field(default_factory=dict)
    told_apart_by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FactRow:
    """A row behind a number. `place` tells rows of the same contact, label and time apart: 1, 2, …"""

    contact_id: int
    label_id: int | None
    at: datetime
    place: int = 1

    @property
    def cursor(self) -> Cursor:
        return (self.contact_id, self.label_id or 0, self.at, self.place)


def summarize(facts: Facts, parameters: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    """Counts and measures of each `who`; one that has no facts is missing."""
    query, counted = facts.query, "count(*)"
    if facts.told_apart_by:
        alike = ", ".join(("who", *facts.told_apart_by))
        query = f"SELECT {alike}, count(*) AS alike FROM ({query}) AS facts GROUP BY {alike}"  # noqa: S608
        counted = "sum(alike)"
    columns = [f"coalesce({counted} FILTER (WHERE {condition}), 0)::int" for condition in facts.counts.values()]
    columns += facts.measures.values()
    statement = f"{expressions_of(facts)} SELECT who, {', '.join(columns)} FROM ({query}) AS facts GROUP BY who"  # noqa: S608
    names = [*facts.counts, *facts.measures]
    return {who: dict(zip(names, values, strict=True)) for who, *values in fetch(statement, parameters)}


def rows(
    facts: Facts,
    count: str,
    parameters: Mapping[str, Any],
    *,
    who: Any,
    everybody: bool = False,
    beyond: Cursor | None = None,
    backward: bool = False,
    limit: int,
) -> list[FactRow]:
    """The facts that `count` counts for `who` (or for everybody), in the order of contact, label and time.

    They begin after the row whose cursor is `beyond`; `backward` gives those before it, the nearest first. Raises
    KeyError when these facts have no such count.
    """
    conditions = " AND ".join(_behind(facts, count, everybody=everybody))
    sign, direction = ("<", " DESC") if backward else (">", "")
    order = ", ".join(f"{column}{direction}" for column in ("contact_id", "label", "at", "place"))
    numbered = _NUMBERED.format(
        facts=facts.query, conditions=conditions, near=f"AND {_KEY} {sign}= {_BEYOND}" if beyond else ""
    )
    statement = (
        f"{expressions_of(facts)} SELECT contact_id, label_id, at, place FROM ({numbered}) AS numbered"  # noqa: S608
        f"{_AWAY.format(sign=sign) if beyond else ''} ORDER BY {order} LIMIT %(limit)s"
    )
    values = dict(zip(_PLACE, beyond or (None,) * len(_PLACE), strict=True))
    return [FactRow(*row) for row in fetch(statement, {**parameters, **values, "who": who, "limit": limit})]


_PLACE = ("beyond_contact", "beyond_label", "beyond_at", "beyond_place")
_KEY = "(contact_id, coalesce(label_id, 0), at)"
_BEYOND = "(%(beyond_contact)s::bigint, %(beyond_label)s::bigint, %(beyond_at)s::timestamptz)"
# Two quick undos of one label in one second, or two numbers at the same moment, are two rows that look the same. They
# are numbered, so that a page that ends between them loses none.
_NUMBERED = """
    SELECT contact_id, label_id, coalesce(label_id, 0) AS label, at,
           row_number() OVER (PARTITION BY contact_id, coalesce(label_id, 0), at) AS place
    FROM ({facts}) AS facts WHERE {conditions} {near}
"""
_AWAY = """
    WHERE (contact_id, label, at, place) {sign}
          (%(beyond_contact)s::bigint, %(beyond_label)s::bigint, %(beyond_at)s::timestamptz, %(beyond_place)s::bigint)
"""


def by_label(
    sources: Mapping[str, Facts], counts: Sequence[str], parameters: Mapping[str, Any]
) -> dict[str, list[tuple[Any, int | None, int]]]:
    """What each of some counts of one report counts of each `who`, split by label: who, label and how many.

    Their facts read the same expressions. One query.
    """
    parts = [
        f"SELECT {place}, who, label_id, count(*) FROM ({sources[count].query}) AS facts"  # noqa: S608
        f" WHERE {sources[count].counts[count]} GROUP BY who, label_id"
        for place, count in enumerate(counts)
    ]
    found: dict[str, list[tuple[Any, int | None, int]]] = {count: [] for count in counts}
    for place, who, label, number in fetch(
        f"{expressions_of(sources[counts[0]])} {' UNION ALL '.join(parts)}", parameters
    ):
        found[counts[place]].append((who, label, int(number)))
    return found


def count(
    facts: Facts, count: str, parameters: Mapping[str, Any], *, who: Any, everybody: bool = False
) -> tuple[int, int]:
    """How many rows `rows` gives in all, and of how many contacts."""
    selected = _selected("count(*), count(DISTINCT contact_id)", facts, count, everybody=everybody)
    [(total, contacts)] = fetch(selected, {**parameters, "who": who})
    return int(total), int(contacts)


def contacts(facts: Facts, count: str, *, everybody: bool = False) -> str:
    """The query of the contacts of `rows`, each once, as `contact_id`; `who` is one of its parameters."""
    return _selected("DISTINCT contact_id", facts, count, everybody=everybody)


def _selected(columns: str, facts: Facts, count: str, *, everybody: bool) -> str:
    conditions = " AND ".join(_behind(facts, count, everybody=everybody))
    return f"{expressions_of(facts)} SELECT {columns} FROM ({facts.query}) AS facts WHERE {conditions}"  # noqa: S608


def _behind(facts: Facts, count: str, *, everybody: bool) -> list[str]:
    conditions = [f"({facts.counts[count]})"]
    return conditions if everybody else [*conditions, f"who IS NOT DISTINCT FROM %(who)s::{facts.key.sql}"]


def expressions_of(facts: Facts) -> str:
    """The WITH that the query of facts stands behind."""
    return f"WITH {', '.join(facts.expressions)}" if facts.expressions else ""
