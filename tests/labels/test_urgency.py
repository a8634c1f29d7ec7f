"""What a day over a label's limit costs, and when "still right" must say why."""

from __future__ import annotations

import pytest

from labels.rules.taxonomy import LABELS
from labels.rules.urgency import VALUE_OF_HELP, needs_reason, value


def test_the_standard_labels_in_the_order_of_what_forgetting_them_costs() -> None:
    worth = {
        (label.name_en or label.name): value(
            step=label.step, high_quality=label.high, low_quality=label.low, meaning=label.meaning
        )
        for label in LABELS
    }
    assert worth == {
        "Grade A": 6, "Hot prospect": 6, "Loyal customer": 6, "Done": 5, "Waiting payment": 4, "Complain": 4,
        "Urgent": 4, "Grade B": 3, "Grade C": 3, "New inquiry": 2, "Cold prospect": 1, "After sales": 1,
    }  # fmt: skip


def test_who_waits_for_help_counts_the_same_whatever_else_the_label_says() -> None:
    assert value(step=9, high_quality=True, low_quality=False, meaning="complaint") == VALUE_OF_HELP


@pytest.mark.parametrize(("high", "before", "asked"), [(False, 0, False), (False, 1, True), (True, 0, True)])
def test_a_reason_is_asked_for_what_is_worth_most_and_for_the_second_time(high: bool, before: int, asked: bool) -> None:
    assert needs_reason(high_quality=high, said_before=before) == asked
