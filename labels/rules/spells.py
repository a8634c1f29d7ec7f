"""From intervals to spells, clean spells and stages. Pure, and the only place that joins.

An interval says "this WhatsApp label of this number was on this chat"; a spell says "the contact had canonical
label L". Everything here is a function of the intervals of one contact, what their WhatsApp labels meant since
when, the steps of the stage labels and three limits. The projections, every filtered report and the tests call
the same functions. Definitions: docs/metrics.md, "Ground rules", "Label activity" and "Stage and movement".

The rows are named tuples, not dataclasses: they are compared with the stored rows, sorted and written by the
thousand in each batch of the drain, and a tuple does all three in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

LIVE_ORIGINS = frozenset({"live", "crm"})
IMPORT_OR_RESYNC = frozenset({"resync", "import"})
REMOVED = "removed"
UNKNOWN = "unknown"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellLimits:
    """How short is short. `mistap` and `hole` are settings, `bridge` is fixed by the definition of a clean spell."""

    mistap: timedelta
    hole: timedelta
    bridge: timedelta = timedelta(seconds=120)


class DatedMeaning(NamedTuple):
    """What a WhatsApp label means since when; an empty `since` holds from its beginning."""

    since: datetime | None
    label: int


Meanings: TypeAlias = Mapping[int, Sequence[DatedMeaning]]
"""Of each channel label, in the order of `since`."""


class IntervalRow(NamedTuple):
    """One WhatsApp label on one contact in `[added_at, removed_at)`, and who put it on and took it off."""

    contact: int
    channel: int
    channel_label: int
    added_at: datetime
    removed_at: datetime | None
    origin: str
    agent: int | None
    user: int | None
    method: str
    removed_by: int | None = None
    removed_by_user: int | None = None
    removed_origin: str = ""
    removed_reason: str = ""


class Piece(NamedTuple):
    """The part of an interval in which its WhatsApp label meant one label.

    The order of the fields is the order in which pieces open spells: by time, live before found, lower channel.
    """

    label: int
    start: datetime
    found: bool
    channel: int
    channel_label: int
    end: datetime | None
    lost: bool
    import_or_resync: bool
    interval: IntervalRow


Run: TypeAlias = tuple[Piece, Piece]
"""A spell while it is being joined: the piece that opens it and the piece that ends it."""


class CleanSpellRow(NamedTuple):
    """A spell without short interruptions. Found ones credit nobody, lost ones blame nobody.

    The last two are marked by `labels.rules.returns`.
    """

    contact: int
    label: int
    started_at: datetime
    ended_at: datetime | None
    channel: int
    found: bool
    lost: bool
    import_or_resync: bool
    agent: int | None
    user: int | None
    method: str
    removed_by: int | None
    is_return: bool = False
    return_to: int | None = None


class SpellRow(NamedTuple):
    """A spell as it was observed. `added_before` is when the contact got the same label the last time before this.

    Empty for the first time, and for a spell that was found.
    """

    contact: int
    label: int
    started_at: datetime
    ended_at: datetime | None
    channel: int
    found: bool
    lost: bool
    import_or_resync: bool
    agent: int | None
    user: int | None
    method: str
    removed_by: int | None
    mistap: bool
    added_before: datetime | None = None


class StayRow(NamedTuple):
    """The stage of a contact in `[started_at, ended_at)`.

    `agent` made the move that began it; `channel` is that of the label that was the stage then. `labels.rules.returns`
    marks returns.
    """

    contact: int
    started_at: datetime
    ended_at: datetime | None
    label: int
    step: int
    start_by_repair: bool
    end_by_repair: bool
    agent: int | None
    channel: int
    is_return: bool = False


class Projection(NamedTuple):
    """All that is derived from one contact's intervals; each list in the order of its key."""

    spells: list[SpellRow]
    clean_spells: list[CleanSpellRow]
    stays: list[StayRow]


def project(
    intervals: Iterable[IntervalRow], meanings: Meanings, *, steps: Mapping[int, int], limits: SpellLimits
) -> Projection:
    """Spells, clean spells and stage stays of one contact. `steps` holds the step of each stage label."""
    runs = runs_of(intervals, meanings)
    clean = clean_spells(runs, limits=limits)
    return Projection(spells(runs, limits=limits), clean, stage_stays(clean, steps=steps, limits=limits))


def runs_of(intervals: Iterable[IntervalRow], meanings: Meanings) -> list[Run]:
    """The intervals of one contact joined by label, to be given to `spells` or `clean_spells`.

    A report that filters by channel passes the intervals of these channels alone: filters choose before joining
    (docs/metrics.md, "Ground rules", Filters).
    """
    return join(split_by_meaning(intervals, meanings))


# -- Pieces -----------------------------------------------------------------------------------------------------------


