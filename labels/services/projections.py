"""The only writer of LabelSpell, CleanSpell and StageStay, and of their scoped fellows.

`refresh` brings the projections of some contacts in step with their intervals, in the caller's transaction:
the drain, remapping, renaming, merging and a label's new step call it, and the nightly self-check runs it over
everybody and must find nothing. What a spell is, `labels.rules.spells` says, and who sees which part of a contact,
`labels.rules.scopes`; here rows are read, compared and written set-wise.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import array, copy_rows, execute, fetch_binary, transpose
from labelcrm.core.retries import run_in_transaction
from labels.rules.returns import with_returns
from labels.rules.scopes import ONE_CHANNEL, views
from labels.rules.spells import Projection, project
from labels.selectors.scopes import channels_everywhere, counted_teams
from labels.selectors.spell_inputs import exclusive_groups, histories, limits_now, meanings_in, stage_steps
from labels.services import day_sums
from labels.services.day_sums import DayDifferences

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
_STAY_COLUMNS = {
    "contact_id": "bigint",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "label_id": "bigint",
    "step": "smallint",
    "start_by_repair": "boolean",
    "end_by_repair": "boolean",
    "agent_id": "bigint",
    "channel_id": "bigint",
    "is_return": "boolean",
}
_RETURNS = {"is_return": "boolean", "return_to_id": "bigint"}
_OBSERVED = {"mistap": "boolean", "added_before": "timestamptz"}
_REACH = {"reach": "smallint"}


def _scoped(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns of a scoped table: the scope stands after the contact."""
    return {"contact_id": "bigint", "scope": "bigint", **columns}


SPELLS = ProjectionTable("labels_labelspell", 3, {**_SPELL_COLUMNS, **_OBSERVED, **_REACH})
CLEAN_SPELLS = ProjectionTable("labels_cleanspell", 3, {**_SPELL_COLUMNS, **_RETURNS, **_REACH})
STAYS = ProjectionTable("labels_stagestay", 2, {**_STAY_COLUMNS, **_REACH})
TABLES = (SPELLS, CLEAN_SPELLS, STAYS)
SCOPED_SPELLS = ProjectionTable("labels_scopedlabelspell", 4, _scoped({**_SPELL_COLUMNS, **_OBSERVED}))
SCOPED_CLEAN_SPELLS = ProjectionTable("labels_scopedcleanspell", 4, _scoped({**_SPELL_COLUMNS, **_RETURNS}))
SCOPED_STAYS = ProjectionTable("labels_scopedstagestay", 3, _scoped(_STAY_COLUMNS))
SCOPED_TABLES = (SCOPED_SPELLS, SCOPED_CLEAN_SPELLS, SCOPED_STAYS)


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates the stored rows of one table from the wanted ones; `changed` pairs old and new of one key."""

    gone: list[Row]
    changed: list[tuple[Row, Row]]
    new: list[Row]

    def __len__(self) -> int:
        return len(self.gone) + len(self.changed) + len(self.new)

    @property
    def before(self) -> list[Row]:
        """The rows that stand no longer as they stood."""
        return [*self.gone, *(old for old, _ in self.changed)]

    @property
    def after(self) -> list[Row]:
        """The rows that stand now, of those that differed."""
        return [*self.new, *(new for _, new in self.changed)]


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

    Archived and unknown contacts have none. `write=False` only counts. The caller is in a transaction and holds the
    locks of the contacts.
    """
    ids = sorted(set(contact_ids))
    teams = counted_teams()
    days = DayDifferences(teams)
    differing = 0
    for start in range(0, len(ids), chunk):
        differing += _refresh_some(ids[start : start + chunk], teams=teams, days=days, write=write)
    days.append()
    return differing


