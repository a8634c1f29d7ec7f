"""The page of a campaign: what it cost, by period, and its rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client

from contacts.models import Campaign, CampaignRule
from contacts.services.campaigns import create_campaign
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import Shop

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


@pytest.fixture
def lebaran() -> Campaign:
    return create_campaign(
        actor=None, origin="test", code="lebaran", name="Lebaran", cost=3_000_000, starts_on=date(2026, 3, 1),
        ends_on=date(2026, 3, 30),
    )  # fmt: skip


def page_of(campaign: Campaign) -> str:
    return f"/admin/contacts/campaign/{campaign.pk}/change/"


def form_of(campaign: Campaign, *costs: dict[str, Any], known: int = 0) -> dict[str, Any]:
    form = {
        "name": campaign.name, "code": campaign.code, "source": "", "starts_on": "1 Mar 2026", "ends_on": "30 Mar 2026",
        "costs-TOTAL_FORMS": len(costs), "costs-INITIAL_FORMS": known,
    }  # fmt: skip
    for number, cost in enumerate(costs):
        form |= {f"costs-{number}-{name}": value for name, value in ({"campaign": campaign.pk} | cost).items()}
    return form


def rows(campaign: Campaign) -> list[tuple[date, date, int, str]]:
    return [(row.first_day, row.last_day, int(row.amount), row.note) for row in campaign.costs.all()]


def test_several_costs_are_added_at_once(client_of: ClientOf, shop: Shop, lebaran: Campaign) -> None:
    first = lebaran.costs.get()
    known = {"id": first.pk, "first_day": "1 Mar 2026", "last_day": "30 Mar 2026", "amount": 2_000_000, "note": ""}
    april = {"id": "", "first_day": "1 Apr 2026", "last_day": "2/4/2026", "amount": 500_000, "note": "boost"}
    own_days = {"id": "", "first_day": "", "last_day": "", "amount": 100_000, "note": ""}
    client = client_of("marketing", shop)
    response = client.post(page_of(lebaran), form_of(lebaran, known, april, own_days, known=1))
    assert response.status_code == 302
    lebaran.refresh_from_db()
    assert rows(lebaran) == [
        (date(2026, 3, 1), date(2026, 3, 30), 2_000_000, ""),
        (date(2026, 3, 1), date(2026, 3, 30), 100_000, ""),
        (date(2026, 4, 1), date(2026, 4, 2), 500_000, "boost"),
    ]
    assert lebaran.cost == 2_600_000
    assert AuditEntry.objects.filter(action="campaign.costs").count() == 1


def test_a_cost_is_taken_off(client_of: ClientOf, shop: Shop, lebaran: Campaign) -> None:
    known = {
        "id": lebaran.costs.get().pk, "first_day": "1 Mar 2026", "last_day": "30 Mar 2026", "amount": 1, "DELETE": "on",
    }  # fmt: skip
    client_of("marketing", shop).post(page_of(lebaran), form_of(lebaran, known, known=1))
    lebaran.refresh_from_db()
    assert (rows(lebaran), lebaran.cost) == ([], None)


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({"first_day": "2 Apr 2026", "last_day": "1 Apr 2026", "amount": 1}, "The last day is before the first"),
        ({"first_day": "1 Apr 2026", "last_day": "1 Apr 2026", "amount": -1}, "A cost is not negative"),
    ],
)
def test_costs_that_cannot_be_are_refused(
    client_of: ClientOf, shop: Shop, lebaran: Campaign, cost: dict[str, Any], said: str
) -> None:
    response = client_of("marketing", shop).post(page_of(lebaran), form_of(lebaran, {"id": "", "note": ""} | cost))
    assert said in response.content.decode()
    assert len(rows(lebaran)) == 1


def test_who_only_reads_campaigns_changes_no_cost(client_of: ClientOf, shop: Shop, lebaran: Campaign) -> None:
    client = client_of("analyst", shop)
    html = client.get(page_of(lebaran)).content.decode()
    assert "3000000" in html or "3.000.000" in html or "3,000,000" in html
    added = {"id": "", "first_day": "1 Apr 2026", "last_day": "1 Apr 2026", "amount": 5, "note": ""}
    assert client.post(page_of(lebaran), form_of(lebaran, added)).status_code == 403
    assert len(rows(lebaran)) == 1


def test_the_one_amount_is_asked_for_only_without_costs_by_period(
    client_of: ClientOf, shop: Shop, lebaran: Campaign
) -> None:
    client = client_of("marketing", shop)
    assert 'name="cost"' not in client.get(page_of(lebaran)).content.decode()
    assert 'name="cost"' in client.get("/admin/contacts/campaign/add/").content.decode()


def test_a_campaign_lists_its_rules_and_leads_to_a_new_one(client_of: ClientOf, shop: Shop, lebaran: Campaign) -> None:
    rule = CampaignRule.objects.create(campaign=lebaran, kind="keyword", pattern="LBR26", until="2026-03-31")
    html = client_of("marketing", shop).get(page_of(lebaran)).content.decode()
    assert f"/admin/contacts/campaignrule/{rule.pk}/change/" in html
    assert f"/admin/contacts/campaignrule/add/?campaign={lebaran.pk}" in html