def split_by_meaning(intervals: Iterable[IntervalRow], meanings: Meanings) -> list[Piece]:
    """The intervals as pieces of one canonical label, in no order. Added and removed in the same second makes no piece.

    Raises KeyError for a WhatsApp label without a meaning.
    """
    pieces: list[Piece] = []
    for interval in intervals:
        if _is_instant(interval):
            continue
        meant = meanings[interval.channel_label]
        if len(meant) == 1:
            pieces.append(_piece(interval, meant[0].label, interval.added_at, interval.removed_at))
        else:
            pieces.extend(_split(interval, meant))
    return pieces


def _is_instant(interval: IntervalRow) -> bool:
    """Added and removed in the same second."""
    start, end = interval.added_at, interval.removed_at
    return end is not None and end - start < SECOND and end.second == start.second


def _split(interval: IntervalRow, meant: Sequence[DatedMeaning]) -> list[Piece]:
    """One piece per label that the interval's time meets; the first meaning holds from the beginning."""
    pieces: list[Piece] = []
    start = interval.added_at
    label = meant[0].label
    for since, following in meant[1:]:
        if since is None or following == label:
            continue
        if interval.removed_at is not None and since >= interval.removed_at:
            break
        if since > start:
            pieces.append(_piece(interval, label, start, since))
            start = since
        label = following
    pieces.append(_piece(interval, label, start, interval.removed_at))
    return pieces


def _piece(interval: IntervalRow, label: int, start: datetime, end: datetime | None) -> Piece:
    """A piece that a change of meaning begins is found and one that it ends is lost, whoever did the interval."""
    put_on = start == interval.added_at
    lost = False
    if end is not None:
        taken_off = end == interval.removed_at and interval.removed_reason == REMOVED
        lost = not (taken_off and interval.removed_origin in LIVE_ORIGINS)
    return Piece(
        label,
        start,
        not (put_on and interval.origin in LIVE_ORIGINS),
        interval.channel,
        interval.channel_label,
        end,
        lost,
        put_on and interval.origin in IMPORT_OR_RESYNC,
        interval,
    )


# -- Spells -----------------------------------------------------------------------------------------------------------


def join(pieces: Iterable[Piece]) -> list[Run]:
    """Overlapping or touching pieces of one label made one, in the order of label and start."""
    runs: list[Run] = []
    for piece in sorted(pieces):
        if runs and _touches(runs[-1], piece):
            if _ends_it(piece, runs[-1][1]):
                runs[-1] = (runs[-1][0], piece)
        else:
            runs.append((piece, piece))
    return runs


def _touches(run: Run, piece: Piece) -> bool:
    closer = run[1]
    return closer.label == piece.label and (closer.end is None or piece.start <= closer.end)


def _ends_it(piece: Piece, closer: Piece) -> bool:
    """Whether `piece` ends the spell and not `closer`: it ends later; at equal times live beats lost, then channels."""
    if piece.end is None or closer.end is None or piece.end != closer.end:
        return closer.end is not None and (piece.end is None or piece.end > closer.end)
    return (piece.lost, piece.channel, piece.channel_label) < (closer.lost, closer.channel, closer.channel_label)


def spells(runs: Iterable[Run], *, limits: SpellLimits) -> list[SpellRow]:
    """The rows of joined runs as they were observed, mistaps marked."""
    rows: list[SpellRow] = []
    label: int | None = None
    added_at: datetime | None = None
    for run in runs:
        opener = run[0]
        if opener.label != label:
            label, added_at = opener.label, None
        before = None if opener.found else added_at
        rows.append(SpellRow._make((*_shared_columns(run), _is_mistap(run, limits=limits), before)))
        if not opener.found:
            added_at = opener.start
    return rows


def clean_spells(runs: Iterable[Run], *, limits: SpellLimits) -> list[CleanSpellRow]:
    """Runs less than `limits.bridge` apart, taken off and put back live, are one; then mistaps are dropped."""
    bridged: list[Run] = []
    for run in runs:
        if bridged and _continues(bridged[-1], run, limits.bridge):
            bridged[-1] = (bridged[-1][0], run[1])
        else:
            bridged.append(run)
    return [CleanSpellRow(*_shared_columns(run)) for run in bridged if not _is_mistap(run, limits=limits)]


def _continues(earlier: Run, later: Run, bridge: timedelta) -> bool:
    closer, opener = earlier[1], later[0]
    return (
        closer.label == opener.label
        and closer.end is not None
        and not closer.lost
        and not opener.found
        and opener.start - closer.end < bridge
    )


