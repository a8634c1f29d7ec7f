"""All moves between stages of the period, so a contact may count often (docs/metrics.md, "Stage and movement").

They add up as the board does: what was in a stage at the start, with the moves into it and without those out of it, is
what is in it at the end. New contacts come in as "no stage".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reports.selectors import facts
from reports.selectors.facts import Facts
from reports.selectors.questions import Question
from reports.selectors.row_keys import PAIRS, pair, pair_of
from reports.selectors.stages import people, stage_labels, with_people


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """Moves from one stage to another, None is no stage. `median_s` is how long contacts had been in `from_`."""

    from_: int | None
    from_name: str
    to: int | None
    to_name: str
    count: int
    contacts: int
    by_repair: int
    median_s: float | None

    @property
    def key(self) -> str:
        return pair(self.from_, self.to)


def report(question: Question) -> list[MoveRow]:
    """One row per pair with moves, in the order of steps; no stage comes last. One query."""
    found = facts.summarize(_facts(question), parameters(question))
    ends = {key: (counts.pop("from_label"), counts.pop("to_label")) for key, counts in found.items()}
    labels = [*stage_labels(stage for pair_of_stages in ends.values() for stage in pair_of_stages), None]
    place = {label.pk if label else None: n for n, label in enumerate(labels)}
    names = {label.pk: str(label) for label in labels if label} | {None: ""}
    ordered = sorted(ends, key=lambda key: [place[stage] for stage in ends[key]])
    return [_row(*ends[key], names, found[key]) for key in ordered]


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the report, by count."""
    each = _facts(question)
    return dict.fromkeys(each.counts, each)


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return question.parameters


def _facts(question: Question) -> Facts:
    """A move is the end of a stay, the beginning of another, or both at one moment.

    Whoever comes from no stage was without one since the stay before, else since they were first seen. Of most there is
    no stay before, which the index of starts says at once.
    """
    return Facts(
        key=PAIRS,
        expressions=[question.filtered.stays(), people(question)],
        query=f"""
            SELECT {pair_of("m.from_label", "m.to_label")} AS who, m.contact_id, m.to_label AS label_id, m.at,
                   m.from_label, m.to_label, m.by_repair,
                   extract(epoch FROM m.at - coalesce(m.since, before.ended_at, p.seen))::float8 AS seconds
            FROM (
                SELECT coalesce(a.contact_id, d.contact_id) AS contact_id, d.label_id AS from_label,
                       a.label_id AS to_label, coalesce(a.started_at, d.ended_at) AS at, d.started_at AS since,
                       coalesce(a.start_by_repair, d.end_by_repair) AS by_repair
                FROM (SELECT * FROM stay WHERE started_at >= %(start)s AND started_at < %(end)s) a
                FULL JOIN (SELECT * FROM stay WHERE ended_at >= %(start)s AND ended_at < %(end)s) d
                       ON d.contact_id = a.contact_id AND d.ended_at = a.started_at
            ) AS m
            {with_people(question, "m.contact_id", "m.since IS NULL")}
            LEFT JOIN LATERAL (
                SELECT s.ended_at FROM stay s
                WHERE s.contact_id = m.contact_id AND s.started_at < m.at AND m.since IS NULL
                ORDER BY s.started_at DESC LIMIT 1
            ) AS before ON true
        """,  # noqa: S608
        counts={"count": "true", "by_repair": "by_repair"},
        measures={
            "contacts": "count(DISTINCT contact_id)",
            "median_s": "percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(seconds, 0))",
            "from_label": "min(from_label)",
            "to_label": "min(to_label)",
        },
    )


def _row(start: int | None, end: int | None, names: dict[int | None, str], counts: dict[str, Any]) -> MoveRow:
    return MoveRow(from_=start, from_name=names[start], to=end, to_name=names[end], **counts)
