"""conversions/: what is listed, how it is narrowed, and how changes are followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from contacts.models import Contact
from labels.services.merging import merge
from tests.api.conftest import get, rows
from tests.factories import CampaignFactory, TeamFactory
from tests.transfer.conversions.ads import NOW, AdShop, ctwa, look
from transfer.conversions.models import Conversion, ConversionDelivery, ConversionEvent, DeliveryState, Target

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(team: Any) -> AdShop:
    return AdShop(team=team)


@pytest.fixture
def leads(shop: AdShop) -> list[Contact]:
    people = [shop.comes(0, **ctwa(n)) for n in range(3)]
    for contact in people:
        shop.labelled(contact, "Grade A", 2)
    shop.labelled(people[0], "Done", 4)
    ConversionEvent.objects.filter(code="purchase").update(value=150_000)
    look()
    return people


def test_a_conversion_says_what_it_is_and_who_was_told(owner: APIClient, leads: list[Contact], shop: AdShop) -> None:
    row = Conversion.objects.get(event__code="purchase")
    ConversionDelivery.objects.create(
        conversion=row, target=Target.META_API, state=DeliveryState.DONE, created_at=NOW, done_at=NOW
    )
    found = get(owner, f"conversions/{row.pk}")
    assert found | {"created_at": "", "updated_at": ""} == {
        "id": row.pk, "contact": leads[0].pk, "event": "purchase", "label": shop.label("Done").pk,
        "label_name": shop.label("Done").name, "channel": "cs1", "occurred_at": "2026-03-02T14:00:00+07:00",
        "found": False, "network": "meta", "click_id": ctwa(0)["click_id"], "ad_id": ctwa(0)["source_id"],
        "touch_at": "2026-03-02T10:00:00+07:00", "campaign": None, "value": 150_000, "state": "sent",
        "deliveries": [
            {
                "target": "meta_api", "round": 0, "state": "done", "reason": "", "done_at": "2026-03-07T10:00:00+07:00",
                "file": None,
            }
        ],
        "created_at": "", "updated_at": "",
    }  # fmt: skip


def test_filters_narrow_the_list(owner: APIClient, leads: list[Contact]) -> None:
    def count(**parameters: Any) -> int:
        return len(rows(owner, "conversions", **parameters))

    Contact.objects.filter(pk=leads[1].pk).update(opted_out_at=NOW)
    assert count() == 4
    assert count(event="purchase") == 1
    assert (count(state="held"), count(state="new"), count(state="sent")) == (1, 3, 0)
    assert count(contact=leads[0].pk) == 2
    campaign = CampaignFactory()
    Conversion.objects.filter(contact=leads[2]).update(campaign=campaign)
    assert count(campaign=campaign.pk) == 1


@pytest.mark.parametrize(
    "query", ["event=x", "state=x", "campaign=999999", "campaign=x", "updated_since=x", "contact=x", "q=x"]
)
def test_a_filter_that_means_nothing_is_400(owner: APIClient, leads: list[Contact], query: str) -> None:
    assert owner.get(f"/api/v1/conversions/?{query}").status_code == 400


def test_changes_are_followed_with_cursors(owner: APIClient, leads: list[Contact]) -> None:
    since = (NOW + timedelta(days=1)).isoformat()
    assert rows(owner, "conversions", updated_since=since) == []
    ConversionEvent.objects.update(value=99)
    look(NOW + timedelta(days=2))
    page = get(owner, "conversions", updated_since=since, page_size=3)
    rest = owner.get(page["next"]).json()
    assert len({row["id"] for row in [*page["results"], *rest["results"]]}) == 4
    assert rest["next"] is None


def test_a_foreign_conversion_does_not_exist(as_role: Callable[..., APIClient], leads: list[Contact]) -> None:
    stranger = as_role("cs_lead", TeamFactory())
    assert rows(stranger, "conversions") == []
    assert stranger.get(f"/api/v1/conversions/{Conversion.objects.latest('pk').pk}/").status_code == 404


def test_those_of_a_merged_contact_are_the_survivors(owner: APIClient, leads: list[Contact]) -> None:
    survivor, merged, _other = leads[1], leads[0], leads[2]
    merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="one person", actor=None)
    for known_as in (survivor.pk, merged.pk):
        found = rows(owner, "conversions", contact=known_as)
        assert [row["contact"] for row in found] == [survivor.pk] * 3


def test_more_rows_cost_no_more_queries(owner: APIClient, leads: list[Contact], shop: AdShop) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            rows(owner, "conversions")
        return len(seen)

    few = queries()
    for n in range(3, 8):
        shop.labelled(shop.comes(0, **ctwa(n)), "Grade A", 2)
    look()
    assert queries() == few
