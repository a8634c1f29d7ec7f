"""The movement board: each contact once, by its stage at the start and at the end (docs/metrics.md, "Stage and
movement").

Start + new + in - out = end, in every row and for every filter, because each contact counts as one move from where it
was to where it is. Whoever was not known at the start is new, and comes from nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from labelcrm.core.bulk import fetch
from reports.selectors.facts import Facts, expressions_of
from reports.selectors.questions import Question
from reports.selectors.row_keys import NEW, PAIRS, pair, pair_of
from reports.selectors.stages import people, stage_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementRow:
    """One stage label, or no stage (None). Counts are contacts; `in_` and `out` include those by repair."""

    stage: int | None
    name: str
    step: int | None
    start: int
    new: int
    in_: int
    in_by_repair: int
    out: int
    out_by_repair: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementCell:
    """Contacts who were in one stage at the start, or new, and in another at the end. None is no stage."""

    from_: int | str | None
    to: int | None
    contacts: int

    @property
    def key(self) -> str:
        return pair(self.from_, self.to)


@dataclass(frozen=True, slots=True)
class Board:
    rows: list[MovementRow]
    cells: list[MovementCell]


class _Moved(NamedTuple):
    """So many contacts who went the same way in the same manner."""

    start: int | None
    end: int | None
    is_new: bool
    out_by_repair: bool
    in_by_repair: bool
    contacts: int

    @property
    def has_moved(self) -> bool:
        return not self.is_new and self.start != self.end


def board(question: Question) -> Board:
    """Rows and cells of the period, in the order of steps; no stage comes last. One query."""
    moved = [each for each in _counted(question) if each.contacts]
    labels = stage_labels({each.start for each in moved} | {each.end for each in moved})
    rows = [_row(moved, label) for label in (*labels, None)]
    order = {row.stage: place for place, row in enumerate(rows)} | {NEW: -1}
    cells = sorted(_cells(moved), key=lambda cell: (order[cell.from_], order[cell.to]))
    return Board(rows, cells)


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind every count of the rows, and of the cells (`contacts`)."""
    rows, cells = _row_facts(question), _cell_facts(question)
    return {count: each for each in (rows, cells) for count in each.counts}


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return question.parameters


# -- Facts ------------------------------------------------------------------------------------------------------------

# Of whoever stayed where they were there is one stay over the whole period; only of the others several are put
# together. The stage at a moment is the stay that began before it and did not end before it. The first and the last
# move of the period say whether somebody left the one and came to the other by repair. What an index knows stands by
# itself: who is still there, and who came or left meanwhile (30 days of 100,000 contacts: 200 → 100 ms).
_STEADY = """
    steady AS NOT MATERIALIZED (
        SELECT contact_id, label_id, started_at FROM stay WHERE started_at < %(start)s AND ended_at IS NULL
        UNION ALL
        SELECT contact_id, label_id, started_at FROM stay WHERE started_at < %(start)s AND ended_at >= %(end)s
    )
"""
_CHANGED = """
    changed AS NOT MATERIALIZED (
        SELECT contact_id,
               max(label_id) FILTER (WHERE started_at < %(start)s) AS from_label,
               max(label_id) FILTER (WHERE ended_at IS NULL OR ended_at >= %(end)s) AS to_label,
               min(started_at) FILTER (WHERE started_at < %(start)s) AS from_at,
               coalesce(max(started_at) FILTER (WHERE ended_at IS NULL OR ended_at >= %(end)s), max(ended_at)) AS to_at,
               least(min(ended_at), min(started_at) FILTER (WHERE started_at >= %(start)s)) AS left_at,
               coalesce(bool_or(end_by_repair) FILTER (WHERE started_at < %(start)s),
                        (array_agg(start_by_repair ORDER BY started_at))[1]) AS out_by_repair,
               coalesce(bool_or(start_by_repair) FILTER (WHERE ended_at IS NULL OR ended_at >= %(end)s),
                        (array_agg(end_by_repair ORDER BY started_at DESC))[1]) AS in_by_repair
        FROM (
            SELECT * FROM stay WHERE started_at >= %(start)s AND started_at < %(end)s
            UNION ALL
            SELECT * FROM stay WHERE started_at < %(start)s AND ended_at >= %(start)s AND ended_at < %(end)s
        ) AS moving
        GROUP BY contact_id
    )
"""
_MOVED = """
    moved AS NOT MATERIALIZED (
        SELECT coalesce(s.contact_id, p.contact_id) AS contact_id, s.from_label, s.to_label,
               s.from_label IS NULL AND (p.seen IS NULL OR p.seen >= %(start)s) AS is_new,
               coalesce(s.out_by_repair, false) AS out_by_repair, coalesce(s.in_by_repair, false) AS in_by_repair,
               coalesce(s.from_at, p.seen, s.left_at) AS from_at, coalesce(s.to_at, p.seen) AS to_at,
               coalesce(s.left_at, p.seen) AS left_at, coalesce(p.seen, s.left_at) AS seen
        FROM (SELECT * FROM people WHERE seen < %(end)s) p
        FULL JOIN (
            SELECT * FROM changed
            UNION ALL
            SELECT contact_id, label_id, label_id, started_at, started_at, NULL, false, false FROM steady
        ) s ON s.contact_id = p.contact_id
    )
"""
# The same counted, without putting everybody together with their stay: `seen` says whether somebody was known at the
# start (old), was first seen in the period (new), or neither (""). Who is in no stay is what is left of `people`.
_COUNTED = """
    SELECT 'steady' AS what, s.label_id AS from_label, s.label_id AS to_label, part.seen, false AS out_by_repair,
           false AS in_by_repair, part.contacts
    FROM (
        SELECT s.label_id, count(*) AS everybody, count(p.contact_id) AS new
        FROM steady s
        LEFT JOIN (SELECT contact_id FROM people WHERE seen >= %(start)s AND seen < %(end)s) p
               ON p.contact_id = s.contact_id
        GROUP BY s.label_id
    ) AS s
    CROSS JOIN LATERAL (VALUES ('old', s.everybody - s.new), ('new', s.new)) AS part (seen, contacts)
    UNION ALL
    SELECT 'changed', s.from_label, s.to_label,
           CASE WHEN p.seen < %(start)s THEN 'old' WHEN p.seen < %(end)s THEN 'new' ELSE '' END, s.out_by_repair,
           s.in_by_repair, count(*)
    FROM changed s LEFT JOIN people p ON p.contact_id = s.contact_id
    GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT 'people', NULL, NULL, 'old', false, false, coalesce(sum(contacts), 0)
    FROM ({people}) AS p WHERE seen < %(start)s
    UNION ALL
    SELECT 'people', NULL, NULL, 'new', false, false, coalesce(sum(contacts), 0)
    FROM ({people}) AS p WHERE seen >= %(start)s AND seen < %(end)s
"""
# Everybody less the few archived ones: both are read off an index, without a look at any contact.
_EVERYBODY = """
    SELECT first_seen_at AS seen, 1 AS contacts FROM contacts_contact
    UNION ALL
    SELECT first_seen_at, -1 FROM contacts_contact WHERE deleted_at IS NOT NULL
"""
_KNOWN = "SELECT seen, 1 AS contacts FROM people"
_HAS_MOVED = "NOT is_new AND from_label IS DISTINCT FROM to_label"