def _refresh_some(ids: list[int], *, teams: Mapping[int, int | None], days: DayDifferences, write: bool) -> int:
    wanted = _wanted(ids, teams=teams)
    stored = [_stored(table, ids) for table in TABLES]
    differences = _differences(TABLES, stored, wanted.whole)
    # Few contacts are known on several channels, and only they have scoped rows, wanted or stored.
    has_scoped = any(wanted.scoped) or any(row[-1] > ONE_CHANNEL for row in stored[0])
    scoped = _differences(SCOPED_TABLES, [_stored(t, ids) for t in SCOPED_TABLES], wanted.scoped) if has_scoped else []
    if write:
        for table, difference in zip((*TABLES, *SCOPED_TABLES), (*differences, *scoped), strict=False):
            _write(table, difference)
        days.count_whole(differences[0].before, -1)
        days.count_whole(differences[0].after, 1)
        if scoped:
            days.count_scoped(scoped[0].before, -1)
            days.count_scoped(scoped[0].after, 1)
    return sum(len(difference) for difference in (*differences, *scoped))


def refresh_all(*, write: bool, chunk: int = 2000) -> SelfCheck:
    """Recompute everybody's projections and all day sums; with `write`, mend what differs. One transaction a chunk."""
    contacts = rows = last = 0
    while ids := contacts_after(last, chunk):
        last = ids[-1]
        contacts += len(ids)
        rows += check(ids, write=write)
    found = SelfCheck(contacts, rows, sum(day_sums.mend(label, write=write) for label in day_sums.labels_after(0)))
    if found.differences:
        logger.warning("%d projection rows and %d day sums differed from the intervals", found.rows, found.days)
    return found


def check(ids: list[int], *, write: bool) -> int:
    """Compare the projections of these contacts, and mend them when `write`; how many rows differed.

    Contacts are locked only where a first look found a difference, which may be nothing but a drain that committed
    between two of our queries.
    """
    return run_in_transaction(partial(_refresh_held, ids, write=write)) if refresh(ids, write=False) else 0


def _refresh_held(ids: list[int], *, write: bool) -> int:
    lock_contacts(ids)
    return refresh(ids, write=write)


# -- Wanted and stored ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Wanted:
    """The rows that contacts should have, per table of TABLES and SCOPED_TABLES, each in the order of its key."""

    whole: tuple[list[Row], list[Row], list[Row]]
    scoped: tuple[list[Row], list[Row], list[Row]]


def _wanted(ids: list[int], *, teams: Mapping[int, int | None]) -> Wanted:
    found = histories(ids)
    meanings, limits = meanings_in(found), limits_now()
    steps, groups = stage_steps(), exclusive_groups()
    everywhere = channels_everywhere()
    wanted = Wanted(([], [], []), ([], [], []))
    for history in found:
        reach, parts = views(history, teams=teams, everywhere=everywhere)
        projection = with_returns(project(history, meanings, steps=steps, limits=limits), groups=groups)
        end = (reach,)
        for rows, derived in zip(wanted.whole, _lists(projection), strict=True):
            rows += [row + end for row in derived]
        for scope, intervals in parts:
            projection = with_returns(project(intervals, meanings, steps=steps, limits=limits), groups=groups)
            for rows, derived in zip(wanted.scoped, _lists(projection), strict=True):
                rows.extend((row[0], scope, *row[1:]) for row in derived)
    return wanted


def _lists(projection: Projection) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    return projection.spells, projection.clean_spells, projection.stays


def _differences(
    tables: Sequence[ProjectionTable], stored: Sequence[list[Row]], wanted: Sequence[list[Row]]
) -> list[Difference]:
    triples = zip(tables, stored, wanted, strict=True)
    return [_difference(old, new, table.key) for table, old, new in triples]


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


# -- Everybody --------------------------------------------------------------------------------------------------------

_CONTACTS_AFTER = """
    SELECT c.id FROM contacts_contact c
    WHERE c.id > %s AND (
        EXISTS (SELECT FROM labels_labelassignment WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_labelspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_cleanspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_stagestay WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_scopedlabelspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_scopedcleanspell WHERE contact_id = c.id)
        OR EXISTS (SELECT FROM labels_scopedstagestay WHERE contact_id = c.id)
    )
    ORDER BY c.id LIMIT %s
"""


def contacts_after(last: int, chunk: int) -> list[int]:
    """The ids of the next contacts, beyond `last`, that have projections or should have."""
    return [row[0] for row in fetch_binary(_CONTACTS_AFTER, [last, chunk])]
