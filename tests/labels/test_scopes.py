"""Who sees a contact's history otherwise than the whole business. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from labels.rules.scopes import (
    ONE_CHANNEL,
    ONE_TEAM,
    SEVERAL_TEAMS,
    WHOLE,
    counted_in,
    of_channel,
    of_team,
    views,
)
from labels.rules.spells import IntervalRow

NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
# Channels 1 and 2 are team 7's, 3 is team 8's, 4 is nobody's, 5 is the one of labels that exist in the CRM alone.
TEAMS = {1: 7, 2: 7, 3: 8, 4: None, 5: None}
CRM = {5}


def on(*channels: int) -> list[IntervalRow]:
    return [
        IntervalRow(1, channel, 10 + n, NOON, None, "live", None, None, "unknown") for n, channel in enumerate(channels)
    ]


def seen(*channels: int) -> tuple[int, dict[int, list[int]]]:
    """How far a history on these channels reaches, and the channels of what each scope sees."""
    reach, found = views(on(*channels), teams=TEAMS, everywhere=CRM)
    assert [view.scope for view in found] == sorted(view.scope for view in found)
    return reach, {view.scope: [interval.channel for interval in view.intervals] for view in found}


@pytest.mark.parametrize("channels", [(), (1,), (1, 1), (4,), (5,), (5, 5)])
def test_who_is_known_on_one_channel_is_seen_alike_by_all(channels: tuple[int, ...]) -> None:
    assert seen(*channels) == (ONE_CHANNEL, {})


def test_channels_of_one_team_see_their_part_and_the_team_all() -> None:
    assert seen(1, 2, 1) == (ONE_TEAM, {of_channel(1): [1, 1], of_channel(2): [2]})


def test_two_teams_see_their_part_each() -> None:
    reach, found = seen(1, 2, 3)
    assert reach == SEVERAL_TEAMS
    assert found == {of_channel(1): [1], of_channel(2): [2], of_channel(3): [3], of_team(7): [1, 2], of_team(8): [3]}


def test_a_channel_without_a_team_makes_no_scope_of_a_team() -> None:
    assert seen(3, 4) == (SEVERAL_TEAMS, {of_channel(3): [3], of_channel(4): [4], of_team(8): [3]})


def test_two_channels_without_a_team_are_no_team() -> None:
    """They share nothing but the lack of one: whoever sees the one need not see the other."""
    reach, found = views(on(4, 6), teams=TEAMS | {6: None})
    assert reach == ONE_TEAM, "no team counts their rows, and each channel has its own"
    assert [view.scope for view in found] == [of_channel(6), of_channel(4)]
    assert counted_in(4, reach, teams=TEAMS) == [WHOLE]


def test_what_exists_in_the_crm_alone_is_seen_by_everybody_who_sees_the_contact() -> None:
    crm = {of_channel(5): [5]}
    assert seen(1, 5) == (SEVERAL_TEAMS, {of_channel(1): [1, 5], of_team(7): [1, 5]} | crm)


@pytest.mark.parametrize(
    ("channel", "reach", "scopes"),
    [
        (1, ONE_CHANNEL, [WHOLE, of_team(7), of_channel(1)]),
        (1, ONE_TEAM, [WHOLE, of_team(7)]),
        (1, SEVERAL_TEAMS, [WHOLE]),
        (4, ONE_CHANNEL, [WHOLE, of_channel(4)]),
    ],
)
def test_a_row_of_the_whole_counts_for_whoever_sees_all_of_it(channel: int, reach: int, scopes: list[int]) -> None:
    assert counted_in(channel, reach, teams=TEAMS) == scopes


def test_no_team_is_taken_for_a_channel() -> None:
    assert len({WHOLE, *map(of_team, range(1, 50)), *map(of_channel, range(1, 50))}) == 99
