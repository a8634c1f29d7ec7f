"""Moves between stages as a picture, a ranked list and a matrix: each contact once, or every move.

The picture has at most MOST_NODES stages on each side, in the order of steps; labels of one step are put together
where there are more. Flows under SMALL of all are one flow, and what went back is muted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from desk.reports.page_frame import address_with, key_text, rows_address
from desk.reports.pictures import PLAIN, Paints, Picture
from labels.models import Label
from reports.columns import written
from reports.query import ReportQuery
from reports.selectors.row_keys import NEW, pair
from reports.selectors.shares import Share, share

ALL_MOVES = "all"
MOST_NODES = 7
SMALL = 0.02  # of all moves: a thinner flow is no line of its own
MOST_LISTED = 15
HEATS = 5  # shades of the matrix

Stage = int | str | None  # a label's id, NEW, or None for no stage


@dataclass(frozen=True, slots=True)
class StageMove:
    """One pair: how many went that way, how many of those by repair, and how long they had been there before."""

    start: Stage
    end: int | None
    count: int
    by_repair: int = 0
    median_s: float | None = None


class Stages:
    """The stages that some moves go through: their names, steps and order."""

    def __init__(self, moves: Sequence[StageMove]) -> None:
        named = {stage for move in moves for stage in (move.start, move.end)}
        found = Label.all_objects.filter(pk__in=[stage for stage in named if isinstance(stage, int)])
        self.labels = {label.pk: label for label in found.order_by("step", "name", "id")}
        edges: list[Stage] = [stage for stage in (NEW, None) if stage in named]
        self.ordered: list[Stage] = [*edges, *self.labels]

    def name(self, stage: Stage) -> str:
        if stage == NEW:
            return _("New contact")
        return str(self.labels[stage]) if isinstance(stage, int) else _("No stage")

    def step(self, stage: Stage) -> int | None:
        return self.labels[stage].step if isinstance(stage, int) else None

    def is_back(self, start: Stage, end: Stage) -> bool:
        """Whether a move leads to an earlier step, or out of all."""
        before, after = self.step(start), self.step(end)
        return before is not None and (after is None or after < before)

    def back_words(self, start: Stage, end: Stage) -> str:
        """How a move leads back; "" for one that does not."""
        if not self.is_back(start, end):
            return ""
        return _("back") if isinstance(end, int) else _("out of all stages")

    def share_words(self, start: Stage, of_start: Share) -> str:
        """How many of those who left a stage went one way."""
        percent = written(of_start, "share").partition(" ·")[0]
        if start == NEW:
            return _("%(share)s of the new contacts") % {"share": percent}
        return _("%(share)s of those who left “%(stage)s”") % {"share": percent, "stage": self.name(start)}


def context(request: HttpRequest, query: ReportQuery) -> dict[str, Any]:
    """What the view adds to the page."""
    once = query.report.name == "movement"
    moves = _once(query) if once else _every(query)
    figure = "contacts" if once else "count"
    links = {
        (move.start, move.end): f"{rows_address(query)}&{urlencode({'figure': figure, 'who': _key(move)})}"
        for move in moves
    }
    stages = Stages(moves)
    ranked = sorted(moves, key=lambda move: -move.count)
    return {
        "once": once,
        "once_url": address_with(request, count=None),
        "all_url": address_with(request, count=ALL_MOVES),
        "picture": _picture(moves, stages, links, once=once) if moves else None,
        "ranked": [_line(move, stages, links, _left(moves)) for move in ranked[:MOST_LISTED]],
        "more": max(0, len(ranked) - MOST_LISTED),
        "matrix": _matrix(moves, stages, links) if moves else None,
        "moved": sum(move.count for move in moves),
    }


def _key(move: StageMove) -> str:
    return pair(move.start, move.end)


def _once(query: ReportQuery) -> list[StageMove]:
    return [StageMove(cell.from_, cell.to, cell.contacts) for cell in query.board.cells]


def _every(query: ReportQuery) -> list[StageMove]:
    return [StageMove(row.from_, row.to, row.count, row.by_repair, row.median_s) for row in query.rows]


def _left(moves: Iterable[StageMove]) -> Counter[Stage]:
    """How many moves there are out of each stage."""
    left: Counter[Stage] = Counter()
    for move in moves:
        left[move.start] += move.count
    return left


# -- Ranked list ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MoveLine:
    """One move as the list and the matrix show it; `share` is of all moves out of the same stage."""

    start: str
    end: str
    count: int
    share: str
    share_words: str
    median: str
    by_repair: int
    is_back: str
    link: str
    heat: int = 0


def _line(
    move: StageMove, stages: Stages, links: Mapping[Any, str], left: Mapping[Stage, int], *, most: int = 0
) -> MoveLine:
    of_start = share(move.count, left[move.start])
    return MoveLine(
        start=stages.name(move.start),
        end=stages.name(move.end),
        count=move.count,
        share=written(of_start, "share").partition(" ·")[0],
        share_words=stages.share_words(move.start, of_start),
        median="" if move.median_s is None else written(move.median_s, "seconds"),
        by_repair=move.by_repair,
        is_back=stages.back_words(move.start, move.end),
        link=links[move.start, move.end],
        heat=1 + int((HEATS - 1) * move.count / most) if most else 0,
    )


# -- Matrix -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    left: int
    cells: list[MoveLine | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A row per stage that was left, a column per stage that was entered."""

    columns: list[str]
    rows: list[MatrixRow]