def _expressions(question: Question) -> list[str]:
    return [question.filtered.stays(), people(question), _STEADY, _CHANGED, _MOVED]


def _counted(question: Question) -> Iterator[_Moved]:
    """Everybody, by way and manner of going. One query."""
    filters = question.filters
    known = _EVERYBODY if filters.channels is None and filters.campaigns is None else _KNOWN
    statement = expressions_of(Facts(expressions=_expressions(question), query="", counts={}))
    statement += _COUNTED.format(people=known)
    without_stay: Counter[str] = Counter()
    for what, start, end, seen, out_by_repair, in_by_repair, contacts in fetch(statement, question.parameters):
        without_stay[seen] += contacts if what == "people" else -contacts
        if what != "people":
            is_new = start is None and seen != "old"
            yield _Moved(start, end, is_new, out_by_repair, in_by_repair, contacts)
    for seen in ("old", "new"):
        yield _Moved(None, None, seen == "new", False, False, without_stay[seen])


def _row_facts(question: Question) -> Facts:
    """Each contact as often as it counts: where it was, where it is, and how it came to the one and left the other."""
    return Facts(
        expressions=_expressions(question),
        query=f"""
            SELECT side.who, m.contact_id, side.who AS label_id, side.at, side.what, side.by_repair
            FROM moved m
            CROSS JOIN LATERAL (VALUES
                ('start', m.from_label, m.from_at, false, NOT m.is_new),
                ('out', m.from_label, m.left_at, m.out_by_repair, {_HAS_MOVED}),
                ('new', m.to_label, m.seen, false, m.is_new),
                ('in', m.to_label, m.to_at, m.in_by_repair, {_HAS_MOVED}),
                ('end', m.to_label, m.to_at, false, true)
            ) AS side (what, who, at, by_repair, counts)
            WHERE side.counts
        """,  # noqa: S608
        counts={what: f"what = '{what}'" for what in ("start", "new", "in", "out", "end")}
        | {f"{what}_by_repair": f"what = '{what}' AND by_repair" for what in ("in", "out")},
    )


def _cell_facts(question: Question) -> Facts:
    """Contacts who moved or are new, by where from and where to."""
    came_from = f"CASE WHEN is_new THEN '{NEW}' ELSE from_label::text END"
    return Facts(
        key=PAIRS,
        expressions=_expressions(question),
        query=f"""
            SELECT {pair_of(came_from, "to_label")} AS who, contact_id, to_label AS label_id,
                   CASE WHEN is_new THEN seen ELSE to_at END AS at
            FROM moved WHERE is_new OR ({_HAS_MOVED})
        """,  # noqa: S608
        counts={"contacts": "true"},
    )


# -- Rows -------------------------------------------------------------------------------------------------------------


def _row(moved: Iterable[_Moved], label: Any) -> MovementRow:
    stage = None if label is None else label.pk
    counts: Counter[str] = Counter()
    for each in moved:
        for name in _figures(each, stage):
            counts[name] += each.contacts
    return MovementRow(
        stage=stage,
        name="" if label is None else str(label),
        step=None if label is None else label.step,
        **{name: counts[name] for name in _COUNTS},
    )


_COUNTS = ("start", "new", "in_", "in_by_repair", "out", "out_by_repair", "end")


def _figures(moved: _Moved, stage: int | None) -> Iterator[str]:
    """What these contacts count in, in the row of a stage."""
    if moved.start == stage and not moved.is_new:
        yield "start"
        if moved.has_moved:
            yield "out"
            yield from ["out_by_repair"] * moved.out_by_repair
    if moved.end == stage:
        yield "end"
        yield from ["new"] * moved.is_new
        if moved.has_moved:
            yield "in_"
            yield from ["in_by_repair"] * moved.in_by_repair


def _cells(moved: Iterable[_Moved]) -> Iterator[MovementCell]:
    counts: Counter[tuple[int | str | None, int | None]] = Counter()
    for each in moved:
        if each.is_new or each.has_moved:
            counts[NEW if each.is_new else each.start, each.end] += each.contacts
    for (start, end), contacts in counts.items():
        yield MovementCell(from_=start, to=end, contacts=contacts)
