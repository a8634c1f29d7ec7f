"""What names a label by its id, in every app: where that is, and how it follows a merge and its undoing.

The apps above say what of theirs names labels in their `jobs` module, as they declare their kinds of jobs there:
`register` makes it known. A merge changes all of it in one transaction and writes down each row that it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labelcrm.core.bulk import execute, fetch
from labelcrm.core.viewer import Viewer
from labels.models import LabelMerge, LabelMergeRow

_REPOINT = """
WITH moved AS (UPDATE {table} SET {column} = %(target)s WHERE {column} = %(source)s AND {but_not} RETURNING id)
INSERT INTO labels_labelmergerow (merge_id, place, row_id) SELECT %(merge)s, %(place)s, id FROM moved
    ON CONFLICT DO NOTHING
"""
# What was pointed elsewhere since stays as it is.
_POINT_BACK = """
UPDATE {table} AS t SET {column} = %(source)s
  FROM labels_labelmergerow AS was
 WHERE was.merge_id = %(merge)s AND was.place = %(place)s AND t.id = was.row_id AND t.{column} = %(target)s
"""


@dataclass(frozen=True, slots=True)
class LabelUse:
    """How many rows of one kind name a label; `rows` are those that the viewer may open, by id and name."""

    kind: str
    n: int
    rows: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMention:
    """One kind of row that names labels.

    `uses` counts those that name a label; `move` makes them name a merge's target and writes down what it changed,
    `move_back` undoes that as far as nobody has changed it since. `is_part` marks what goes with the label itself, and
    keeps nobody from archiving it.
    """

    kind: str
    uses: Callable[[int, Viewer], LabelUse]
    move: Callable[[LabelMerge], None]
    move_back: Callable[[LabelMerge], None]
    is_part: bool = False


MENTIONS: dict[str, LabelMention] = {}


def register(mention: LabelMention) -> LabelMention:
    """Make a kind known; what comes first is moved first."""
    MENTIONS[mention.kind] = mention
    return mention


def uses_of(label: int, viewer: Viewer) -> list[LabelUse]:
    """Everything that names a label (id), of kinds of which there is any; a query or two per kind."""
    found = (mention.uses(label, viewer) for mention in MENTIONS.values())
    return [use for use in found if use.n]


def is_kept_by(use: LabelUse) -> bool:
    """Whether a use is a reason to think twice before the label is archived."""
    return not MENTIONS[use.kind].is_part


# -- Rows that do nothing but point at a label ------------------------------------------------------------------------


def column(kind: str, table: str, name: str = "label_id", *, is_part: bool = False) -> LabelMention:
    """A mention that is a foreign key: every row that points at the source points at the target then."""
    words = {"table": table, "column": name}
    place = f"{table}.{name}"
    count = f"SELECT count(*) FROM {table} WHERE {name} = %s"  # noqa: S608 - names come from code
    return LabelMention(
        kind=kind,
        uses=lambda label, viewer: LabelUse(kind, fetch(count, [label])[0][0]),
        move=lambda merge: _run(_REPOINT.format(**words, but_not="true"), merge, place),
        move_back=lambda merge: _run(_POINT_BACK.format(**words), merge, place),
        is_part=is_part,
    )


def _run(statement: str, merge: LabelMerge, place: str) -> None:
    ids = {"merge": merge.pk, "source": merge.source_id, "target": merge.target_id}
    execute(statement, ids | {"place": place})


def columns(kind: str, table: str, names: tuple[str, str]) -> LabelMention:
    """A mention that is two foreign keys, to two labels: a row that has both of a merge keeps them."""
    first, second = names
    count = f"SELECT count(*) FROM {table} WHERE %s IN ({first}, {second})"  # noqa: S608 - names come from code
    ways = [({"table": table, "column": name}, f"{other} <> %(target)s") for name, other in (names, names[::-1])]

    def move(merge: LabelMerge) -> None:
        for words, but_not in ways:
            _run(_REPOINT.format(**words, but_not=but_not), merge, f"{table}.{words['column']}")

    def move_back(merge: LabelMerge) -> None:
        for words, _but_not in ways:
            _run(_POINT_BACK.format(**words), merge, f"{table}.{words['column']}")

    return LabelMention(
        kind=kind,
        uses=lambda label, viewer: LabelUse(kind, fetch(count, [label])[0][0]),
        move=move,
        move_back=move_back,
    )


# -- Rows that change in more than that -------------------------------------------------------------------------------


def write_down(merge: LabelMerge, place: str, rows: Iterable[tuple[int, Any, Any]]) -> None:
    """Keep (id, as it was, what the merge made of it) of rows that it changed; what is kept already stays."""
    LabelMergeRow.objects.bulk_create(
        [LabelMergeRow(merge=merge, place=place, row_id=pk, before=was, after=now) for pk, was, now in rows],
        ignore_conflicts=True,
    )


def written_down(merge: LabelMerge, place: str) -> Mapping[int, LabelMergeRow]:
    """What `write_down` kept, by id."""
    return {row.row_id: row for row in merge.rows.filter(place=place)}
