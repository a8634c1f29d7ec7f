"""The pages of the label budget and of unusual activity: what they advise, who sees what, and nothing at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Channel, Team
from labels.models import ChannelLabel, Label
from tests.desk.reports.reading import Page
from tests.desk.reports.test_pages import client_of
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
PAGE, UNUSUAL = "/admin/reports/label-budget/", "/admin/reports/unusual/"
MONTH = timedelta(days=30)


@pytest.fixture
def rina() -> Bridge:
    """One label is put on, “test” is Rina's alone, and “Grade B” is on Dewi's number too."""
    now = timezone.now()
    bridge, dewi = Bridge(key="cs1", agent="rina", team="Sales"), Bridge(key="cs2", agent="dewi", team="Grosir")
    for external, name in (("1", "Grade A"), ("2", "Grade B"), ("3", "test")):
        bridge.save(external, name, at=now - MONTH)
    dewi.save("1", "Grade B", at=now - MONTH)
    bridge.label("added", "1", "6281200000001", at=now - timedelta(days=1))
    bridge.drain()
    dewi.drain()
    return bridge


def cells(page: Any, region: str) -> dict[str, dict[str, str]]:
    return {row.head.text: row.figures for row in Page(page.content.decode()).of(region)}


def test_what_to_do_depends_on_whether_other_numbers_have_the_label(rina: Bridge) -> None:
    todo = {
        name: row["What to do"]
        for name, row in cells(client_of("owner").get(PAGE, {"channel": "cs1"}), "budget-going").items()
    }
    assert todo == {
        "Grade B": "Delete “Grade B” in WhatsApp on Number cs1. “Grade B” stays here: 1 other number has it."
        " Open the label",
        "test": "Delete “test” in WhatsApp on Number cs1, then archive “test” here. Open the label",
    }
    page = client_of("analyst").get(PAGE, {"channel": "cs1"}).content.decode()
    assert "Open the label" not in page, "who may not change labels is led nowhere"


def test_a_lead_sees_the_numbers_of_her_team_alone(rina: Bridge) -> None:
    lead = client_of("cs_lead", teams=[Team.objects.get(name="Sales")])
    for page in (lead.get(PAGE), lead.get(PAGE, {"channel": "cs2"})):
        assert cells(page, "budget-numbers").keys() == {"Number cs1"}
    assert client_of("cs").get(PAGE).status_code == 403
    assert client_of("cs").get(UNUSUAL).status_code == 403


def test_without_numbers_and_without_labels_the_pages_say_so(rina: Bridge) -> None:
    ChannelLabel.objects.update(deleted_at=timezone.now() - MONTH)
    page = client_of().get(PAGE).content.decode()
    assert "There is no label on any number yet." in page
    Channel.objects.update(deleted_at=timezone.now())
    assert "No WhatsApp number yet" in client_of().get(PAGE).content.decode()
    assert "Nothing stands out in this period." in client_of().get(UNUSUAL).content.decode()


def test_three_hundred_labels_cost_as_many_queries_and_are_folded(
    rina: Bridge, django_assert_max_num_queries: Any
) -> None:
    label = Label.objects.get(name="Grade A")
    ChannelLabel.objects.bulk_create(
        ChannelLabel(
            channel=rina.channel, external_id=f"x{n}", name=f"Label yang namanya panjang sekali nomor {n}", label=label,
            first_seen_at=timezone.now() - MONTH,
        )
        for n in range(300)
    )  # fmt: skip
    with django_assert_max_num_queries(38):
        page = client_of().get(PAGE)
    assert cells(page, "budget-numbers")["Number cs1"]["Labels"] == "303"
    assert "<details><summary>304 labels" in page.content.decode().replace("\n", "")


def test_files_of_what_stands_beside_the_rows_are_those_of_the_api(rina: Bridge) -> None:
    client = client_of()
    told = client.get("/api/v1/reports/label-budget/").json()
    for table in ("numbers", "teams", "choices"):
        lines = client.get(PAGE, {"format": "csv", "table": table}).content.decode("utf-8-sig").splitlines()
        assert len(lines) == len(told[table]) + 1 > 1
    assert client.get(PAGE, {"format": "csv", "table": "x"}).content.decode("utf-8-sig").startswith("channel_label,")


def test_the_period_is_sixty_days_unless_another_is_asked_for(rina: Bridge) -> None:
    query = client_of().get(PAGE).context["query"]
    assert (query.period.end - query.period.start).days == 60
    assert "The last 60 days are shown instead." in client_of().get(PAGE, {"team": "x"}).content.decode()


def test_days_on_which_little_happens_are_shown_when_asked_for(rina: Bridge) -> None:
    at = timezone.now() - timedelta(days=2)
    rina.label("added", "2", "6281200000002", at=at)
    rina.label("removed", "2", "6281200000002", at=at + timedelta(seconds=30))
    rina.drain()
    client = client_of()
    page = client.get(UNUSUAL).content.decode()
    assert "Nothing stands out in this period." in page
    assert "1 day with fewer than 3 quick undos or moves back is left out." in page
    assert (
        "took 1 label off again within 2 min" in client.get(UNUSUAL, {"show": "all", "kind": "mistap"}).content.decode()
    )
    assert "Nothing stands out" in client.get(UNUSUAL, {"show": "all", "kind": "batch"}).content.decode()
    assert client.get(UNUSUAL, {"kind": "x"}).status_code == 200
