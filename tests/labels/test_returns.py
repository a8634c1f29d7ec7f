"""Flip-flops, marked on the rows that made them (docs/metrics.md, "Label activity", Flip-flop)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from labels.rules.returns import with_returns
from labels.rules.spells import project
from tests.labels import oracle
from tests.labels.test_spells import COLD, DONE, HOT, LIMITS, STEPS, URGENT, histories, meaning_of, on

DAY = timedelta(days=1).total_seconds()
GROUPS = {HOT: "warmth", COLD: "warmth", DONE: "money", URGENT: "money"}


@settings(max_examples=300, deadline=None)
@given(histories())
def test_any_history_gives_the_returns_that_the_oracle_sees(history: Any) -> None:
    intervals, meanings = history
    projection = project(intervals, meanings, steps=STEPS, limits=LIMITS)
    assert with_returns(projection, groups=GROUPS) == oracle.with_returns(projection, GROUPS)
    assert projection == project(intervals, meanings, steps=STEPS, limits=LIMITS), "it gives rows of its own"


def test_the_other_label_ended_at_that_moment_and_not_another_time() -> None:
    """Cold was on twice, and something else ended when hot came back."""
    intervals = [on(HOT, 0), on(COLD, DAY, 2 * DAY), on(COLD, 3 * DAY, 4 * DAY), on(DONE, DAY, 4 * DAY)]
    projection = project(intervals, meaning_of(intervals), steps=STEPS, limits=LIMITS)
    found = with_returns(projection, groups=GROUPS).clean_spells
    assert [(spell.label, spell.return_to) for spell in found] == [(HOT, None), (COLD, HOT), (COLD, HOT), (DONE, None)]


@pytest.mark.parametrize(("days", "returns"), [(6.99, True), (7, False)])
def test_only_a_return_within_seven_days_is_one(days: float, returns: bool) -> None:
    """By the end of the other label, and by putting on again what was taken off."""
    fell_back = [on(HOT, 0), on(COLD, DAY, (1 + days) * DAY)]
    put_back = [on(HOT, 0, DAY), on(COLD, DAY, DAY + days * DAY - 700), on(HOT, (1 + days) * DAY)]
    for intervals, mark in ((fell_back, "return_to"), (put_back, "is_return")):
        projection = project(intervals, meaning_of(intervals), steps=STEPS, limits=LIMITS)
        found = with_returns(projection, groups=GROUPS)
        assert [stay.is_return for stay in found.stays] == [False, False, returns]
        assert any(getattr(spell, mark) for spell in found.clean_spells) == returns
