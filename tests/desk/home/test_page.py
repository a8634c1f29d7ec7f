"""The home page and what it asks for: rights, scoping, first steps, and the polling answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labels.models import LabelEvent
from tests.desk.home.conftest import Company
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

A, B = "6281200000001", "6281200000002"


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_page_shows_figures_and_feed(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.label(company.sales, "1", A)
    html = client_of(company.owner).get("/admin/").content.decode()
    assert '<b data-number="added">1</b>' in html
    assert "+62 812-0000-0001" in html
    assert 'id="live"' in html


def test_a_team_member_sees_nothing_of_other_teams(company: Company) -> None:
    company.label(company.support, "1", B)
    client = client_of(company.lead)
    assert "0000-0002" not in client.get("/admin/").content.decode()
    polled = client.get("/live/feed/").json()
    assert polled["rows"] == []
    assert '<b data-number="added">0</b>' in polled["tiles"]


def test_every_number_opens_its_rows(company: Company) -> None:
    company.name(company.sales, "1", "Grade A")
    company.label(company.sales, "1", A)
    company.message(company.sales, B, ago=90)
    client = client_of(company.owner)
    html = client.get("/admin/").content.decode()
    added, never = reverse("label-activity") + "?what=added", "?never_labelled=1"
    assert f'href="{added}"' in html
    assert never in html
    assert "0000-0001" in client.get(added).content.decode()
    contacts = client.get(reverse("admin:contacts_contact_changelist") + never).content.decode()
    assert "0000-0002" in contacts
    assert "0000-0001" not in contacts


def test_the_rows_of_a_number_are_scoped_and_count_what_it_counts(company: Company) -> None:
    company.label(company.sales, "1", A)
    company.label(company.support, "1", B)
    page = client_of(company.lead).get(reverse("label-activity"), {"what": "added"})
    assert page.context["total"] == len(page.context["lines"]) == 1
    assert page.context["lines"][0]["contact"].phone == f"+{A}"


@pytest.mark.parametrize(
    "query",
    [{}, {"what": "nonsense"}, {"from": "x", "to": "y"}, {"from": "2026-03-01", "to": "2026-02-01"},
     {"from": "9999-99-99T00:00", "to": "2026-03-01T00:00+07:00"}],
)  # fmt: skip
def test_a_strange_question_about_rows_is_answered_for_today(company: Company, query: dict[str, str]) -> None:
    assert client_of(company.owner).get(reverse("label-activity"), query).status_code == 200


def test_first_run_leads_to_the_wizard(db: None) -> None:
    html = client_of(UserFactory(role="owner")).get("/admin/").content.decode()
    assert f'href="{reverse("connect")}"' in html
    assert 'id="live"' not in html


def test_who_may_not_connect_numbers_is_told_whom_to_ask(db: None) -> None:
    html = client_of(UserFactory(role="cs")).get("/admin/").content.decode()
    assert reverse("connect") not in html
    assert "Ask the owner" in html


def test_a_number_that_has_said_nothing_is_led_to_its_connection_page(company: Company) -> None:
    html = client_of(company.owner).get("/admin/").content.decode()
    assert reverse("channel-connection", args=[company.sales.channel.pk]) in html


def test_without_a_role_the_page_says_so_and_shows_no_data(company: Company) -> None:
    company.label(company.sales, "1", A)
    html = client_of(UserFactory()).get("/admin/").content.decode()
    assert "no role yet" in html
    assert "0000-0001" not in html


def test_the_page_takes_few_queries(company: Company, django_assert_max_num_queries: Any) -> None:
    for n in range(20):
        company.sales.label("added", str(n), A)
    company.sales.drain()
    client = client_of(company.owner)
    client.get("/admin/")
    with django_assert_max_num_queries(32):
        client.get("/admin/")


# -- Polling ----------------------------------------------------------------------------------------------------------


def test_polling_gives_what_came_after_oldest_first(company: Company) -> None:
    company.label(company.sales, "1", A)
    company.label(company.sales, "2", A)
    first, second = LabelEvent.objects.order_by("id").values_list("id", flat=True)
    answer = client_of(company.owner).get("/live/feed/").json()
    assert [row["id"] for row in answer["rows"]] == [first, second]
    assert answer["last"] == second


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 40, "1.5", "%C2%B2", "%D9%A1"])
def test_polling_takes_any_since(company: Company, since: str) -> None:
    assert client_of(company.owner).get(f"/live/feed/?since={since}").status_code == 200


@pytest.mark.parametrize("path", ["/live/", "/live/feed/"])
def test_live_answers_scripts_with_a_status_and_no_login_page(db: None, path: str) -> None:
    assert Client().get(path).status_code == 401
    assert client_of(UserFactory(is_staff=False)).get(path).status_code == 401
    assert client_of(UserFactory()).get(path).status_code == 403
    assert client_of(UserFactory(role="owner")).post(path).status_code == 405
