"""Report pages say how much has changed the past since their period, and lead to what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client

from contacts.services.channels import edit_channel
from labels.models import Label
from labels.services.archiving import archive_contact
from labels.services.canonical import update_label
from tests.desk.conftest import Shop
from tests.desk.reports.test_health_pages import NOW, ago

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
MARCH = {"from": "2026-03-01", "until": "2026-03-10"}


@pytest.fixture(autouse=True)
def _on_friday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_a_page_counts_the_changes_since_its_period_and_leads_to_them(client_of: ClientOf, shop: Shop) -> None:
    hot, contact = Label.objects.get(name="Prospek panas"), shop.contact()
    with time_machine.travel(ago(15)):
        update_label(hot, actor=None, origin="desk", stale_after_days=9)  # before the period was over
    update_label(hot, actor=None, origin="desk", stale_after_days=8)
    archive_contact(contact, actor=None, origin="desk")
    client = client_of("analyst")
    for page in ("agents", "overview", "movement"):
        told = client.get(f"/admin/reports/{page}/", MARCH).context["restated"]
        assert client.get(told["count_url"]).json() == {"text": "2 changes to the past since 11 Mar 2026"}
        assert len(client.get(told["url"]).context["lines"]) == 2
    assert client_of("cs", shop).get(told["count_url"]).status_code == 403


def test_a_period_that_lasts_is_counted_from_its_start_and_an_old_one_90_days(client_of: ClientOf) -> None:
    client = client_of("analyst")
    old = {"from": "2024-01-01", "until": "2024-02-01"}
    for asked, start in (({"period": "last_7"}, "2026-03-14"), (old, "2025-12-20")):
        told = client.get("/admin/reports/agents/", asked).context["restated"]
        assert parse_qs(urlsplit(told["count_url"]).query) == {"from": [start]}


def test_the_count_is_of_the_same_team_as_the_page(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    edit_channel(other_shop.channel, actor=None, origin="desk", timezone="Asia/Singapore")
    lead, asked = client_of("cs_lead", shop), MARCH | {"team": shop.team.pk}
    told = lead.get("/admin/reports/agents/", asked).context["restated"]
    assert f"team={shop.team.pk}" in told["url"]
    assert lead.get(told["count_url"]).json()["text"].startswith("0 changes")