def _is_mistap(run: Run, *, limits: SpellLimits) -> bool:
    """Put on and taken off live, on one channel, by the same actor, within the limit (docs/metrics.md, "Mistap")."""
    opener, closer = run
    return (
        closer.end is not None
        and not opener.found
        and not closer.lost
        and opener.channel == closer.channel
        and closer.end - opener.start <= limits.mistap
        and _same_actor(opener.interval, closer.interval)
    )


def _same_actor(adding: IntervalRow, removing: IntervalRow) -> bool:
    """The same agent, else the same user; two unknown actors count as the same (the caller compares the channel)."""
    if adding.agent is not None or removing.removed_by is not None:
        return adding.agent == removing.removed_by
    return adding.user == removing.removed_by_user


def _shared_columns(run: Run) -> tuple[Any, ...]:
    """The twelve columns that spells and clean spells share, in the order of CleanSpellRow."""
    opener, closer = run
    adding = opener.interval
    found, lost = opener.found, closer.lost
    return (
        adding.contact,
        opener.label,
        opener.start,
        closer.end,
        opener.channel,
        found,
        lost,
        opener.import_or_resync,
        None if found else adding.agent,
        None if found else adding.user,
        UNKNOWN if found else adding.method,
        None if lost or closer.end is None else closer.interval.removed_by,
    )


# -- Stages -----------------------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """From `at` on, `stage` is the stage; None is "no stage"."""

    at: datetime
    stage: CleanSpellRow | None


def stage_stays(clean: Iterable[CleanSpellRow], *, steps: Mapping[int, int], limits: SpellLimits) -> list[StayRow]:
    """The stages of one contact in order of time, from its clean spells (docs/metrics.md, "Stage and movement").

    A stay begins or ends by repair when the move was caused by a found or a lost label. Each move has one cause:
    the spell that starts then and is the stage from then on, else the end of the spell that was it.
    """
    stays: list[StayRow] = []
    before: CleanSpellRow | None = None
    for at, stage in _without_holes(_moves(clean, steps), limits.hole):
        if before is None or stage is None or stage.label != before.label:
            repair, agent = _cause(at, before, stage)
            if before is not None:
                stays[-1] = stays[-1]._replace(ended_at=at, end_by_repair=repair)
            if stage is not None:
                step = steps[stage.label]
                stays.append(StayRow(stage.contact, at, None, stage.label, step, repair, False, agent, stage.channel))
        before = stage
    return stays


def _moves(clean: Iterable[CleanSpellRow], steps: Mapping[int, int]) -> list[Move]:
    """A move at each moment at which another spell, or none, comes to rank first among the active stage labels."""
    ranked = [_ranked(spell, steps[spell.label]) for spell in clean if spell.label in steps]
    changes = [(spell[-1].started_at, True, spell) for spell in ranked]
    changes += [(spell[-1].ended_at, False, spell) for spell in ranked if spell[-1].ended_at is not None]
    changes.sort(key=itemgetter(0))
    active: dict[int, _Ranked] = {}
    moves: list[Move] = []
    for at, group in groupby(changes, key=itemgetter(0)):
        for _, starts, spell in group:
            if starts:
                active[spell[-1].label] = spell
            else:
                del active[spell[-1].label]
        top = max(active.values())[-1] if active else None
        if not moves or moves[-1].stage is not top:
            moves.append(Move(at, top))
    return moves


_Ranked: TypeAlias = tuple[bool, datetime, int, int, CleanSpellRow]


def _ranked(spell: CleanSpellRow, step: int) -> _Ranked:
    """Latest start first, but resync and import below all others; then the higher step, then the lower label id."""
    return (not spell.import_or_resync, spell.started_at, step, -spell.label, spell)


def _without_holes(moves: Sequence[Move], hole: timedelta) -> list[Move]:
    """The moves, less those inside a hole: there the stage that was taken off goes on until the next is put on."""
    kept: list[Move] = []
    position = 0
    while position < len(moves):
        if kept:
            position = _end_of_hole(moves, position, kept[-1].stage, hole)
        kept.append(moves[position])
        position += 1
    return kept


def _end_of_hole(moves: Sequence[Move], position: int, stage: CleanSpellRow | None, hole: timedelta) -> int:
    """Where the stage really changes: `position`, or the add that follows its removal in less than `hole`."""
    removed_at = moves[position].at
    if stage is None or stage.ended_at != removed_at or stage.lost:
        return position
    for later in range(position, len(moves)):
        at, following = moves[later]
        if at - removed_at >= hole:
            break
        if following is not None and following.started_at == at and not following.found:
            return later
    return position


def _cause(at: datetime, before: CleanSpellRow | None, stage: CleanSpellRow | None) -> tuple[bool, int | None]:
    """Whether a move was by repair, and whose it was: who put the new stage on, else who took the old one off."""
    if stage is not None and stage.started_at == at:
        return stage.found, stage.agent
    return (before.lost, before.removed_by) if before is not None else (False, None)
