"""Label activity by anything, the slow way: the intervals of each row joined for themselves, spells counted one by one.

Rules are quoted from docs/metrics.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from labels.models import Label
from labels.rules.spells import DatedMeaning
from tests.reports.recorded import ZONE
from tests.reports.slow import Slow

DAY = timedelta(days=1)
NOT_CHOSEN = -1
NO_CATEGORY = -2

Found = dict[Any, tuple[list[Any], list[Any]]]
"""Of each row its spells, and its labels put on and taken off in one second."""


def activity_rows(slow: Slow, by: str) -> dict[Any, dict[str, int]]:
    """Every figure of every row that has any; of days, of all of them."""
    if by == "day":
        return dict(_by_day(slow))
    counted = {row: figures(slow, *found) for row, found in _FOUND[by](slow).items()}
    return {row: counts for row, counts in counted.items() if any(counts.values())}


def figures(slow: Slow, spells: Iterable[Any], instants: Iterable[Any]) -> dict[str, int]:
    spells = list(spells)
    found = slow.activity(spells)
    found["net_by_people"] = found["added"] - found["removed"]
    found["added_contacts"] = len({s.contact for s in spells if slow.within(s.started_at) and not s.found})
    found["instant_mistaps"] = sum(slow.within(i.added_at) for i in instants)
    return found


def _rows(spells: Iterable[Any], instants: Iterable[Any], row: Callable[[Any], Any], of: Callable[[Any], Any]) -> Found:
    found: Found = {}
    for spell in spells:
        found.setdefault(row(spell), ([], []))[0].append(spell)
    for instant in instants:
        found.setdefault(of(instant), ([], []))[1].append(instant)
    return found


def _by_label(slow: Slow) -> Found:
    alone = slow.labels is not None
    return _rows(
        slow.spells,
        slow.all_instants,
        lambda s: slow.row_of(s.label, alone=alone),
        lambda i: slow.row_of(slow.meant(i), alone=alone),
    )


def _by_agent(slow: Slow) -> Found:
    return _rows(slow.spells, slow.all_instants, lambda s: s.agent, lambda i: i.agent)


def _by_category(slow: Slow) -> Found:
    """ "Category … rows are joined anew": as if every label of a category were one label."""
    categories = {label.pk: label.category for label in Label.all_objects.select_related("category")}
    codes = {category.pk: category.code for category in categories.values() if category} | {NO_CATEGORY: None}

    def instead(label: int) -> int:
        if slow.labels is not None and label not in slow.labels:
            return NOT_CHOSEN
        category = categories[label]
        return category.pk if category else NO_CATEGORY

    meanings = {
        channel_label: [DatedMeaning(m.since, instead(m.label)) for m in meant]
        for channel_label, meant in slow.meanings.items()
    }
    joined = [s for s in slow.joined(slow.here, meanings) if s.label != NOT_CHOSEN and slow.chosen_by_opener(s)]
    return _rows(joined, slow.all_instants, lambda s: codes[s.label], lambda i: codes[instead(slow.meant(i))])


def _by_channel(slow: Slow) -> Found:
    return _by_group(slow, {pk: channel.key for pk, channel in slow.channel.items()})


def _by_team(slow: Slow) -> Found:
    return _by_group(slow, {pk: channel.team_id for pk, channel in slow.channel.items()})


def _by_group(slow: Slow, rows: dict[int, Any]) -> Found:
    """ "channel … chooses intervals before joining": those of each row's channels alone"""
    found: Found = {}
    for row in dict.fromkeys(rows.values()):
        own = {pk for pk, its in rows.items() if its == row}
        spells = slow.joined([i for i in slow.here if i.channel in own])
        found[row] = ([s for s in spells if slow.chosen(s)], [i for i in slow.all_instants if i.channel in own])
    return found


def _by_day(slow: Slow) -> Iterable[tuple[date, dict[str, int]]]:
    """Each day by itself, as much of it as lies in the period."""
    start = slow.start
    while start < slow.end:
        local = start.astimezone(ZONE).date()
        end = min(datetime.combine(local + DAY, datetime.min.time(), ZONE), slow.end)
        yield local, figures(slow.over(start, end, slow.now), slow.spells, slow.all_instants)
        start = end


_FOUND: dict[str, Callable[[Slow], Found]] = {
    "label": _by_label,
    "category": _by_category,
    "channel": _by_channel,
    "team": _by_team,
    "agent": _by_agent,
}


def hours_of(slow: Slow) -> dict[str, Counter[Any]]:
    """Messages in, and labels put on, by weekday and hour of the business's time zone."""
    here = slow.channels if slow.channels is not None else set(slow.channel)
    written = [m for m in slow.messages if not m.from_me and not m.history and slow.within(m.at)]
    written = [m for m in written if m.channel_id in here]
    added = [s for s in slow.spells if not s.found and slow.within(s.started_at)]
    return {"inbound": Counter(_hour(m.at) for m in written), "added": Counter(_hour(s.started_at) for s in added)}


def _hour(at: datetime) -> tuple[int, int]:
    local = at.astimezone(ZONE)
    return local.weekday(), local.hour
