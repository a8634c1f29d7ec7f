"""Spells as rows of another kind see them: each category, number or team by itself (docs/metrics.md, "Ground rules").

The spells of a number, or of a team, are joined over its channels alone; those of a category over its labels. So a
contact whose labels two of them share is in both rows, and rows may add to more than the total. Each expression here
is named `spell` and gives the columns of a spell, and `row`, which row of the report it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labelcrm.core.bulk import array, fetch
from labels.rules.scopes import ONE_CHANNEL, ONE_TEAM, of_channel, of_team
from labels.selectors.scopes import counted_teams
from labels.selectors.spell_inputs import limits_now
from reports.selectors.filtered_spells import COLUMNS, SPELL_COLUMNS, FilteredSpells, Filters
from reports.selectors.questions import Question
from reports.selectors.row_keys import KeyType

_NAMES = ", ".join(COLUMNS)


@dataclass(frozen=True)
class RowSpells:
    """The spells of each row as common table expressions, the last named `spell`, and the values they ask for.

    `scopes` are the scopes that the rows are, where each is one; empty where some are none.
    """

    expressions: list[str]
    parameters: dict[str, Any] = field(default_factory=dict)
    scopes: Mapping[Any, int] = field(default_factory=dict)


# -- Numbers and teams ------------------------------------------------------------------------------------------------


def of_channel_groups(question: Question, groups: Mapping[Any, frozenset[int]], key: KeyType) -> RowSpells:
    """Of each key the spells that its channels see.

    What one number, or all numbers of one team, sees is stored. Others are joined anew, group by group: numbers
    without a team, and those that had one key after each other.
    """
    members: dict[int | None, set[int]] = {}
    for channel, team in counted_teams().items():
        members.setdefault(team, set()).add(channel)
    teams = {frozenset(its): team for team, its in members.items() if team is not None}
    scopes: dict[Any, int] = {}
    seen: list[tuple[int, int, Any]] = []  # a channel, how far a contact's history on it may reach, and the row
    for row, channels in groups.items():
        if len(channels) == 1:
            scopes[row] = of_channel(*channels)
            seen += [(channel, ONE_CHANNEL, row) for channel in channels]
        elif channels in teams:
            scopes[row] = of_team(teams[channels])
            seen += [(channel, ONE_TEAM, row) for channel in channels]
    others = [row for row in groups if row not in scopes]
    joined = dict(_joined(others, groups, key))
    query = " UNION ALL ".join([_STORED.format(names=_NAMES, sort=key.sql), *joined])
    where = question.filtered.where()
    values = {
        "seen_channel": array(channel for channel, _reach, _row in seen),
        "seen_reach": array(reach for _channel, reach, _row in seen),
        "seen_row": array(row for _channel, _reach, row in seen),
        "seen_scope": array(scopes.values()),
        "scope_row": array(scopes),
    }
    for parameters in joined.values():
        values |= parameters
    expression = f"spell AS NOT MATERIALIZED (SELECT * FROM ({query}) AS s (row, {_NAMES}){where})"  # noqa: S608
    return RowSpells([expression], values, {} if others else scopes)


_STORED = """
    SELECT k.row, {names} FROM labels_labelspell s
    JOIN unnest(%(seen_channel)s::bigint[], %(seen_reach)s::int[], %(seen_row)s::{sort}[]) AS k (channel, far, row)
      ON k.channel = s.channel_id AND s.reach <= k.far
    UNION ALL
    SELECT k.row, {names} FROM labels_scopedlabelspell s
    JOIN unnest(%(seen_scope)s::bigint[], %(scope_row)s::{sort}[]) AS k (seen, row) ON k.seen = s.scope
"""


def _joined(
    rows: list[Any], groups: Mapping[Any, frozenset[int]], key: KeyType
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The spells of each of these rows as a query, and its values under names of their own."""
    for place, row in enumerate(rows):
        filtered = FilteredSpells.of(Filters(channels=groups[row]))
        mine = f"row_{place}_"
        query = re.sub(r"%\((\w+)\)s", rf"%({mine}\1)s", " UNION ALL ".join(filtered.parts()))
        name = f"{mine}key"
        yield (
            f"SELECT %({name})s::{key.sql} AS row, {_NAMES} FROM ({query}) AS s ({', '.join(SPELL_COLUMNS)})",  # noqa: S608
            {name: row, **{f"{mine}{each}": value for each, value in filtered.parameters.items()}},
        )


# -- Categories -------------------------------------------------------------------------------------------------------


def of_categories(question: Question, *, changed: bool = False) -> RowSpells:
    """The spells of each category's labels joined: "the contact has a label of the category".

    `row` is the code of the category, NULL for labels without one together. A spell begins with the first label and
    ends with the last, and is whose the first was; `label_id` is the first. Filters by the opener choose afterwards.
    `changed`: only of contacts for whom something began or ended in the period, who are few where much is active.
    """
    return RowSpells(
        [
            question.filtered.spells("of_label", certain=False),
            *([_CHANGED] if changed else []),
            _ISLANDS.format(only="WHERE s.contact_id IN (SELECT contact_id FROM changed)" if changed else ""),
            _JOINED.format(where=question.filtered.where()),
        ],
        {"mistap_limit": limits_now().mistap},
    )


