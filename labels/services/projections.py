"""The only writer of LabelSpell, CleanSpell, StageStay and LabelDay.

`refresh` brings the projections of some contacts in step with their intervals, in the caller's transaction:
the drain, remapping, renaming, merging and a label's new step call it, and the nightly self-check runs it over
everybody and must find nothing. What a spell is, `labels.rules.spells` says; here rows are read, compared and written
set-wise.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import array, copy_rows, execute, fetch_binary, transpose
from labelcrm.core.retries import run_in_transaction
from labels.rules.spells import SpellRow, project
from labels.selectors.spell_inputs import histories, limits_now, meanings_in

logger = logging.getLogger(__name__)

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ProjectionTable:
    """A projection: its columns as `labels.rules.spells` orders them; the first `key` of them are unique."""

    name: str
    key: int
    columns: Mapping[str, str]

    @property
    def key_columns(self) -> list[str]:
        return list(self.columns)[: self.key]


_SPELL_COLUMNS = {
    "contact_id": "bigint",
    "label_id": "bigint",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "channel_id": "bigint",
    "found": "boolean",
    "lost": "boolean",
    "import_or_resync": "boolean",
    "agent_id": "bigint",
    "user_id": "bigint",
    "method": "text",
    "removed_by_id": "bigint",
}
SPELLS = ProjectionTable("labels_labelspell", 3, {**_SPELL_COLUMNS, "mistap": "boolean"})
CLEAN_SPELLS = ProjectionTable("labels_cleanspell", 3, _SPELL_COLUMNS)
STAYS = ProjectionTable(
    "labels_stagestay",
    2,
    {
        "contact_id": "bigint",
        "started_at": "timestamptz",
        "ended_at": "timestamptz",
        "label_id": "bigint",
        "step": "smallint",
        "start_by_repair": "boolean",
        "end_by_repair": "boolean",
        "agent_id": "bigint",
    },
)
TABLES = (SPELLS, CLEAN_SPELLS, STAYS)


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates the stored rows of one table from the wanted ones; `changed` pairs old and new of one key."""

    gone: list[Row]
    changed: list[tuple[Row, Row]]
    new: list[Row]

    def __len__(self) -> int:
        return len(self.gone) + len(self.changed) + len(self.new)


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What a pass over everybody saw: contacts looked at, projection rows and day sums that differed."""

    contacts: int
    rows: int
    days: int

    @property
    def differences(self) -> int:
        return self.rows + self.days


def refresh(contact_ids: Collection[int], *, write: bool = True, chunk: int = 2000) -> int:
    """Bring the projections of these contacts in step; the number of rows that differed.

    `chunk` contacts are in memory at a time: a label that is renamed may be on a hundred thousand.

    Archived and unknown contacts have none. `write=False` only counts. The caller is in a transaction, holds the
    locks of the contacts and calls this once in it: day sums are locked in order of label and day, until commit.
    """
    ids = sorted(set(contact_ids))
    differing = 0
    sums: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for start in range(0, len(ids), chunk):
        some = ids[start : start + chunk]
        pairs = zip(TABLES, _wanted(some), strict=True)
        differences = [_difference(_stored(table, some), rows, table.key) for table, rows in pairs]
        differing += sum(len(difference) for difference in differences)
        if write:
            for table, difference in zip(TABLES, differences, strict=True):
                _write(table, difference)
            _count_days(sums, differences[0])
    _add_to_days({key: values for key, values in sums.items() if any(values)})
    return differing


def refresh_all(*, write: bool, chunk: int = 2000) -> SelfCheck:
    """Recompute everybody's projections and all day sums; with `write`, mend what differs.

    One transaction per chunk. Contacts are locked only where a first look found a difference, which may be
    nothing but a drain that committed between two of our queries.
    """
    contacts = rows = last = 0
    while ids := _contacts_after(last, chunk):
        last = ids[-1]
        contacts += len(ids)
        if refresh(ids, write=False):
            rows += run_in_transaction(partial(_refresh_held, ids, write=write))
    found = SelfCheck(contacts, rows, _mend_days(write=write))
    if found.differences:
        logger.warning("%d projection rows and %d day sums differed from the intervals", found.rows, found.days)
    return found


def _refresh_held(ids: list[int], *, write: bool) -> int:
    lock_contacts(ids)
    return refresh(ids, write=write)


# -- Wanted and stored ------------------------------------------------------------------------------------------------


_STAGE_STEPS = "SELECT id, step FROM labels_label WHERE step IS NOT NULL"


def _wanted(ids: list[int]) -> tuple[list[Row], list[Row], list[Row]]:
    """The rows these contacts should have, per table, each in the order of its key."""
    found = histories(ids)
    meanings = meanings_in(found)
    steps: dict[int, int] = dict(fetch_binary(_STAGE_STEPS, []))
    limits = limits_now()
    spells: list[Row] = []
    clean_spells: list[Row] = []
    stays: list[Row] = []
    for history in found:
        projection = project(history, meanings, steps=steps, limits=limits)
        spells += projection.spells
        clean_spells += projection.clean_spells
        stays += projection.stays
    return spells, clean_spells, stays


def _stored(table: ProjectionTable, ids: list[int]) -> list[Row]:
    columns, order = ", ".join(table.columns), ", ".join(table.key_columns)
    query = f"SELECT {columns} FROM {table.name} WHERE contact_id = ANY(%s::bigint[]) ORDER BY {order}"  # noqa: S608
    return fetch_binary(query, [array(ids)])


def _difference(stored: Sequence[Row], wanted: Sequence[Row], key: int) -> Difference:
    """Both in the order of their key. That nothing differs is the usual case of a check, and one comparison in C."""
    found = Difference([], [], [])
    if stored == wanted:
        return found
    i = j = 0
    while i < len(stored) and j < len(wanted):
        old, new = stored[i], wanted[j]
        step_i = old[:key] <= new[:key]
        step_j = new[:key] <= old[:key]
        if step_i and step_j:
            if old != new:
                found.changed.append((old, new))
        elif step_i:
            found.gone.append(old)
        else:
            found.new.append(new)
        i, j = i + step_i, j + step_j
    found.gone.extend(stored[i:])
    found.new.extend(wanted[j:])
    return found


# -- Writing ----------------------------------------------------------------------------------------------------------


def _write(table: ProjectionTable, difference: Difference) -> None:
    if difference.gone:
        _delete(table, [row[: table.key] for row in difference.gone])
    if difference.changed:
        _update(table, [new for _, new in difference.changed])
    if difference.new:
        copy_rows(table.name, list(table.columns), difference.new)


def _delete(table: ProjectionTable, keys: Sequence[Row]) -> None:
    columns = {column: table.columns[column] for column in table.key_columns}
    execute(
        f"DELETE FROM {table.name} t USING {_values(columns)} WHERE {_same_key(table)}",  # noqa: S608
        transpose(keys, len(columns)),
    )


def _update(table: ProjectionTable, rows: Sequence[Row]) -> None:
    changes = ", ".join(f"{column} = v.{column}" for column in list(table.columns)[table.key :])
    execute(
        f"UPDATE {table.name} t SET {changes} FROM {_values(table.columns)} WHERE {_same_key(table)}",  # noqa: S608
        transpose(rows, len(table.columns)),
    )


def _values(columns: Mapping[str, str]) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    return f"unnest({arrays}) AS v ({', '.join(columns)})"


def _same_key(table: ProjectionTable) -> str:
    return " AND ".join(f"t.{column} = v.{column}" for column in table.key_columns)


# -- Days -------------------------------------------------------------------------------------------------------------

DaySums: TypeAlias = Mapping[tuple[int, date], list[int]]
_SUMS = ("added", "mistaps", "found", "removed", "lost")
_ADDED, _MISTAPS, _FOUND, _REMOVED, _LOST = range(5)
_DAY_COLUMNS = {"label_id": "bigint", "day": "date"} | dict.fromkeys(_SUMS, "int")

# The order of the rows is the order in which their locks are taken.
_INSERT_DAYS = f"INSERT INTO labels_labelday ({', '.join(_DAY_COLUMNS)})"
_ADD_TO_DAYS = """
    ON CONFLICT (label_id, day) DO UPDATE SET
        added = labels_labelday.added + excluded.added, mistaps = labels_labelday.mistaps + excluded.mistaps,
        found = labels_labelday.found + excluded.found, removed = labels_labelday.removed + excluded.removed,
        lost = labels_labelday.lost + excluded.lost
