"""The slow, obvious way to stages and movement: each contact's journey read off moment by moment.

Stays come from tests.labels.oracle, arrivals from the recorded messages and events. Rules are quoted from METRICS.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any

from labels.models import LabelEvent
from labels.rules.spells import IntervalRow, StayRow
from tests.labels import oracle
from tests.reports.recorded import limits
from tests.reports.slow import DAY, Slow, local_day

Stage = int | None


@dataclass(frozen=True)
class Transition:
    """The stage of a contact changes; `since` is when the one that ends began."""

    contact: int
    at: datetime
    start: Stage
    end: Stage
    by_repair: bool
    since: datetime


class SlowStages:
    """The figures of the period and channels of `slow`, from the same records."""

    def __init__(self, slow: Slow) -> None:
        self.slow = slow
        self.steps = {pk: label.step for pk, label in slow.label.items() if label.step is not None}
        mine: dict[int, list[IntervalRow]] = defaultdict(list)
        for interval in slow.intervals:
            mine[interval.contact].append(interval)
        projections = {
            contact: oracle.project(self._heard(mine[contact]), slow.meanings, steps=self.steps, limits=limits())
            for contact in slow.contacts
        }
        self.stays = {contact: projection.stays for contact, projection in projections.items()}
        self.staged = {
            contact: [spell for spell in projection.clean_spells if spell.label in self.steps]
            for contact, projection in projections.items()
        }
        self.told = {
            contact: [one for one in told if self._is_here(one[2])]
            for contact, told in slow.told.items()
            if contact in slow.contacts
        }
        self.seen = {contact: min(at for at, _, _ in told) for contact, told in self.told.items() if told}

    def _is_here(self, channel: int) -> bool:
        return self.slow.channels is None or channel in self.slow.channels

    def _heard(self, history: list[IntervalRow]) -> list[IntervalRow]:
        """Of the channels that are asked for; and labels that exist only here with whoever has others there."""
        if not any(self._is_here(interval.channel) for interval in history):
            return []
        return [i for i in history if self._is_here(i.channel) or self.slow.channel[i.channel].gateway == "crm"]

    def stage_at(self, contact: int, t: datetime) -> Stage:
        """ "At t" means just before t" """
        on = [s.label for s in self.stays[contact] if s.started_at < t and (s.ended_at is None or s.ended_at >= t)]
        assert len(on) < 2
        return on[0] if on else None

    # -- Board and moves ---

    @cached_property
    def transitions(self) -> dict[int, list[Transition]]:
        """ "dated at the moment the stage changes" """
        found = {contact: list(self._of(contact)) for contact in self.seen}
        return {contact: [each for each in moves if self.slow.within(each.at)] for contact, moves in found.items()}

    def _of(self, contact: int) -> Iterator[Transition]:
        stays, since, stage = self.stays[contact], self.seen[contact], None
        for at in sorted({moment for s in stays for moment in (s.started_at, s.ended_at) if moment}):
            begun = [s for s in stays if s.started_at == at]
            ended = [s for s in stays if s.ended_at == at]
            by_repair = begun[0].start_by_repair if begun else ended[0].end_by_repair
            after = begun[0].label if begun else None
            yield Transition(contact, at, stage, after, by_repair, min(since, at))
            stage, since = after, at

    def board(self) -> tuple[dict[Stage, dict[str, int]], dict[tuple[Any, Stage], int]]:
        """ "each contact once, by its stage at t1 and at t2" """
        rows: dict[Stage, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        cells: dict[tuple[Any, Stage], int] = defaultdict(int)
        for contact, seen in self.seen.items():
            if seen >= self.slow.end:
                continue
            start, end = (self.stage_at(contact, t) for t in (self.slow.start, self.slow.end))
            moves = self.transitions[contact]
            rows[end]["end"] += 1
            if seen >= self.slow.start:
                rows[end]["new"] += 1
                cells["new", end] += 1
                continue
            rows[start]["start"] += 1
            if start != end:
                cells[start, end] += 1
                rows[start]["out"] += 1
                rows[end]["in"] += 1
                rows[start]["out_by_repair"] += moves[0].by_repair
                rows[end]["in_by_repair"] += moves[-1].by_repair
        return rows, cells

    def moves(self) -> dict[tuple[Stage, Stage], dict[str, Any]]:
        """ "every transition in the period, new contacts entering as 'no stage'" """
        found: dict[tuple[Stage, Stage], list[Transition]] = defaultdict(list)
        for each in (one for moves in self.transitions.values() for one in moves):
            found[each.start, each.end].append(each)
        return {
            pair: {
                "count": len(moves),
                "contacts": len({each.contact for each in moves}),
                "by_repair": sum(each.by_repair for each in moves),
                "median_s": statistics.median((each.at - each.since).total_seconds() for each in moves),
            }
            for pair, moves in found.items()
        }

    # -- Time in stage ---

    def time_in_stage(self) -> dict[int, dict[str, Any]]:
        stays = [stay for of_contact in self.stays.values() for stay in of_contact]
        return {label: self._time([stay for stay in stays if stay.label == label]) for label in self.steps}

    def _time(self, stays: list[StayRow]) -> dict[str, Any]:
        """ "stays that ended in the period; starts or ends by repair counted apart" """
        ended = [stay for stay in stays if self.slow.within(stay.ended_at)]
        own = [stay for stay in ended if not stay.start_by_repair and not stay.end_by_repair]
        at = min(self.slow.end, self.slow.now)
        open_now = [
            s for s in stays if s.started_at < self.slow.end and (not s.ended_at or s.ended_at >= self.slow.end)
        ]
        ages = [(at - stay.started_at).total_seconds() for stay in open_now]
        last, together = {}, defaultdict(float)
        for stay in sorted(own, key=lambda stay: stay.started_at):
            last[stay.contact] = _seconds(stay)
            together[stay.contact] += _seconds(stay)
        return {
            "ended": len(own),
            "contacts": len(last),
            "median_s": statistics.median(last.values()) if last else None,
            "p90_s": _ninth_decile(list(last.values())),
            "cumulative_median_s": statistics.median(together.values()) if together else None,
            "by_repair": len(ended) - len(own),
            "open": len(ages),
            "open_median_s": statistics.median(ages) if ages else None,
            "km_median_s": _kaplan_meier([_seconds(stay) for stay in own], ages),
        }

    # -- Funnel and cohorts ---

    @cached_property
    def arrived(self) -> dict[int, datetime]:
        """ "first inbound (else first sight) is in the period" """
        found = {contact: self._wrote(contact) or seen for contact, seen in self.seen.items()}
        return {contact: at for contact, at in found.items() if self.slow.within(at)}

    def _wrote(self, contact: int) -> datetime | None:
        return min((at for at, inbound, _ in self.told[contact] if inbound), default=None)

    def _had(self, contact: int) -> set[int]:
        """ "ever had", "up to now" """
        return {spell.label for spell in self.staged[contact] if spell.started_at < self.slow.now}

    def funnel(self) -> dict[int, dict[str, Any]]:
        return {step: self._step(step) for step in sorted(set(self.steps.values()))}

    def _step(self, step: int) -> dict[str, Any]:
        of_step = [label for label, its in self.steps.items() if its == step]
        later = [label for label, its in self.steps.items() if its > step]
        return {
            "contacts": len(self.arrived),
            "reached": self._count([*of_step, *later]),
            "went_through": self._count(of_step),
            "labels": {label: (self._count([label, *later]), self._count([label])) for label in of_step},
        }

    def _count(self, labels: Iterable[int]) -> int:
        wanted = set(labels)
        return sum(bool(self._had(contact) & wanted) for contact in self.arrived)

    def cohorts(self, step: int) -> dict[date | None, dict[str, Any]]:
        """ "share that had reached the step within (w + 1) × 7 days of their own first inbound" """
        weeks: dict[date | None, list[int]] = defaultdict(list)
        for contact, at in self.arrived.items():
            day = local_day(at)
            weeks[None if self._is_of_before(contact) else day - timedelta(days=day.weekday())].append(contact)
        return {week: self._cohort(step, members) for week, members in weeks.items()}

    def _is_of_before(self, contact: int) -> bool:
        """ "known only by import or pairing"; that a label is put on which is on already tells nothing new."""
        opened = LabelEvent.objects.filter(contact=contact, kind="add", effect="opened")
        events = [event for event in opened if self._is_here(event.channel_id)]
        wrote = [m for m in self.slow.messages if m.contact_id == contact and self._is_here(m.channel_id)]
        return not wrote and all(event.origin in ("import", "resync") for event in events)

    def _cohort(self, step: int, members: list[int]) -> dict[str, Any]:
        weeks, cells = 0, []
        while all(self.arrived[contact] + (weeks + 1) * 7 * DAY <= self.slow.now for contact in members):
            weeks += 1
            cells.append(sum(self.has_reached(contact, step, weeks=weeks) for contact in members))
        return {"contacts": len(members), "reached": cells}

    def has_reached(self, contact: int, step: int, *, weeks: int) -> bool:
        until = min(self.arrived[contact] + weeks * 7 * DAY, self.slow.now)
        return any(self.steps[s.label] >= step and s.started_at < until for s in self.staged[contact])


def _seconds(stay: StayRow) -> float:
    assert stay.ended_at is not None
    return (stay.ended_at - stay.started_at).total_seconds()


def _ninth_decile(values: list[float]) -> float | None:
    """Between the two values around the place 0.9 (n - 1)."""
    if len(values) < 2:
        return values[0] if values else None
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def _kaplan_meier(ended: list[float], still_there: list[float]) -> float | None:
    """The first time by which no more than half go on; a stay that is still there counts up to its age."""
    going_on = Fraction(1)
    for time in sorted(set(ended)):
        there = sum(each >= time for each in ended + still_there)
        going_on *= 1 - Fraction(ended.count(time), there)
        if going_on <= Fraction(1, 2):
            return time
    return None
