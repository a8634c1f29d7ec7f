"""What a campaign cost, by period, and how the one number of files and the API stays in step with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from contacts.models import Campaign, CampaignCost
from contacts.services.campaigns import create_campaign, save_costs, update_campaign
from labelcrm.core.models import AuditEntry
from reports.selectors.campaigns import cost_in
from reports.selectors.periods import Period, midnight
from transfer.imports.campaigns import write_campaigns
from transfer.imports.files import ImportBatch

pytestmark = pytest.mark.django_db
MARCH = (date(2026, 3, 1), date(2026, 3, 31))
BY = {"actor": None, "origin": "test"}


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


def campaign(**values: Any) -> Campaign:
    return create_campaign(**BY, code="lebaran", name="Lebaran", **values)


def dated() -> Campaign:
    return campaign(cost=Decimal(3_100_000), starts_on=MARCH[0], ends_on=MARCH[1])


def batch(*, writes: bool) -> ImportBatch:
    return ImportBatch(owner=None, key="test", writes=writes, first_row={})


def rows(of: Campaign) -> list[tuple[date, date, int]]:
    return [(row.first_day, row.last_day, int(row.amount)) for row in of.costs.all()]


def add(of: Campaign, first: date, last: date, amount: int) -> None:
    row = CampaignCost(first_day=first, last_day=last, amount=Decimal(amount))
    save_costs(of, saved=[row], removed=[], **BY)


def test_a_cost_with_both_days_is_a_row() -> None:
    assert rows(dated()) == [(*MARCH, 3_100_000)]


def test_a_cost_without_days_has_no_row() -> None:
    assert rows(campaign(cost=Decimal(5), starts_on=MARCH[0])) == []


def test_the_one_row_follows_what_a_file_says() -> None:
    found = dated()
    found = update_campaign(found, **BY, cost=Decimal(4), ends_on=date(2026, 4, 10))
    assert rows(found) == [(MARCH[0], date(2026, 4, 10), 4)]
    found = update_campaign(found, **BY, starts_on=None)
    assert (rows(found), found.cost) == ([], 4)
    found = update_campaign(found, **BY, starts_on=MARCH[0])
    assert rows(found) == [(MARCH[0], date(2026, 4, 10), 4)]
    assert rows(update_campaign(found, **BY, cost=None)) == []


def test_the_sum_of_the_rows_is_the_campaigns_cost_and_audited() -> None:
    found = dated()
    add(found, date(2026, 4, 1), date(2026, 4, 2), 900_000)
    found.refresh_from_db()
    assert found.cost == 4_000_000
    entry = AuditEntry.objects.get(action="campaign.costs")
    assert entry.details["costs"][-1] == ["2026-04-01", "2026-04-02", "900000"]


def test_several_rows_are_not_overwritten_by_one_number() -> None:
    found = dated()
    add(found, *MARCH, 900_000)
    found.refresh_from_db()
    with pytest.raises(ValidationError, match="costs by period"):
        update_campaign(found, **BY, cost=Decimal(1))
    unchanged = update_campaign(found, **BY, cost=Decimal(4_000_000), name="Lebaran 2026", ends_on=date(2026, 5, 1))
    assert unchanged.name == "Lebaran 2026"
    assert rows(unchanged) == [(*MARCH, 3_100_000), (*MARCH, 900_000)]


def test_a_file_that_contradicts_several_rows_is_told_so_in_its_row() -> None:
    found = dated()
    add(found, *MARCH, 900_000)
    rows_of_file = [
        {"code": "lebaran", "name": "Lebaran", "cost": cost, "starts_on": "2026-03-01", "ends_on": "2026-03-31"}
        for cost in ("4000000", "5")
    ]
    assert write_campaigns(rows_of_file[:1], batch(writes=True)).unchanged == 1
    for writes in (False, True):  # a preview says so already
        written = write_campaigns(rows_of_file[1:], batch(writes=writes))
        assert [list(problem) for problem in written.problems.values()] == [["cost"]]
    found.refresh_from_db()
    assert found.cost == 4_000_000


def test_a_removed_last_row_leaves_no_cost() -> None:
    found = dated()
    save_costs(found, saved=[], removed=found.costs.all(), **BY)
    found.refresh_from_db()
    assert found.cost is None


@pytest.mark.parametrize(
    "values",
    [
        {"first_day": MARCH[1], "last_day": MARCH[0], "amount": 1},
        {"first_day": MARCH[0], "last_day": MARCH[0], "amount": -1},
    ],
)
def test_days_in_the_wrong_order_and_negative_amounts_are_refused(values: dict[str, Any]) -> None:
    found = dated()
    with pytest.raises(ValidationError):
        save_costs(found, saved=[CampaignCost(campaign=found, **values)], removed=[], **BY)


def period(first: date, last_but_one: date) -> Period:
    return Period(midnight(first), midnight(last_but_one))


def test_a_period_costs_its_days_of_every_row_overlapping_ones_too() -> None:
    found = dated()  # 100,000 a day
    add(found, date(2026, 3, 31), date(2026, 4, 9), 200_000)  # 20,000 a day
    costs = list(found.costs.all())
    assert cost_in(period(date(2026, 3, 30), date(2026, 4, 2)), found, None, costs) == 2 * 100_000 + 2 * 20_000
    assert cost_in(period(date(2026, 5, 1), date(2026, 5, 2)), found, None, costs) == 0
    parts = [cost_in(period(date(2026, 3, day), date(2026, 3, day + 1)), found, None, costs) for day in range(1, 31)]
    assert sum(part or 0 for part in parts) == 30 * 100_000


def test_rows_go_before_the_one_number() -> None:
    found = Campaign.objects.create(code="x", name="X", cost=7, starts_on=MARCH[0], ends_on=MARCH[1])
    row = CampaignCost.objects.create(campaign=found, first_day=MARCH[0], last_day=MARCH[0], amount=Decimal(10))
    whole = period(MARCH[0], date(2026, 4, 1))
    assert cost_in(whole, found) == 7
    assert cost_in(whole, found, None, [row]) == 10