"""


def _count_days(sums: dict[tuple[int, date], list[int]], difference: Difference) -> None:
    """Add to `sums` what the difference does to each (label, business day): the new spells less the old ones."""
    old = [*difference.gone, *(before for before, _ in difference.changed)]
    new = [*difference.new, *(after for _, after in difference.changed)]
    for sign, rows in ((-1, old), (1, new)):
        for row in rows:
            _count(sums, SpellRow._make(row), sign)


def _count(sums: dict[tuple[int, date], list[int]], spell: SpellRow, sign: int) -> None:
    started = sums[spell.label, _business_day(spell.started_at)]
    started[_FOUND if spell.found else _ADDED] += sign
    if spell.mistap:
        started[_MISTAPS] += sign
    if spell.ended_at is not None:
        sums[spell.label, _business_day(spell.ended_at)][_LOST if spell.lost else _REMOVED] += sign


def _business_day(at: Any) -> date:
    day: date = at.astimezone(timezone.get_default_timezone()).date()
    return day


def _add_to_days(sums: DaySums) -> None:
    if sums:
        rows = [(*key, *sums[key]) for key in sorted(sums)]
        source = f"SELECT * FROM {_values(_DAY_COLUMNS)}"  # noqa: S608
        execute(f"{_INSERT_DAYS} {source} {_ADD_TO_DAYS}", transpose(rows, len(_DAY_COLUMNS)))


# -- Everybody --------------------------------------------------------------------------------------------------------

_CONTACTS_AFTER = """
    SELECT c.id FROM contacts_contact c
    WHERE c.id > %s AND (
        EXISTS (SELECT FROM labels_labelassignment WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_labelspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_cleanspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_stagestay WHERE contact_id = c.id)
    )
    ORDER BY c.id LIMIT %s
