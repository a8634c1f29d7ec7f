"""First replies, batches and flip-flops of each CS, the slow way: one contact, one label after the other.

Rules are quoted from docs/metrics.md.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from labels.models import Label
from tests.labels import oracle
from tests.reports.recorded import limits
from tests.reports.slow import Slow, percentile


def replies(slow: Slow, agent: int) -> dict[str, Any]:
    """ "first inbound → first outbound on that channel … no reply counted apart" """
    waits = []
    arrived = slow.arrivals(agent)
    for contact, (at, channel) in arrived.items():
        out = [
            m.at - at
            for m in slow.messages
            if (m.contact_id, m.channel_id) == (contact, channel) and m.from_me and not m.history and m.at >= at
        ]
        waits += [min(out).total_seconds()] if out else []
    waits.sort()
    return {
        "first_replied": len(waits),
        "unreplied": len(arrived) - len(waits),
        "first_reply_median_s": statistics.median(waits) if waits else None,
        "first_reply_p90_s": percentile(waits, 0.9),
    }


def batches(slow: Slow, agent: int, *, most: int, window: timedelta) -> dict[str, int]:
    """ "any 5-minute window with 15 or more; touching windows are one batch" """
    put_on = sorted(s.started_at for s in slow.spells if s.agent == agent and not s.found)
    full = [at for at in put_on if sum(at <= other < at + window for other in put_on) >= most]
    begun = [at for n, at in enumerate(full) if n == 0 or at > full[n - 1] + window]
    inside = [at for at in put_on if any(start <= at < start + window for start in full)]
    return {"batches": sum(map(slow.within, begun)), "batch_labels": sum(map(slow.within, inside))}


def flip_flops(slow: Slow, agent: int | None) -> int:
    """ "stage, or member of an exclusive group, goes A → B → A within 7 days … credited to who returned it" """
    found: dict[tuple[int, datetime, int], set[int | None]] = defaultdict(set)
    by_contact: dict[int, list[Any]] = defaultdict(list)
    for interval in slow.here:
        by_contact[interval.contact].append(interval)
    for contact, history in by_contact.items():
        for steps, by_whom in _histories(slow, history):
            for _, at, label in oracle.returns(steps):
                if slow.within(at) and _chosen(slow, contact, label, at):
                    found[contact, at, label].add(by_whom[at, label])
    return sum(min(who - {None}, default=None) == agent for who in found.values())


def _chosen(slow: Slow, contact: int, label: int, at: datetime) -> bool:
    if slow.labels is not None and label not in slow.labels:
        return False
    known = [s for s in slow.clean if (s.contact, s.label, s.started_at) == (contact, label, at)]
    return bool(known) or not slow.certain


def _histories(slow: Slow, history: list[Any]) -> Iterator[tuple[list[oracle.Step], dict[oracle.Step, int | None]]]:
    """What a contact was, in turn: its stages, and of each exclusive group the label that came last; and by whom."""
    labels = {label.pk: label for label in Label.all_objects.all()}
    stages = {pk: label.step for pk, label in labels.items() if label.step is not None}
    told = oracle.project(history, slow.meanings, steps=stages, limits=limits())
    stays = [(stay.started_at, stay.label) for stay in told.stays]
    yield stays, {step: stay.agent for step, stay in zip(stays, told.stays, strict=True)}
    for group in {labels[s.label].exclusive_group for s in told.clean_spells} - {""}:
        spells = [s for s in told.clean_spells if labels[s.label].exclusive_group == group]
        steps = oracle.members(spells)
        yield steps, {step: _who(spells, step) for step in steps}


def _who(spells: list[Any], step: oracle.Step) -> int | None:
    """Who put the label on then, else who took another off."""
    at, label = step
    put_on = [s.agent for s in spells if (s.started_at, s.label) == (at, label)]
    return (put_on or [s.removed_by for s in spells if s.ended_at == at] or [None])[0]
