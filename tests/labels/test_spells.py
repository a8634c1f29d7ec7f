"""Spells, clean spells and stages, sentence by sentence of docs/metrics.md, and against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labels.rules.spells import (
    CleanSpellRow,
    DatedMeaning,
    IntervalRow,
    Projection,
    SpellLimits,
    StayRow,
    project,
    stage_stays,
)
from tests.labels import oracle
from tests.services_plugin import is_full_run

NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
LIMITS = SpellLimits(mistap=timedelta(seconds=120), hole=timedelta(seconds=600))
LEAD, HOT, COLD, WAITING, DONE, URGENT = 1, 2, 3, 4, 5, 9
STEPS = {LEAD: 1, HOT: 2, COLD: 2, WAITING: 3, DONE: 4}
SARI, BUDI = 71, 72


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def on(label: int, start: float, end: float | None = None, **changes: Any) -> IntervalRow:
    """`label` on from second `start` to `end`, put on and taken off by Sari in WhatsApp; on channel 1 unless said."""
    channel = changes.pop("channel", 1)
    removal = {} if end is None else {"removed_by": SARI, "removed_origin": "live", "removed_reason": "removed"}
    fields: dict[str, Any] = {
        "contact": 8,
        "channel": channel,
        "channel_label": 100 * channel + label,
        "added_at": at(start),
        "removed_at": None if end is None else at(end),
        "origin": "live",
        "agent": SARI,
        "user": None,
        "method": "channel_owner",
    }
    return IntervalRow(**(fields | removal | changes))


def lost(label: int, start: float, end: float, **changes: Any) -> IntervalRow:
    return on(label, start, end, removed_reason="reconcile", removed_origin="reconcile", removed_by=None, **changes)


def meaning_of(intervals: list[IntervalRow]) -> dict[int, list[DatedMeaning]]:
    return {i.channel_label: [DatedMeaning(None, i.channel_label % 100)] for i in intervals}


def derive(*intervals: IntervalRow, meanings: Any = None, limits: SpellLimits = LIMITS) -> Projection:
    meant = meaning_of(list(intervals)) | (meanings or {})
    result = project(intervals, meant, steps=STEPS, limits=limits)
    assert result == oracle.project(intervals, meant, steps=STEPS, limits=limits)
    return result


def seconds(rows: Any) -> list[tuple[int, float, float | None]]:
    """(label, start, end) in seconds after noon."""
    return [
        (row.label, (row.started_at - NOON).total_seconds(), row.ended_at and (row.ended_at - NOON).total_seconds())
        for row in rows
    ]


# -- Spells -----------------------------------------------------------------------------------------------------------


def test_an_interval_is_a_spell_with_its_opener_and_its_remover() -> None:
    (spell,) = derive(on(HOT, 0, 5000, removed_by=BUDI)).spells
    assert (spell.contact, spell.label, spell.channel) == (8, HOT, 1)
    assert (spell.started_at, spell.ended_at) == (at(0), at(5000))
    assert (spell.agent, spell.method, spell.removed_by) == (SARI, "channel_owner", BUDI)
    assert (spell.found, spell.lost, spell.mistap, spell.import_or_resync) == (False, False, False, False)


@pytest.mark.parametrize("second_start", [3000, 5000])
def test_overlapping_or_touching_intervals_are_one_over_all_channels(second_start: int) -> None:
    result = derive(on(HOT, 0, 5000), on(HOT, second_start, 9000, channel=2, agent=BUDI, removed_by=BUDI))
    (spell,) = result.spells
    assert seconds([spell]) == [(HOT, 0, 9000)]
    assert (spell.agent, spell.removed_by, spell.channel) == (SARI, BUDI, 1)


def test_a_spell_stays_open_while_one_channel_holds_it() -> None:
    assert seconds(derive(on(HOT, 0), on(HOT, 10, 5000, channel=2)).spells) == [(HOT, 0, None)]


def test_an_interval_inside_another_changes_neither_end() -> None:
    (spell,) = derive(on(HOT, 0, 9000), on(HOT, 10, 5000, channel=2, removed_by=BUDI)).spells
    assert (seconds([spell]), spell.removed_by) == ([(HOT, 0, 9000)], SARI)


def test_at_equal_times_live_beats_found() -> None:
    (spell,) = derive(on(HOT, 0, origin="resync", agent=None), on(HOT, 0, channel=2)).spells
    assert (spell.found, spell.import_or_resync, spell.channel, spell.agent) == (False, False, 2, SARI)


def test_at_equal_times_the_lower_channel_opens_and_ends() -> None:
    (spell,) = derive(on(HOT, 0, 5000, channel=2), on(HOT, 0, 5000, agent=BUDI, removed_by=BUDI)).spells
    assert (spell.channel, spell.agent, spell.removed_by) == (1, BUDI, BUDI)


def test_at_equal_ends_a_live_removal_beats_a_loss() -> None:
    (spell,) = derive(lost(HOT, 0, 5000), on(HOT, 10, 5000, channel=2, removed_by=BUDI)).spells
    assert (spell.lost, spell.removed_by) == (False, BUDI)


def test_a_spell_knows_when_the_same_label_was_added_the_last_time_before() -> None:
    again = derive(on(HOT, 0, 1000), on(HOT, 5000, 6000), on(COLD, 7000), on(HOT, 8000)).spells
    assert [(s.label, s.added_before) for s in again] == [(HOT, None), (HOT, at(0)), (HOT, at(5000)), (COLD, None)]


def test_a_found_spell_was_not_added_and_is_nothing_that_was_added_before() -> None:
    spells = derive(on(HOT, 0, 1000), on(HOT, 5000, 6000, origin="resync"), on(HOT, 8000)).spells
    assert [spell.added_before for spell in spells] == [None, None, at(0)]


@pytest.mark.parametrize(("origin", "ranks_below"), [("resync", True), ("import", True), ("reconcile", False)])
def test_found_opens_credit_nobody(origin: str, ranks_below: bool) -> None:
    (spell,) = derive(on(HOT, 0, origin=origin, user=5)).spells
    assert spell.found
    assert (spell.agent, spell.user, spell.method) == (None, None, "unknown")
    assert spell.import_or_resync is ranks_below


def test_a_label_set_from_the_crm_is_live() -> None:
    (spell,) = derive(on(HOT, 0, origin="crm", user=5, method="crm_user")).spells
    assert (spell.found, spell.user, spell.method) == (False, 5, "crm_user")


@pytest.mark.parametrize(
    ("reason", "origin"), [("label_deleted", ""), ("reconcile", "reconcile"), ("removed", "resync"), ("erased", "live")]
)
def test_an_end_without_a_live_removal_is_lost_and_blames_nobody(reason: str, origin: str) -> None:
    (spell,) = derive(on(HOT, 0, 5000, removed_reason=reason, removed_origin=origin)).spells
    assert (spell.lost, spell.removed_by) == (True, None)


@pytest.mark.parametrize(("start", "end", "count"), [(0, 0, 0), (0.2, 0.9, 0), (0.2, 1.1, 1), (0, 1, 1), (0, 60, 1)])
def test_added_and_removed_in_the_same_second_makes_no_spell(start: float, end: float, count: int) -> None:
    assert len(derive(on(HOT, start, end)).spells) == count


# -- Meanings ---------------------------------------------------------------------------------------------------------


def test_a_new_meaning_ends_the_old_spell_as_lost_and_starts_the_new_one_as_found() -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(3000), COLD)]}
    hot, cold = derive(on(HOT, 0, 5000), meanings=meanings).spells
    assert seconds([hot, cold]) == [(HOT, 0, 3000), (COLD, 3000, 5000)]
    assert (hot.found, hot.lost, hot.agent, hot.removed_by) == (False, True, SARI, None)
    assert (cold.found, cold.lost, cold.agent, cold.removed_by) == (True, False, None, SARI)


def test_a_meaning_change_to_the_same_label_splits_nothing() -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(3000), HOT)]}
    assert seconds(derive(on(HOT, 0, 5000), meanings=meanings).spells) == [(HOT, 0, 5000)]
    meanings[100 + HOT].append(DatedMeaning(at(4000), COLD))
    assert seconds(derive(on(HOT, 0, 5000), meanings=meanings).spells) == [(HOT, 0, 4000), (COLD, 4000, 5000)]


@pytest.mark.parametrize("since", [-10, 0])
def test_a_meaning_from_before_the_add_is_simply_what_was_added(since: int) -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(since), COLD)]}
    (spell,) = derive(on(HOT, 0), meanings=meanings).spells
    assert (spell.label, spell.found, spell.agent) == (COLD, False, SARI)


@pytest.mark.parametrize("since", [5000, 6000])
def test_a_meaning_from_after_the_removal_changes_nothing(since: int) -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(since), COLD)]}
    (spell,) = derive(on(HOT, 0, 5000), meanings=meanings).spells
    assert (spell.label, spell.lost) == (HOT, False)


def test_a_label_that_comes_to_mean_what_another_channel_has_joins_its_spell() -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(3000), COLD)]}
    result = derive(on(HOT, 0), on(COLD, 1000, channel=2, agent=BUDI), meanings=meanings)
    assert seconds(result.spells) == [(HOT, 0, 3000), (COLD, 1000, None)]
    assert result.spells[1].agent == BUDI


def test_the_first_meaning_holds_from_the_beginning_even_when_it_is_dated() -> None:
    meanings = {100 + HOT: [DatedMeaning(at(3000), HOT), DatedMeaning(at(4000), COLD)]}
    assert seconds(derive(on(HOT, 0), meanings=meanings).spells) == [(HOT, 0, 4000), (COLD, 4000, None)]


def test_a_piece_begun_by_a_meaning_is_not_ranked_as_imported() -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(3000), COLD)]}
    hot, cold = derive(on(HOT, 0, origin="import"), meanings=meanings).spells
    assert (hot.import_or_resync, cold.import_or_resync) == (True, False)


def test_a_whatsapp_label_without_a_meaning_is_an_error() -> None:
    with pytest.raises(KeyError):
        project([on(HOT, 0)], {}, steps=STEPS, limits=LIMITS)


# -- Mistaps and clean spells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "mistap"), [(1, True), (120, True), (121, False)])
def test_taken_off_by_the_same_actor_within_the_limit_is_a_mistap_and_no_clean_spell(length: int, mistap: bool) -> None:
    result = derive(on(HOT, 0, length))
    assert [spell.mistap for spell in result.spells] == [mistap]
    assert len(result.clean_spells) == (0 if mistap else 1)


def test_what_another_agent_took_off_at_once_is_no_mistap() -> None:
    assert [s.mistap for s in derive(on(HOT, 0, 60, removed_by=BUDI)).spells] == [False]


def test_unknown_actors_on_one_channel_count_as_the_same() -> None:
    assert [s.mistap for s in derive(on(HOT, 0, 60, agent=None, removed_by=None)).spells] == [True]


def test_an_unknown_actor_is_not_a_known_one() -> None:
    assert [s.mistap for s in derive(on(HOT, 0, 60, agent=None)).spells] == [False]


@pytest.mark.parametrize(("remover", "mistap"), [(5, True), (6, False), (None, False)])
def test_without_an_agent_the_user_is_the_actor(remover: int | None, mistap: bool) -> None:
    spell = derive(on(HOT, 0, 60, agent=None, user=5, removed_by=None, removed_by_user=remover)).spells[0]
    assert spell.mistap is mistap


def test_put_on_at_one_channel_and_gone_from_another_is_no_mistap() -> None:
    result = derive(on(HOT, 0, 40), on(HOT, 30, 60, channel=2))
    assert [(s.mistap) for s in result.spells] == [False]


@pytest.mark.parametrize(
    "changes", [{"origin": "resync"}, {"removed_reason": "reconcile", "removed_origin": "reconcile"}]
)
def test_what_was_found_or_lost_is_no_mistap(changes: dict[str, str]) -> None:
    result = derive(on(HOT, 0, 60, **changes))
    assert [s.mistap for s in result.spells] == [False]
    assert len(result.clean_spells) == 1


@pytest.mark.parametrize(("gap", "count"), [(119, 1), (120, 2)])
def test_taken_off_and_put_back_in_under_two_minutes_is_one_clean_spell(gap: int, count: int) -> None:
    result = derive(on(HOT, 0, 1000), on(HOT, 1000 + gap, 5000, agent=BUDI, removed_by=BUDI))
    assert len(result.spells) == 2
    assert len(result.clean_spells) == count
    assert (result.clean_spells[0].agent, result.clean_spells[-1].removed_by) == (SARI, BUDI)


def test_a_gap_made_or_ended_by_repair_is_not_bridged() -> None:
    assert len(derive(lost(HOT, 0, 1000), on(HOT, 1060)).clean_spells) == 2
    assert len(derive(on(HOT, 0, 1000), on(HOT, 1060, origin="reconcile")).clean_spells) == 2


def test_mistaps_are_dropped_after_bridging() -> None:
    """Two quick taps that together last are a label that was meant; two that together are quick are none."""
    assert seconds(derive(on(HOT, 0, 50), on(HOT, 100, 5000)).clean_spells) == [(HOT, 0, 5000)]
    quick = derive(on(HOT, 0, 40), on(HOT, 60, 100))
    assert [s.mistap for s in quick.spells] == [True, True]
    assert quick.clean_spells == []


def test_a_chain_of_short_gaps_is_one_clean_spell() -> None:
    intervals = [on(HOT, start, start + 100) for start in range(0, 1000, 200)]
    assert seconds(derive(*intervals).clean_spells) == [(HOT, 0, 900)]


def test_a_found_spell_between_two_live_ones_keeps_them_apart() -> None:
    between = lost(HOT, 1020, 1040, channel=2, origin="reconcile")
    assert len(derive(on(HOT, 0, 1000), between, on(HOT, 1060, 5000)).clean_spells) == 3


# -- Stages -----------------------------------------------------------------------------------------------------------


def stays(*intervals: IntervalRow) -> list[StayRow]:
    return derive(*intervals).stays


def test_the_latest_started_stage_label_is_the_stage() -> None:
    assert seconds(stays(on(LEAD, 0), on(HOT, 1000))) == [(LEAD, 0, 1000), (HOT, 1000, None)]


def test_a_label_without_a_step_is_no_stage() -> None:
    assert stays(on(URGENT, 0)) == []


def test_falling_back_belongs_to_who_took_the_newer_label_off() -> None:
    """It is dated when the newer label ended."""
    result = stays(on(LEAD, 0), on(HOT, 1000, 5000, removed_by=BUDI))
    assert seconds(result) == [(LEAD, 0, 1000), (HOT, 1000, 5000), (LEAD, 5000, None)]
    assert [stay.agent for stay in result] == [SARI, SARI, BUDI]
    assert not any(stay.start_by_repair or stay.end_by_repair for stay in result)


def test_removing_an_older_label_moves_nothing() -> None:
    assert seconds(stays(on(LEAD, 0, 2000), on(HOT, 1000))) == [(LEAD, 0, 1000), (HOT, 1000, None)]


@pytest.mark.parametrize("origin", ["resync", "import"])
def test_what_was_resynced_or_imported_ranks_below_all_others(origin: str) -> None:
    result = stays(on(LEAD, 0), on(DONE, 1000, origin=origin, agent=None), on(HOT, 2000, 3000))
    assert seconds(result) == [(LEAD, 0, 2000), (HOT, 2000, 3000), (LEAD, 3000, None)]


def test_what_a_pull_found_ranks_by_its_time_and_moves_by_repair() -> None:
    result = stays(on(LEAD, 0), on(DONE, 1000, origin="reconcile", agent=None))
    assert seconds(result) == [(LEAD, 0, 1000), (DONE, 1000, None)]
    assert [(stay.start_by_repair, stay.end_by_repair) for stay in result] == [(False, True), (True, False)]
    assert result[1].agent is None


def test_among_imported_labels_the_higher_step_wins_then_the_lower_id() -> None:
    imported = {"origin": "import", "agent": None}
    assert seconds(stays(on(LEAD, 0, **imported), on(DONE, 0, **imported))) == [(DONE, 0, None)]
    assert seconds(stays(on(COLD, 0, **imported), on(HOT, 0, **imported))) == [(HOT, 0, None)]


def test_a_lost_stage_ends_by_repair() -> None:
    (stay,) = stays(lost(HOT, 0, 5000))
    assert (stay.start_by_repair, stay.end_by_repair) == (False, True)


def test_a_mapping_from_a_date_moves_by_repair() -> None:
    meanings = {100 + HOT: [DatedMeaning(None, HOT), DatedMeaning(at(3000), DONE)]}
    result = derive(on(HOT, 0), meanings=meanings).stays
    assert seconds(result) == [(HOT, 0, 3000), (DONE, 3000, None)]
    assert (result[0].end_by_repair, result[1].start_by_repair, result[1].agent) == (True, True, None)


@pytest.mark.parametrize(("gap", "first_end"), [(0, 1000), (1, 1001), (599, 1599), (600, 1000)])
def test_the_time_between_a_removal_and_an_add_belongs_to_the_old_stage(gap: int, first_end: int) -> None:
    assert seconds(stays(on(HOT, 0, 1000), on(WAITING, 1000 + gap))) == [
        (HOT, 0, first_end),
        (WAITING, 1000 + gap, None),
    ]


def test_a_hole_belongs_to_the_old_stage_also_when_an_older_label_was_active_in_it() -> None:
    result = stays(on(LEAD, 0), on(HOT, 100, 1000), on(WAITING, 1300))
    assert seconds(result) == [(LEAD, 0, 100), (HOT, 100, 1300), (WAITING, 1300, None)]
    assert [stay.agent for stay in result] == [SARI] * 3


def test_a_hole_is_not_left_when_the_older_label_goes_too() -> None:
    result = stays(on(LEAD, 0, 1100), on(HOT, 100, 1000), on(WAITING, 1300))
    assert seconds(result) == [(LEAD, 0, 100), (HOT, 100, 1300), (WAITING, 1300, None)]


def test_the_same_label_coming_back_is_no_transition() -> None:
    assert seconds(stays(on(HOT, 0, 1000), on(HOT, 1300))) == [(HOT, 0, None)]
    assert seconds(stays(on(LEAD, 0), on(HOT, 50, 1000), on(HOT, 1300))) == [(LEAD, 0, 50), (HOT, 50, None)]
    assert seconds(stays(on(HOT, 0, 1000), on(HOT, 1600))) == [(HOT, 0, 1000), (HOT, 1600, None)]


def test_a_stage_that_was_lost_leaves_no_hole() -> None:
    assert seconds(stays(lost(HOT, 0, 1000), on(WAITING, 1300))) == [(HOT, 0, 1000), (WAITING, 1300, None)]


def test_a_found_label_ends_no_hole() -> None:
    found = on(WAITING, 1300, origin="reconcile")
    assert seconds(stays(on(HOT, 0, 1000), found)) == [(HOT, 0, 1000), (WAITING, 1300, None)]


def test_a_found_label_inside_a_hole_is_passed_over() -> None:
    result = stays(on(HOT, 0, 1000), on(COLD, 1100, origin="reconcile"), on(WAITING, 1300))
    assert seconds(result) == [(HOT, 0, 1300), (WAITING, 1300, None)]


def test_holes_follow_one_another() -> None:
    result = stays(on(LEAD, 0, 1000), on(HOT, 1500, 2000), on(WAITING, 2500, 3000))
    assert seconds(result) == [(LEAD, 0, 1500), (HOT, 1500, 2500), (WAITING, 2500, 3000)]


def test_a_mistap_is_no_stage() -> None:
    assert seconds(stays(on(LEAD, 0), on(HOT, 1000, 1030))) == [(LEAD, 0, None)]


def test_an_ended_stage_with_nothing_after_it_is_no_stage() -> None:
    assert seconds(stays(on(HOT, 0, 1000))) == [(HOT, 0, 1000)]


def test_no_intervals_are_no_rows() -> None:
    assert derive() == Projection([], [], [])


def test_limits_are_arguments() -> None:
    short = SpellLimits(mistap=timedelta(seconds=10), hole=timedelta(seconds=30), bridge=timedelta(seconds=5))
    result = derive(on(HOT, 0, 60), on(HOT, 66, 1000), on(DONE, 1031), limits=short)
    assert [s.mistap for s in result.spells] == [False, False, False]
    assert seconds(result.stays) == [(HOT, 0, 1000), (DONE, 1031, None)]


# -- Any history ------------------------------------------------------------------------------------------------------

MOMENTS = st.one_of(st.integers(0, 40).map(lambda n: n * 60.0), st.integers(0, 2500).map(float)) | st.sampled_from(
    [0.2, 0.7, 60.5, 119.9, 720.1]
)
ORIGINS = st.sampled_from(["live", "live", "live", "crm", "resync", "reconcile", "import"])
ENDS = st.sampled_from(
    [("removed", "live")] * 4
    + [("removed", "crm"), ("removed", "resync"), ("reconcile", "reconcile"), ("label_deleted", "")]
)
ACTORS = st.sampled_from([None, SARI, BUDI])


History: TypeAlias = tuple[list[IntervalRow], dict[int, list[DatedMeaning]]]


@st.composite
def intervals_of_a_key(draw: st.DrawFn, channel: int, label: int) -> list[IntervalRow]:
    times = sorted(draw(st.lists(MOMENTS, max_size=7)))
    found = []
    for start, end in [*zip(times[::2], times[1::2], strict=False), *([(times[-1], None)] if len(times) % 2 else [])]:
        reason, origin = draw(ENDS)
        fields: dict[str, Any] = {
            "origin": draw(ORIGINS),
            "agent": draw(ACTORS),
            "user": draw(st.sampled_from([None, 5])),
        }
        if end is not None:
            fields |= {"removed_by": draw(ACTORS), "removed_by_user": draw(st.sampled_from([None, 5]))}
            fields |= {"removed_reason": reason, "removed_origin": origin}
        found.append(on(label, start, end, channel=channel, **fields))
    return found


@st.composite
def histories(draw: st.DrawFn) -> History:
    """The intervals of one contact, in any order, and what their labels meant."""
    keys = draw(st.sets(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([*STEPS, URGENT])), max_size=5))
    intervals = [interval for key in sorted(keys) for interval in draw(intervals_of_a_key(*key))]
    meanings = meaning_of(intervals)
    for key in meanings:
        changes = draw(st.dictionaries(MOMENTS, st.sampled_from([*STEPS, URGENT]), max_size=2))
        meanings[key] += [DatedMeaning(at(since), label) for since, label in sorted(changes.items())]
    return draw(st.permutations(intervals)), meanings


@settings(max_examples=3000 if is_full_run() else 200, deadline=None)
@given(histories())
@example(([on(HOT, 0, 0), on(HOT, 0)], {100 + HOT: [DatedMeaning(None, HOT)]}))
def test_any_history_gives_what_the_oracle_sees(
    history: History,
) -> None:
    intervals, meanings = history
    expected = oracle.project(intervals, meanings, steps=STEPS, limits=LIMITS)
    assert project(intervals, meanings, steps=STEPS, limits=LIMITS) == expected


@settings(deadline=None)
@given(histories())
def test_rows_come_in_the_order_of_their_keys_and_never_overlap(history: Any) -> None:
    intervals, meanings = history
    result = project(intervals, meanings, steps=STEPS, limits=LIMITS)
    for rows in (result.spells, result.clean_spells):
        assert [row[:3] for row in rows] == sorted({row[:3] for row in rows})
        for row, following in pairwise(rows):
            if row.label == following.label:
                assert row.ended_at is not None
                assert row.ended_at < following.started_at
    for stay, after in pairwise(result.stays):
        assert stay.ended_at is not None
        assert stay.started_at < stay.ended_at <= after.started_at


@settings(deadline=None)
@given(histories(), MOMENTS)
def test_active_plus_net_is_active(history: Any, moment: float) -> None:
    """Active(from) + Added + Found - Removed - Lost = Active(to), exactly, from the beginning up to any moment."""
    intervals, meanings = history
    rows = project(intervals, meanings, steps=STEPS, limits=LIMITS).spells
    started = [row for row in rows if row.started_at < at(moment)]
    ended = [row for row in rows if row.ended_at is not None and row.ended_at < at(moment)]
    active = [row for row in rows if row.started_at < at(moment) and not (row.ended_at and row.ended_at < at(moment))]
    assert len(started) - len(ended) == len(active)


@settings(deadline=None)
@given(histories())
def test_outside_of_holes_the_stage_is_the_best_active_label(history: Any) -> None:
    intervals, meanings = history
    none = SpellLimits(mistap=LIMITS.mistap, hole=timedelta(0))
    clean: list[CleanSpellRow] = project(intervals, meanings, steps=STEPS, limits=LIMITS).clean_spells
    rows = stage_stays(clean, steps=STEPS, limits=none)
    for spell in clean:
        best = oracle.stage_from(clean, spell.started_at, STEPS)
        shown = [
            row.label
            for row in rows
            if row.started_at <= spell.started_at and not (row.ended_at and row.ended_at <= spell.started_at)
        ]
        assert shown == ([best.label] if best else [])
