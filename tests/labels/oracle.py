"""The slow, obvious way to spells and stages: ask each moment what holds in it, then read off what changed.

Nothing here joins, sweeps or ranks the way `labels.rules.spells` does. Time is cut at every moment at which anything
happens; inside such a slice nothing changes, so a label is on in it or not. Rules are quoted from docs/metrics.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any, TypeAlias

from labels.rules.spells import CleanSpellRow, IntervalRow, Meanings, Projection, SpellLimits, SpellRow, StayRow

Step: TypeAlias = tuple[datetime, int]
"""From a moment on, a label."""

LIVE = ("live", "crm")
FOREVER = timedelta(days=36500)


@dataclass(frozen=True)
class Part:
    """A stretch in which one interval meant one label."""

    label: int
    start: datetime
    end: datetime  # FOREVER later when open
    interval: IntervalRow
    first: bool  # the interval's own beginning
    last: bool  # the interval's own end

    @property
    def found(self) -> bool:
        return not (self.first and self.interval.origin in LIVE)

    @property
    def undated(self) -> bool:
        return self.first and self.interval.origin in ("resync", "import")

    @property
    def taken_off_live(self) -> bool:
        return self.last and self.interval.removed_reason == "removed" and self.interval.removed_origin in LIVE


@dataclass(frozen=True)
class Run:
    """A stretch of one label, the part that opens it and the part that ends it."""

    label: int
    start: datetime
    end: datetime | None
    opener: Part
    closer: Part | None


def project(
    intervals: Sequence[IntervalRow], meanings: Meanings, *, steps: Mapping[int, int], limits: SpellLimits
) -> Projection:
    """The projection of one contact, as `labels.rules.spells.project` should give it."""
    runs = _runs(intervals, meanings)
    clean = [run for run in _bridge(runs, limits) if not _mistap(run, limits)]
    spells = [SpellRow(*_row(run), _mistap(run, limits), _added_before(run, runs)) for run in runs]
    cleaned = [CleanSpellRow(*_row(run)) for run in clean]
    return Projection(spells, cleaned, _stays(cleaned, steps, limits))


def day_sums(spells: Iterable[SpellRow], zone: tzinfo) -> dict[tuple[int, date], Counter[str]]:
    """Added, found, mistaps, removed, lost per (label, business day), by counting spells one by one."""
    sums: dict[tuple[int, date], Counter[str]] = {}

    def count(label: int, at: datetime, what: str) -> None:
        sums.setdefault((label, at.astimezone(zone).date()), Counter())[what] += 1

    for spell in spells:
        count(spell.label, spell.started_at, "found" if spell.found else "added")
        if spell.mistap:
            count(spell.label, spell.started_at, "mistaps")
        if spell.ended_at:
            count(spell.label, spell.ended_at, "lost" if spell.lost else "removed")
    return sums


# -- Spells -----------------------------------------------------------------------------------------------------------


def _parts(intervals: Sequence[IntervalRow], meanings: Meanings, forever: datetime) -> list[Part]:
    found = []
    for interval in intervals:
        end = interval.removed_at or forever
        if interval.removed_at and f"{interval.removed_at:%F %T}" == f"{interval.added_at:%F %T}":
            continue  # "Added and removed in the same second makes no spell"
        meant = meanings[interval.channel_label]
        changes = {m.since for m in meant if m.since and interval.added_at < m.since < end}
        slices = [(a, b, _label_at(meant, a)) for a, b in pairwise(sorted({interval.added_at, end} | changes))]
        # "A meaning change to the same label splits nothing"
        while any(x[2] == y[2] for x, y in pairwise(slices)):
            i = next(i for i in range(len(slices) - 1) if slices[i][2] == slices[i + 1][2])
            slices[i : i + 2] = [(slices[i][0], slices[i + 1][1], slices[i][2])]
        for a, b, label in slices:
            found.append(Part(label, a, b, interval, a == interval.added_at, b == end))
    return found


def _label_at(meant: Sequence[Any], at: datetime) -> int:
    """What held from `at` on: the latest meaning that had begun, else the first."""
    begun = [m for m in meant if m.since is None or m.since <= at]
    label: int = (begun[-1] if begun else meant[0]).label
    return label


def _runs(intervals: Sequence[IntervalRow], meanings: Meanings) -> list[Run]:
    moments = [m for i in intervals for m in (i.added_at, i.removed_at) if m]
    if not moments:
        return []
    forever = max(moments) + FOREVER
    parts = _parts(intervals, meanings, forever)
    runs = []
    for label in sorted({part.label for part in parts}):
        mine = [part for part in parts if part.label == label]
        cuts = sorted({m for part in mine for m in (part.start, part.end)})
        on = [(a, b) for a, b in pairwise(cuts) if any(p.start <= a and b <= p.end for p in mine)]
        starts = [a for a, _ in on if a not in {b for _, b in on}]
        ends = [b for _, b in on if b not in {a for a, _ in on}]
        for start, end in zip(starts, ends, strict=True):
            runs.append(_run(label, start, end, mine, forever))
    return runs


def _run(label: int, start: datetime, end: datetime, parts: list[Part], forever: datetime) -> Run:
    """ "at equal times live beats found, then the lower channel id" """

    def place(part: Part) -> tuple[int, int]:
        return (part.interval.channel, part.interval.channel_label)

    opener = min((p for p in parts if p.start == start), key=lambda p: (p.found, *place(p)))
    if end == forever:
        return Run(label, start, None, opener, None)
    closer = min((p for p in parts if p.end == end), key=lambda p: (not p.taken_off_live, *place(p)))
    return Run(label, start, end, opener, closer)


def _added_before(run: Run, runs: Sequence[Run]) -> datetime | None:
    """When the label was added the last time before this, where this was added too."""
    added = [
        other.start for other in runs if other.label == run.label and other.start < run.start and not other.opener.found
    ]
    return None if run.opener.found else max(added, default=None)


def _mistap(run: Run, limits: SpellLimits) -> bool:
    """ "added and removed live on one channel by the same actor within 120 s" """
    if run.end is None or run.closer is None or run.opener.found or not run.closer.taken_off_live:
        return False
    adding, removing = run.opener.interval, run.closer.interval
    adder = ("agent", adding.agent) if adding.agent else ("user", adding.user) if adding.user else "unknown"
    remover = (
        ("agent", removing.removed_by)
        if removing.removed_by
        else ("user", removing.removed_by_user) if removing.removed_by_user else "unknown"
    )  # fmt: skip
    quick = run.end - run.start <= limits.mistap
    return quick and adding.channel == removing.channel and adder == remover


def _bridge(runs: list[Run], limits: SpellLimits) -> list[Run]:
    """ "spells of one label less than 120 s apart, taken off and put back live, are one (first opener)" """
    for i, (first, second) in enumerate(pairwise(runs)):
        if (
            first.label == second.label
            and first.end is not None
            and first.closer is not None
            and first.closer.taken_off_live
            and not second.opener.found
            and second.start - first.end < limits.bridge
        ):
            both = Run(first.label, first.start, second.end, first.opener, second.closer)
            return _bridge([*runs[:i], both, *runs[i + 2 :]], limits)
    return runs


def _row(run: Run) -> tuple[Any, ...]:
    """ "Found opens credit nobody" """
    adding = run.opener.interval
    lost = run.closer is not None and not run.closer.taken_off_live
    return (
        adding.contact,
        run.label,
        run.start,
        run.end,
        adding.channel,
        run.opener.found,
        lost,
        run.opener.undated,
        None if run.opener.found else adding.agent,
        None if run.opener.found else adding.user,
        "unknown" if run.opener.found else adding.method,
        None if run.closer is None or lost else run.closer.interval.removed_by,
    )


# -- Stages -----------------------------------------------------------------------------------------------------------


def stage_from(clean: Sequence[CleanSpellRow], at: datetime, steps: Mapping[int, int]) -> CleanSpellRow | None:
    """The stage in the moment after `at`, holes not considered.

    "The active stage label with the latest clean-spell start. Spells opened by resync or import rank below all
    others. Ties: higher step, then lower label id."
    """
    active = [s for s in clean if s.label in steps and s.started_at <= at and (s.ended_at is None or at < s.ended_at)]
    candidates = [s for s in active if not s.import_or_resync] or active
    if not candidates:
        return None
    latest = [s for s in candidates if s.started_at == max(c.started_at for c in candidates)]
    highest = [s for s in latest if steps[s.label] == max(steps[c.label] for c in latest)]
    return next(s for s in highest if s.label == min(c.label for c in highest))


def _stays(clean: Sequence[CleanSpellRow], steps: Mapping[int, int], limits: SpellLimits) -> list[StayRow]:
    staged = [s for s in clean if s.label in steps]
    moments = sorted({m for s in staged for m in (s.started_at, s.ended_at) if m})
    raw = {at: stage_from(staged, at, steps) for at in moments}

    def is_add(at: datetime) -> bool:
        stage = raw[at]
        return stage is not None and stage.started_at == at and not stage.found

    stays: list[dict[str, Any]] = []
    before: CleanSpellRow | None = None
    held_until: datetime | None = None
    for at in moments:
        if held_until is not None and at < held_until:
            continue  # "the time between belongs to the old stage, also when an older label was active in it"
        after = raw[at]
        if after == before:
            continue
        if before is not None and before.ended_at == at and not before.lost:
            held_until = next((m for m in moments if at <= m < at + limits.hole and is_add(m)), None)
            if held_until is not None and held_until > at:
                continue
        starts = after is not None and after.started_at == at
        repair = (after.found if starts and after else before.lost) if after or before else False
        agent = after.agent if starts and after else before.removed_by if before else None
        if before is None or after is None or before.label != after.label:  # "The same label coming back"
            if before is not None:
                stays[-1] |= {"ended_at": at, "end_by_repair": repair}
            if after is not None:
                stays.append(
                    {
                        "contact": after.contact, "started_at": at, "ended_at": None, "label": after.label,
                        "step": steps[after.label], "start_by_repair": repair, "end_by_repair": False, "agent": agent,
                        "channel": after.channel,
                    }
                )  # fmt: skip
        before = after
    return [StayRow(**stay) for stay in stays]


# -- Returns ----------------------------------------------------------------------------------------------------------


def with_returns(projection: Projection, groups: Mapping[int, str]) -> Projection:
    """The rows that made a flip-flop marked, as `labels.rules.returns` should mark them. `groups` are exclusive."""
    back = {at for _, at, _ in returns([(stay.started_at, stay.label) for stay in projection.stays])}
    stays = [stay._replace(is_return=stay.started_at in back) for stay in projection.stays]
    clean = projection.clean_spells
    for group in set(groups.values()):
        own = [spell for spell in projection.clean_spells if groups.get(spell.label) == group]
        for left, at, label in returns(members(own)):
            put_on = any(s.label == label and s.started_at == at for s in own)
            clean = [
                spell._replace(is_return=True) if put_on and (spell.label, spell.started_at) == (label, at)
                else spell._replace(return_to=label) if not put_on and (spell.label, spell.ended_at) == (left, at)
                else spell
                for spell in clean
            ]  # fmt: skip
    return Projection(projection.spells, clean, stays)


def members(spells: Sequence[CleanSpellRow]) -> list[Step]:
    """At each moment at which something changed the label of one exclusive group that came last, of those on."""
    steps = []
    for at in sorted({s.started_at for s in spells} | {s.ended_at for s in spells if s.ended_at}):
        on = [s for s in spells if s.started_at <= at and (s.ended_at is None or s.ended_at > at)]
        steps += [(at, min(on, key=lambda s: (-s.started_at.timestamp(), s.label)).label)] if on else []
    return steps


def returns(steps: Sequence[Step]) -> list[tuple[int, datetime, int]]:
    """ "goes A → B → A within 7 days": B, when it went back, and A."""
    changes = [step for n, step in enumerate(steps) if n == 0 or step[1] != steps[n - 1][1]]
    return [
        (second[1], third[0], third[1])
        for first, second, third in zip(changes, changes[1:], changes[2:], strict=False)
        if first[1] == third[1] and third[0] - second[0] < timedelta(days=7)
    ]