def active_categories(question: Question) -> dict[str | None, int]:
    """How many contacts have a label of each category (by code) when the period begins, whoever put it on."""
    statement = f"WITH {question.filtered.spells('of_label', certain=False)} {_ACTIVE}"
    return dict(fetch(statement, question.spell_parameters))


_ACTIVE = """
    SELECT c.code, count(DISTINCT s.contact_id)
    FROM of_label s JOIN labels_label l ON l.id = s.label_id LEFT JOIN labels_category c ON c.id = l.category_id
    WHERE s.started_at < %(start)s AND (s.ended_at IS NULL OR s.ended_at >= %(start)s) GROUP BY c.code
"""
_CHANGED = """
    changed AS MATERIALIZED (
        SELECT contact_id FROM of_label WHERE started_at >= %(start)s AND started_at < %(end)s
        UNION
        SELECT contact_id FROM of_label WHERE ended_at >= %(start)s AND ended_at < %(end)s
    )
"""


# An island is numbered by how many gaps there were before it: a label that starts after all before it have ended.
_ISLANDS = """
    island AS (
        SELECT s.*, count(*) FILTER (WHERE fresh) OVER (PARTITION BY contact_id, row ORDER BY place) AS island
        FROM (
            SELECT s.*, c.code AS row,
                   row_number() OVER own AS place,
                   s.started_at > coalesce(max(coalesce(s.ended_at, 'infinity')) OVER (
                       PARTITION BY s.contact_id, c.code ORDER BY s.started_at, s.found, s.channel_id, s.label_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '-infinity') AS fresh
            FROM of_label s
            JOIN labels_label l ON l.id = s.label_id
            LEFT JOIN labels_category c ON c.id = l.category_id
            {only}
            WINDOW own AS (
                PARTITION BY s.contact_id, c.code ORDER BY s.started_at, s.found, s.channel_id, s.label_id)
        ) AS s
    )
"""
# The last to end decides whether it was lost; at equal times taken off live comes before.
_LAST = "ORDER BY coalesce(ended_at, 'infinity') DESC, lost, channel_id, label_id"
_FIRST = "ORDER BY place"
# Whether a quick undo, of several labels one after the other: who put the first on and who took the last off, where.
_MISTAP = """
    NOT found AND NOT lost AND ended_at - started_at <= %(mistap_limit)s AND EXISTS (
        SELECT FROM (
            SELECT a.added_by_id, a.added_by_user_id FROM labels_labelassignment a
            WHERE a.contact_id = s.contact_id AND a.channel_id = s.channel_id AND a.added_at = s.started_at
              AND a.label_id = s.label_id
            ORDER BY a.channel_label_id LIMIT 1
        ) AS opened
        CROSS JOIN LATERAL (
            SELECT a.channel_id, a.removed_by_id, a.removed_by_user_id FROM labels_labelassignment a
            WHERE a.contact_id = s.contact_id AND a.removed_at = s.ended_at AND a.label_id = s.last_label
              AND a.removed_reason = 'removed' AND a.removed_origin IN ('live', 'crm')
            ORDER BY a.channel_id, a.channel_label_id LIMIT 1
        ) AS closed
        WHERE closed.channel_id = s.channel_id
          AND CASE WHEN opened.added_by_id IS NULL AND closed.removed_by_id IS NULL
                   THEN opened.added_by_user_id IS NOT DISTINCT FROM closed.removed_by_user_id
                   ELSE opened.added_by_id = closed.removed_by_id END)
"""
_JOINED = f"""
    spell AS NOT MATERIALIZED (
        SELECT * FROM (
            SELECT row, contact_id, label_id, started_at, ended_at, channel_id, found, lost, agent_id, method,
                   removed_by_id, CASE WHEN labels = 1 THEN mistap ELSE {_MISTAP} END AS mistap
            FROM (
                SELECT row, contact_id, (array_agg(label_id {_FIRST}))[1] AS label_id, min(started_at) AS started_at,
                       nullif(max(coalesce(ended_at, 'infinity')), 'infinity') AS ended_at,
                       (array_agg(channel_id {_FIRST}))[1] AS channel_id, (array_agg(found {_FIRST}))[1] AS found,
                       (array_agg(lost {_LAST}))[1] AS lost, (array_agg(agent_id {_FIRST}))[1] AS agent_id,
                       (array_agg(method {_FIRST}))[1] AS method,
                       (array_agg(removed_by_id {_LAST}))[1] AS removed_by_id,
                       (array_agg(label_id {_LAST}))[1] AS last_label, bool_and(mistap) AS mistap, count(*) AS labels
                FROM island GROUP BY contact_id, row, island
            ) AS s
        ) AS s{{where}}
    )
"""  # noqa: S608 - SQL from this module