def _matrix(moves: Sequence[StageMove], stages: Stages, links: Mapping[Any, str]) -> Matrix:
    by_pair: dict[tuple[Stage, Stage], StageMove] = {(move.start, move.end): move for move in moves}
    starts = [stage for stage in stages.ordered if any(start == stage for start, _end in by_pair)]
    ends = [stage for stage in stages.ordered if any(end == stage for _start, end in by_pair)]
    left, most = _left(moves), max(move.count for move in moves)

    def cell(start: Stage, end: Stage) -> MoveLine | None:
        move = by_pair.get((start, end))
        return _line(move, stages, links, left, most=most) if move else None

    rows = [MatrixRow(stages.name(start), left[start], [cell(start, end) for end in ends]) for start in starts]
    return Matrix([stages.name(stage) for stage in ends], rows)


# -- Picture ----------------------------------------------------------------------------------------------------------

REST = "rest"


def _picture(moves: Sequence[StageMove], stages: Stages, links: Mapping[Any, str], *, once: bool) -> Picture:
    words = _("Each contact once, by its stage on the first and on the last day.") if once else _("Every move counts.")
    return Picture(
        name="moves-once" if once else "moves-all",
        kind="sankey",
        title=_("Where contacts went"),
        sentence=f"{words} {_sentence(moves, stages)}",
        rows=sankey_rows(moves, stages, links),
    )


def sankey_rows(moves: Sequence[StageMove], stages: Stages, links: Mapping[Any, str]) -> dict[str, Any]:
    """The nodes of both sides, in the order of steps, and the flows between them."""
    groups = _groups(moves, stages)
    flows = list(_flows(moves, groups, stages, links))
    return {"nodes": list(_nodes(flows, groups, stages, Paints())), "flows": flows}


def _sentence(moves: Sequence[StageMove], stages: Stages) -> str:
    largest = max(moves, key=lambda move: move.count)
    back = sum(move.count for move in moves if stages.is_back(move.start, move.end))
    said = _("Most went from “%(start)s” to “%(end)s”: %(n)s.") % {
        "start": stages.name(largest.start),
        "end": stages.name(largest.end),
        "n": written(largest.count, "count"),
    }
    return said + (" " + _("%(n)s went back or out.") % {"n": written(back, "count")} if back else "")


