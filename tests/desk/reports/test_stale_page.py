"""Stale labels as a report: who has how many of which, and how many came and went."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from labels.models import StaleFlag
from tests.desk.conftest import Shop
from tests.desk.labels.test_stale_labels import NOW, ClientOf, stale
from tests.desk.reports.reading import Page

pytestmark = pytest.mark.django_db
PAGE = "/admin/reports/stale/"


@pytest.fixture(autouse=True)
def _on_friday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def told(client: Any, address: str = PAGE) -> dict[str, dict[str, str]]:
    """The matrix: of each CS the cells by label."""
    return {row.head.text: row.figures for row in Page(client.get(address).content.decode()).of("stale-by-cs")}


def test_each_cs_has_what_is_over_its_limit_by_label(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    for days in (9, 12):
        stale(shop, "Grade A", days=days)
    stale(shop, "Menunggu pembayaran", days=20)
    stale(other_shop, "Grade A", days=30)
    mine = {"Grade A": "2", "Waiting payment": "1", "All": "3", "Oldest": "20 days"}
    assert told(client_of("cs_lead", shop)) == {str(shop.agent): mine}
    everybody = told(client_of("owner"))
    assert everybody.keys() == {str(shop.agent), str(other_shop.agent)}
    assert everybody[str(other_shop.agent)] == {
        "Grade A": "1", "Waiting payment": "0", "All": "1", "Oldest": "30 days",
    }  # fmt: skip


def test_every_number_opens_what_it_counts(client_of: ClientOf, shop: Shop) -> None:
    for days in (9, 12):
        stale(shop, "Grade A", days=days)
    client = client_of("owner")
    page = client.get(PAGE).content.decode()
    opened = [client.get("/admin/reports/rows/", each.asked).context["total"] for each in Page(page).openings]
    assert opened == [2, 2, 2], "the cell, and what is open and was flagged of the label"
    assert f'href="/admin/labels/staleflag/?cs={shop.agent.pk}"' in page


def test_a_period_that_is_over_leads_to_no_list_of_now(client_of: ClientOf, shop: Shop) -> None:
    stale(shop)
    StaleFlag.objects.update(flagged_at="2026-01-05T00:00Z")
    page = client_of("owner").get(PAGE, {"from": "2026-01-01", "to": "2026-02-01"}).content.decode()
    assert Page(page).of("stale-by-cs")
    assert f"?cs={shop.agent.pk}" not in page


def test_nothing_stale_is_said_in_words(client_of: ClientOf, shop: Shop) -> None:
    page = client_of("owner").get(PAGE)
    assert page.status_code == 200
    assert page.context["agents"] == []
    assert "No label is over its limit." in page.content.decode()


@pytest.mark.parametrize(("table", "name"), [("", "stale-summary"), ("findings", "stale")])
def test_its_files_are_those_of_the_api(client_of: ClientOf, shop: Shop, table: str, name: str) -> None:
    stale(shop)
    client = client_of("owner")
    lines = client.get(PAGE, {"format": "csv", "table": table}).content.decode("utf-8-sig").splitlines()
    [row] = client.get(f"/api/v1/reports/{name}/").json()["rows"]
    assert (len(lines), lines[0].split(",")) == (2, list(row))


def test_only_who_reads_reports_reads_it(client_of: ClientOf, shop: Shop) -> None:
    assert client_of("cs", shop).get(PAGE).status_code == 403
    assert "By CS and label" in client_of("cs_lead", shop).get("/admin/labels/staleflag/").content.decode()


def test_many_labels_and_people_cost_no_more_queries(
    client_of: ClientOf, shop: Shop, other_shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("Grade A", "Grade B", "Menunggu pembayaran", "Prospek panas"):
        for one in (shop, other_shop):
            stale(one, name, days=40)
    client = client_of("owner")
    with django_assert_max_num_queries(16):
        client.get(PAGE)