"""

# One snapshot: drains commit spells and sums together, so both sides are of the same moment, and what is missing
# may be added whatever they do next.
_DAY_DIFFERENCES = """
    SELECT label_id, day, sum(added)::int, sum(mistaps)::int, sum(found)::int, sum(removed)::int, sum(lost)::int
    FROM (
        SELECT label_id, (started_at AT TIME ZONE %(zone)s)::date AS day,
               (NOT found)::int AS added, mistap::int AS mistaps, found::int AS found, 0 AS removed, 0 AS lost
        FROM labels_labelspell
        UNION ALL
        SELECT label_id, (ended_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, (NOT lost)::int, lost::int
        FROM labels_labelspell WHERE ended_at IS NOT NULL
        UNION ALL
        SELECT label_id, day, -added, -mistaps, -found, -removed, -lost FROM labels_labelday
    ) AS both_sides
    GROUP BY label_id, day
    HAVING sum(added) <> 0 OR sum(mistaps) <> 0 OR sum(found) <> 0 OR sum(removed) <> 0 OR sum(lost) <> 0
    ORDER BY label_id, day
"""
_MENDING = 7_310_001  # advisory lock: two menders in one snapshot would both add what is missing


def _contacts_after(last: int, chunk: int) -> list[int]:
    return [row[0] for row in fetch_binary(_CONTACTS_AFTER, [last, chunk])]


def _mend_days(*, write: bool) -> int:
    """Add what the day sums lack against the spells; how many sums differed."""
    zone = {"zone": settings.TIME_ZONE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MENDING])
        if write:
            cursor.execute(f"{_INSERT_DAYS} {_DAY_DIFFERENCES} {_ADD_TO_DAYS}", zone)
        else:
            cursor.execute(_DAY_DIFFERENCES, zone)
        return cursor.rowcount