def _groups(moves: Sequence[StageMove], stages: Stages) -> dict[Stage, str]:
    """The node that each stage is drawn in: its own, or one with others of its step where there are too many."""
    sizes: Counter[Stage] = Counter()
    for move in moves:
        sizes[move.start] += move.count
        sizes[move.end] += move.count
    nodes: list[list[Stage]] = [[stage] for stage in stages.ordered]
    while len(nodes) > MOST_NODES and (pair_of_nodes := _closest(nodes, stages, sizes)):
        one, other = pair_of_nodes
        one.extend(other)
        nodes.remove(other)
    return {stage: "+".join(key_text(each) for each in node) for node in nodes for stage in node}


def _closest(
    nodes: Sequence[list[Stage]], stages: Stages, sizes: Mapping[Stage, int]
) -> tuple[list[Stage], list[Stage]] | None:
    """The two smallest nodes of one step; None when each step has one."""
    of_step: dict[int, list[list[Stage]]] = defaultdict(list)
    for node in nodes:
        if (step := stages.step(node[0])) is not None:
            of_step[step].append(node)
    several = [sorted(each, key=lambda node: sum(sizes[s] for s in node))[:2] for each in of_step.values() if each[1:]]
    smallest = min(several, key=lambda two: sum(sizes[s] for node in two for s in node), default=None)
    return (smallest[0], smallest[1]) if smallest else None


def _flows(
    moves: Sequence[StageMove], groups: Mapping[Stage, str], stages: Stages, links: Mapping[Any, str]
) -> Iterator[dict[str, Any]]:
    """The flows of the picture; small ones out of one stage are one, into the rest."""
    summed: dict[tuple[str, str], list[StageMove]] = defaultdict(list)
    for move in moves:
        summed[groups[move.start], groups[move.end]].append(move)
    least = SMALL * sum(move.count for move in moves)
    small: dict[str, list[StageMove]] = defaultdict(list)
    for (start, end), each in summed.items():
        if sum(move.count for move in each) < least:
            small[start] += each
        else:
            yield _flow(start, end, each, stages, links)
    for start, each in small.items():
        yield _flow(start, REST, each, stages, links)


def _flow(start: str, end: str, moves: Sequence[StageMove], stages: Stages, links: Mapping[Any, str]) -> dict[str, Any]:
    lines = [f"{stages.name(m.start)} → {stages.name(m.end)}: {written(m.count, 'count')}" for m in moves]
    return {
        "from": f"0:{start}",
        "to": f"1:{end}",
        "value": sum(move.count for move in moves),
        "words": "\n".join(lines),
        "back": all(stages.is_back(move.start, move.end) for move in moves),
        "link": links[moves[0].start, moves[0].end] if len(moves) == 1 else "",
    }


def _nodes(
    flows: Sequence[dict[str, Any]], groups: Mapping[Stage, str], stages: Stages, paints: Paints
) -> Iterator[dict[str, Any]]:
    members: dict[str, list[Stage]] = defaultdict(list)
    for stage in stages.ordered:
        members[groups[stage]].append(stage)
    for depth, side in ((0, "from"), (1, "to")):
        sizes: Counter[str] = Counter()
        for flow in flows:
            sizes[flow[side]] += flow["value"]
        for key in (*members, REST):
            if n := sizes[f"{depth}:{key}"]:
                yield _node(f"{depth}:{key}", depth, n, members.get(key, []), stages, paints)


def _node(key: str, depth: int, n: int, members: Sequence[Stage], stages: Stages, paints: Paints) -> dict[str, Any]:
    names = [stages.name(stage) for stage in members] or [_("Small moves")]
    name = names[0] if len(names) == 1 else _("%(name)s and %(n)d more") % {"name": names[0], "n": len(names) - 1}
    first = members[0] if members else None
    return {
        "key": key,
        "depth": depth,
        "name": name,
        "words": f"{', '.join(names)}: {written(n, 'count')}",
        "value": n,
        "paint": paints.label(first) if isinstance(first, int) else PLAIN,
    }
