"""The only writer of LabelDay: how many spells started and ended on a business day, per label and scope.

Sums are written as differences and only ever appended, so that two lanes never wait for each other at a day's row;
`compact` adds them to one row of each scope, label and day, a little at a time. Whoever reads them adds all up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from labelcrm.core.bulk import copy_rows, fetch
from labels.rules.scopes import counted_in
from labels.rules.spells import SpellRow
from labels.selectors.scopes import counted_teams

SUMS = ("added", "mistaps", "found", "removed", "lost")
COLUMNS = ("scope", "label_id", "day", *SUMS)
_ADDED, _MISTAPS, _FOUND, _REMOVED, _LOST = range(5)


class DayDifferences:
    """What a change of spells does to each (scope, label, business day). `teams` holds the team of each channel."""

    def __init__(self, teams: Mapping[int, int | None]) -> None:
        self._teams = teams
        # By what decides the scopes: ((channel, reach) or a scope, label, day). Scopes are worked out once, at the end.
        self._sums: dict[tuple[Any, int, date], list[int]] = defaultdict(lambda: [0] * len(SUMS))

    def count_whole(self, rows: Iterable[tuple[Any, ...]], sign: int) -> None:
        """Rows of LabelSpell, their reach last: new ones with sign 1, former ones with -1."""
        for row in rows:
            spell = SpellRow._make(row[:-1])
            self._count((spell.channel, row[-1]), spell, sign)

    def count_scoped(self, rows: Iterable[tuple[Any, ...]], sign: int) -> None:
        """Rows of ScopedLabelSpell, the scope second."""
        for contact, scope, *rest in rows:
            self._count(scope, SpellRow(contact, *rest), sign)

    def _count(self, who: Any, spell: SpellRow, sign: int) -> None:
        sums = self._sums[who, spell.label, business_day(spell.started_at)]
        sums[_FOUND if spell.found else _ADDED] += sign
        sums[_MISTAPS] += sign * spell.mistap
        if spell.ended_at is not None:
            self._sums[who, spell.label, business_day(spell.ended_at)][_LOST if spell.lost else _REMOVED] += sign

    def append(self) -> None:
        """Write what is not nothing."""
        found: dict[tuple[int, int, date], list[int]] = {}
        for (who, label, day), sums in self._sums.items():
            scopes = [who] if isinstance(who, int) else counted_in(*who, teams=self._teams)
            for key in ((scope, label, day) for scope in scopes):
                found[key] = (
                    [one + other for one, other in zip(found[key], sums, strict=True)] if key in found else sums
                )
        rows = [(*key, *sums) for key, sums in sorted(found.items()) if any(sums)]
        if rows:
            copy_rows("labels_labelday", COLUMNS, rows)


def business_day(at: Any) -> date:
    """The day of a time in the time zone of the business."""
    day: date = at.astimezone(timezone.get_default_timezone()).date()
    return day


# -- Compacting -------------------------------------------------------------------------------------------------------

# Both deletions see the same rows: new ones, and the sums that were made of former ones.
_COMPACT = """
    WITH new AS (
        DELETE FROM labels_labelday
         WHERE id IN (SELECT id FROM labels_labelday WHERE NOT compacted ORDER BY id LIMIT %(most)s)
        RETURNING scope, label_id, day, added, mistaps, found, removed, lost
    ), former AS (
        DELETE FROM labels_labelday d USING (SELECT DISTINCT scope, label_id, day FROM new) AS n
         WHERE d.compacted AND (d.scope, d.label_id, d.day) = (n.scope, n.label_id, n.day)
        RETURNING d.scope, d.label_id, d.day, d.added, d.mistaps, d.found, d.removed, d.lost
    ), summed AS (
        INSERT INTO labels_labelday (scope, label_id, day, added, mistaps, found, removed, lost, compacted)
        SELECT scope, label_id, day, sum(added), sum(mistaps), sum(found), sum(removed), sum(lost), true
          FROM (TABLE new UNION ALL TABLE former) AS each GROUP BY 1, 2, 3
        HAVING sum(added) <> 0 OR sum(mistaps) <> 0 OR sum(found) <> 0 OR sum(removed) <> 0 OR sum(lost) <> 0
    )
    SELECT count(*) FROM new
"""
_ONE_AT_A_TIME = 7_310_001  # advisory lock of whoever sums up or mends: two in one snapshot would both add or take


def compact(*, most: int = 5000) -> int:
    """Add up to `most` new rows to the sums of their scope, label and day; returns how many there were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        return fetch(_COMPACT, {"most": most})[0][0] if cursor.fetchone()[0] else 0


# -- Checking ---------------------------------------------------------------------------------------------------------

# One snapshot: drains commit spells and sums together, so both sides are of the same moment, and what is missing
# may be added whatever they do next.
_DIFFERENCES = """
    WITH counted AS (
        SELECT v.scope, s.label_id, s.started_at, s.ended_at, s.found, s.lost, s.mistap
          FROM labels_labelspell s
          LEFT JOIN unnest(%(channels)s::bigint[], %(teams)s::bigint[]) AS c (id, team_id) ON c.id = s.channel_id
         CROSS JOIN LATERAL (
               SELECT 0::bigint AS scope
               UNION ALL SELECT c.team_id WHERE s.reach <= 2 AND c.team_id IS NOT NULL
               UNION ALL SELECT -s.channel_id WHERE s.reach = 1) AS v
         WHERE s.label_id = %(label)s
        UNION ALL
        SELECT scope, label_id, started_at, ended_at, found, lost, mistap FROM labels_scopedlabelspell
         WHERE label_id = %(label)s
    )
    SELECT scope, label_id, day, sum(added)::int, sum(mistaps)::int, sum(found)::int, sum(removed)::int, sum(lost)::int
    FROM (
        SELECT scope, label_id, (started_at AT TIME ZONE %(zone)s)::date AS day,
               (NOT found)::int AS added, mistap::int AS mistaps, found::int AS found, 0 AS removed, 0 AS lost
        FROM counted
        UNION ALL
        SELECT scope, label_id, (ended_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, (NOT lost)::int, lost::int
        FROM counted WHERE ended_at IS NOT NULL
        UNION ALL
        SELECT scope, label_id, day, -added, -mistaps, -found, -removed, -lost FROM labels_labelday
        WHERE label_id = %(label)s
    ) AS both_sides
    GROUP BY scope, label_id, day
    HAVING sum(added) <> 0 OR sum(mistaps) <> 0 OR sum(found) <> 0 OR sum(removed) <> 0 OR sum(lost) <> 0
    ORDER BY scope, label_id, day
"""
_INSERT = f"INSERT INTO labels_labelday ({', '.join(COLUMNS)})"


def labels_after(last: int) -> list[int]:
    """The ids of the labels that may have sums, beyond `last`."""
    return [pk for (pk,) in fetch("SELECT id FROM labels_label WHERE id > %s ORDER BY id", [last])]


def mend(label: int, *, write: bool) -> int:
    """Compare the sums of a label with its spells, and add what they lack when `write`; how many sums differed."""
    teams = counted_teams()
    chosen: dict[str, Any] = {
        "zone": settings.TIME_ZONE, "label": label, "channels": list(teams), "teams": list(teams.values()),
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        cursor.execute(f"{_INSERT} {_DIFFERENCES}" if write else _DIFFERENCES, chosen)
        return cursor.rowcount
