"""What P3 measures reports against: DuckDB over the same rows, and the heart of each report in SQL of its own.

A report also says names, intervals and what is unknown; DuckDB is asked only for the counts that cost something. Where
both answer, the sums over all rows must be equal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.duck import filled

# What DuckDB reads: the columns that the questions need.
TABLES = {
    "contact": "SELECT id, first_seen_at, first_inbound_at FROM contacts_contact",
    "touch": "SELECT contact_id, campaign_id, at AS touched_at, channel_id FROM contacts_campaigntouch",
    "spell": """SELECT contact_id, label_id, started_at, ended_at, channel_id, agent_id, found, lost, mistap, reach
                FROM labels_labelspell""",
    "scoped_spell": """SELECT scope, contact_id, label_id, started_at, ended_at, channel_id, agent_id, found, lost,
                              mistap FROM labels_scopedlabelspell""",
    "label": "SELECT id, high_quality, low_quality, meaning, step FROM labels_label",
}
PROVEN = "INTERVAL 30 DAY"


@dataclass(frozen=True, slots=True)
class PeerReport:
    """A report as DuckDB is asked for it: SQL over `spell` as the reader sees it, and what its rows add up to.

    `figures` are the figures of our rows that must add up to the same; a share gives its k.
    """

    sql: str
    figures: tuple[str, ...]

    def sums(self, rows: list[dict[str, Any]]) -> list[int]:
        """Our rows, added up."""
        return [sum(_number(row[name]) for row in rows) for name in self.figures]


def _number(value: Any) -> int:
    return int(value["k"] if isinstance(value, Mapping) else value or 0)


# A spell as it was is a clean one here: nobody tapped by mistake.
PEERS: Mapping[str, PeerReport] = {
    "labels": PeerReport(
        """SELECT label_id,
                  count(*) FILTER (WHERE started_at >= $start AND NOT found),
                  count(DISTINCT contact_id) FILTER (WHERE started_at >= $start AND NOT found),
                  count(*) FILTER (WHERE ended_at < $end AND NOT lost),
                  count(*) FILTER (WHERE started_at < $start),
                  count(*) FILTER (WHERE ended_at IS NULL OR ended_at >= $end)
           FROM {spell} WHERE started_at < $end AND (ended_at IS NULL OR ended_at >= $start) GROUP BY 1""",
        ("added", "added_contacts", "removed", "active_from", "active_to"),
    ),
    "agents": PeerReport(
        f"""WITH graded AS (
                SELECT agent_id, contact_id, min(started_at) FILTER (WHERE l.high_quality) AS high_at
                FROM {{spell}} JOIN label l ON l.id = label_id
                WHERE started_at >= $start AND started_at < $end
                  AND (l.high_quality OR l.low_quality OR l.meaning IN ('hot', 'cold', 'grade'))
                GROUP BY 1, 2
            ), won AS (
                SELECT contact_id, started_at, ended_at FROM {{spell}}
                WHERE label_id IN (SELECT id FROM label WHERE meaning = 'won')
            ), proven AS (
                SELECT g.agent_id, g.contact_id, g.high_at,
                       bool_or(w.started_at < g.high_at AND (w.ended_at IS NULL OR w.ended_at >= g.high_at)) AS already,
                       bool_or(w.started_at >= g.high_at AND w.started_at < g.high_at + {PROVEN}) AS true_then
                FROM graded g LEFT JOIN won w USING (contact_id) GROUP BY 1, 2, 3
            )
            SELECT agent_id, count(high_at),
                   count(*) FILTER (WHERE high_at + {PROVEN} <= $now AND true_then AND NOT coalesce(already, false))
            FROM proven GROUP BY 1""",
        ("graded_high", "came_true"),
    ),
    "campaigns": PeerReport(
        f"""WITH touched AS (
                SELECT contact_id, campaign_id, touched_at FROM touch
                WHERE touched_at >= $start AND touched_at < $end {{touches}}
            ), became AS (
                SELECT t.contact_id, t.campaign_id, t.touched_at,
                       bool_or(l.high_quality AND s.started_at >= t.touched_at) AS high,
                       bool_or(l.meaning = 'won' AND s.started_at >= t.touched_at) AS won
                FROM touched t
                LEFT JOIN {{spell}} ON s.contact_id = t.contact_id AND s.started_at < t.touched_at + {PROVEN}
                LEFT JOIN label l ON l.id = s.label_id GROUP BY 1, 2, 3
            )
            SELECT campaign_id, count(*) FILTER (WHERE high), count(*) FILTER (WHERE won) FROM became GROUP BY 1""",
        (),
    ),
}


class Peer:
    """DuckDB with the rows of the reports, and both of the machine's cores."""

    def __init__(self) -> None:
        self._connection = filled(TABLES)
        self._connection.execute("SET TimeZone = 'Asia/Jakarta'")
        self._seen = _seen_by()

    def time(self, report: PeerReport, *, who: str, **values: Any) -> tuple[float, list[int]]:
        """Milliseconds, and its columns added up."""
        spell, touches = self._seen[who]
        sql = report.sql.format(spell=f"{spell} AS s", touches=touches)
        given = {name: value for name, value in values.items() if f"${name}" in sql}
        begun = time.perf_counter()
        rows = self._connection.execute(sql, given).fetchall()
        taken = (time.perf_counter() - begun) * 1e3
        return taken, [sum(row[place] or 0 for row in rows) for place in range(1, 1 + len(report.figures))]


def _seen_by() -> dict[str, tuple[str, str]]:
    """The spells that each reader sees, and the condition on touches, as DuckDB has them."""
    from contacts.models import Channel, Team

    team = Team.objects.order_by("id").first()
    assert team is not None
    channels = ", ".join(
        str(pk) for pk in Channel.objects.filter(team=team).values_list("id", flat=True).order_by("id")
    )
    columns = "contact_id, label_id, started_at, ended_at, channel_id, agent_id, found, lost, mistap"
    seen = f"""(SELECT {columns} FROM spell WHERE reach <= 2 AND channel_id IN ({channels})
                UNION ALL SELECT {columns} FROM scoped_spell WHERE scope = {team.pk})"""
    return {"owner": ("spell", ""), "lead": (seen, f"AND channel_id IN ({channels})")}
