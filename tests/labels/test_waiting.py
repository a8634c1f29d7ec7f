"""What waiting costs: value × limits passed, up to a bound."""

from __future__ import annotations

from datetime import timedelta

from labels.rules.waiting import MOST, cost

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_twice_as_late_costs_twice_as_much() -> None:
    assert cost(value=3, over=2 * HOUR, patience=HOUR) == 2 * cost(value=3, over=HOUR, patience=HOUR)


def test_more_value_costs_more() -> None:
    assert cost(value=6, over=DAY, patience=DAY) > cost(value=4, over=DAY, patience=DAY)


def test_an_answer_a_day_late_comes_before_a_label_a_week_over() -> None:
    assert cost(value=1, over=DAY, patience=HOUR) > cost(value=6, over=7 * DAY, patience=7 * DAY)


def test_beyond_the_bound_waiting_costs_no_more() -> None:
    assert cost(value=2, over=400 * DAY, patience=HOUR) == 2 * MOST


def test_what_is_not_late_yet_costs_nothing() -> None:
    assert cost(value=6, over=-HOUR, patience=HOUR) == 0
