"""Who sees a contact's history otherwise than the whole business does: teams and channels that see a part of it.

Filters choose intervals before they are joined (docs/metrics.md, "Ground rules", Filters), so what a team or a channel
sees of a contact who is known on several of them is joined for itself. Of everybody else it sees what all see.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from labels.rules.spells import IntervalRow

WHOLE = 0

# How far a contact's history reaches: which scopes see all of it.
ONE_CHANNEL = 1  # its channel, the channel's team, the whole business
ONE_TEAM = 2  # its team and the whole business; each of its channels sees a part
SEVERAL_TEAMS = 3  # the whole business alone


def of_team(team: int) -> int:
    """The scope of a team, as it stands in projections."""
    return team


def of_channel(channel: int) -> int:
    """The scope of a channel, as it stands in projections."""
    return -channel


class View(NamedTuple):
    """What one scope sees of a contact, where that is not everything."""

    scope: int
    intervals: list[IntervalRow]


def views(
    history: Sequence[IntervalRow], *, teams: Mapping[int, int | None], everywhere: Collection[int] = ()
) -> tuple[int, list[View]]:
    """How far the history of one contact reaches, and the views that differ from the whole, in the order of scopes.

    `teams` holds the team of each channel (ids); `everywhere` the channels whose labels every scope sees that sees the
    contact, because they exist in the CRM alone. Such a channel by itself sees its own labels only.
    """
    channels = {interval.channel for interval in history}
    if len(channels) < 2:  # nearly everybody
        return ONE_CHANNEL, []
    own = sorted(channels.difference(everywhere))
    groups = {teams.get(channel) for channel in own}
    shared = len(own) > 0 and any(interval.channel in everywhere for interval in history)
    if len(own) < 2 and not shared:
        return ONE_CHANNEL, []
    reach = ONE_TEAM if len(groups) == 1 and not shared else SEVERAL_TEAMS
    found = [View(of_channel(channel), _seen(history, {channel}, everywhere)) for channel in own]
    found += [View(of_channel(channel), _seen(history, {channel}, ())) for channel in channels.intersection(everywhere)]
    if reach == SEVERAL_TEAMS:
        found += [
            View(of_team(team), _seen(history, {c for c in own if teams.get(c) == team}, everywhere))
            for team in groups
            if team is not None
        ]
    return reach, sorted(found)


def _seen(history: Sequence[IntervalRow], channels: Collection[int], everywhere: Collection[int]) -> list[IntervalRow]:
    return [interval for interval in history if interval.channel in channels or interval.channel in everywhere]


def counted_in(channel: int, reach: int, *, teams: Mapping[int, int | None]) -> list[int]:
    """The scopes that count a row of the whole business which began on `channel` and reaches so far."""
    scopes = [WHOLE]
    if reach <= ONE_TEAM and (team := teams.get(channel)) is not None:
        scopes.append(of_team(team))
    if reach == ONE_CHANNEL:
        scopes.append(of_channel(channel))
    return scopes
