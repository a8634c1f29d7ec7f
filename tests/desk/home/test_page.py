"""The home page and what it asks for: rights, scoping, first steps, and the polling answer."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Agent, Channel, Contact, Team
from labelcrm.core.roles import ROLES
from labels.models import LabelEvent
from labels.services.staleness import flag_stale
from tests.desk.home.conftest import Company
from tests.factories import TeamFactory, UserFactory
from webhooks.receiver import store

pytestmark = pytest.mark.django_db

A, B, C = "6281200000001", "6281200000002", "6281200000003"


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


def test_a_long_list_of_rows_has_pages(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.home.label_activity.A_PAGE", 2)
    for n in range(5):
        company.label(company.sales, str(n), A)
    client, found, address = client_of(company.owner), [], reverse("label-activity") + "?what=added"
    while address:
        context = client.get(address).context
        found.append(len(context["lines"]))
        address = f"{reverse('label-activity')}?what=added&page={context['older']}" if context["older"] else ""
    assert (found, context["total"], context["newer"]) == ([2, 2, 1], 5, 2)


@pytest.mark.parametrize(
    "query",
    [{}, {"what": "nonsense"}, {"page": "-1"}, {"page": "9" * 30}, {"page": "99"}, {"day": "2026-13-01"},
     {"from": "x", "to": "y"}, {"from": "2026-03-01", "to": "2026-02-01"},
     {"from": "9999-99-99T00:00", "to": "2026-03-01T00:00+07:00"}],
)  # fmt: skip
def test_a_strange_question_about_rows_is_answered_for_today(company: Company, query: dict[str, str]) -> None:
    assert client_of(company.owner).get(reverse("label-activity"), query).status_code == 200


# -- What is missing ---------------------------------------------------------------------------------------------------


def test_first_run_leads_to_the_wizard(db: None) -> None:
    html = client_of(UserFactory(role="owner")).get("/admin/").content.decode()
    assert f'href="{reverse("connect")}"' in html
    assert 'id="live"' not in html


def test_who_is_in_no_team_is_told_so_and_not_that_no_number_is_connected(company: Company) -> None:
    html = client_of(UserFactory(role="cs")).get("/admin/").content.decode()
    assert "You are in no team yet" in html
    assert "number" not in html[html.index("lc-home") :]
    assert 'id="live"' not in html


@pytest.mark.parametrize("role", ["cs_lead", "marketing"])
def test_who_may_not_connect_numbers_is_told_that_there_is_none(db: None, role: str) -> None:
    teams = [TeamFactory()] if role == "cs_lead" else []
    html = client_of(UserFactory(role=role, teams=teams)).get("/admin/").content.decode()
    assert "No WhatsApp number yet" in html
    assert reverse("connect") not in html


@pytest.mark.parametrize(("role", "told"), [("owner", True), ("cs_lead", False)])
def test_a_number_that_has_said_nothing_leads_its_owner_to_the_connection_page(
    company: Company, role: str, told: bool
) -> None:
    user = company.owner if role == "owner" else company.lead
    html = client_of(user).get("/admin/").content.decode()
    assert "set up, but nothing has arrived yet" in html
    assert (reverse("channel-connection", args=[company.sales.channel.pk]) in html) == told


def test_messages_without_a_label_are_told_apart_from_nothing_at_all(company: Company) -> None:
    company.message(company.sales, A, ago=5)
    html = client_of(company.lead).get("/admin/").content.decode()
    assert "Messages arrive, but no label yet" in html
    company.label(company.sales, "1", A)
    assert "lc-welcome" not in client_of(company.lead).get("/admin/").content.decode()


def test_a_number_that_is_cut_off_is_named_beside_what_lacks_its_labels(company: Company) -> None:
    company.label(company.sales, "1", A)
    client = client_of(company.lead)
    assert "Cut off from WhatsApp" not in client.get("/admin/").content.decode()
    Channel.objects.update(status=Channel.Status.STOPPED)
    html = client.get("/admin/").content.decode()
    assert "Cut off from WhatsApp" in html
    assert "CS Rina" in html
    assert "CS Budi" not in html


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
    with django_assert_max_num_queries(30):
        client.get("/admin/")


# -- Who is shown what ------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(company: Company) -> Company:
    """Something of everything that may wait for anybody."""
    company.name(company.sales, "1", "Grade A")
    company.name(company.support, "7", "Titipan Bu Ani")
    company.label(company.sales, "1", A, ago=20 * 24 * 60)
    company.label(company.support, "7", A)
    company.label(company.sales, "1", B, ago=0.1)
    company.label(company.sales, "1", B, on=False)
    company.message(company.sales, C, ago=90)
    Contact.objects.filter(phone=f"+{C}").update(follow_up_at=timezone.now())
    flag_stale(timezone.now())
    company.support.post("label.sparkled")
    company.support.drain()
    store.count(company.sales.channel.pk, "no_token")
    store.remember_unknown("waha", "siapa")
    Channel.objects.filter(pk=company.support.channel.pk).update(status=Channel.Status.STOPPED)
    return company


def reader_of(company: Company, role: str) -> Any:
    if role == "owner":
        return company.owner
    return UserFactory(role=role, teams=list(Team.objects.all()) if role in ("cs", "cs_lead") else [])


def home_of(client: Client) -> str:
    html = client.get("/admin/").content.decode()
    return html[html.index("lc-home") : html.index("</main>") if "</main>" in html else None]


@pytest.mark.parametrize("role", ROLES)
def test_whatever_the_page_links_to_opens_for_whoever_sees_it(busy: Company, role: str) -> None:
    client = client_of(reader_of(busy, role))
    links = {unescape(link) for link in re.findall(r'href="([^"]+)"', home_of(client))}
    assert len(links) > 30
    assert {link: status for link in links if (status := client.get(link).status_code) != 200} == {}


EVERYBODY = {"added", "removed", "net"}
CHATS = {"never", "unanswered", "follow_ups", "stale", "stale-1"}
NUMBERS = {"broken", "refused", "parked", "pending"}


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("owner", EVERYBODY | CHATS | NUMBERS | {"undecided", "unknown"}),
        ("cs_lead", EVERYBODY | CHATS | {"undecided"}),
        ("cs", EVERYBODY | CHATS),
        ("marketing", EVERYBODY),
        ("analyst", EVERYBODY),
        ("auditor", EVERYBODY),
    ],
)
def test_everybody_is_shown_the_numbers_they_can_do_something_about(busy: Company, role: str, shown: set[str]) -> None:
    numbers = re.findall(r'data-number="([a-z_]+(?:-1)?)"', home_of(client_of(reader_of(busy, role))))
    assert {name for name in numbers if not name.startswith(("category", "label"))} == shown


def test_who_has_nothing_to_settle_is_shown_where_to_begin(busy: Company) -> None:
    pages = {"marketing": "admin:contacts_campaign_changelist", "analyst": "report-agents"}
    for role, page in pages.items():
        html = home_of(client_of(reader_of(busy, role)))
        assert "Begin here" in html
        assert reverse(page) in html


def test_the_stale_labels_of_a_cs_open_as_many_rows_as_they_count(busy: Company) -> None:
    client = client_of(busy.owner)
    rina = Agent.objects.get(code="rina")
    link = f"{reverse('admin:labels_staleflag_changelist')}?cs={rina.pk}"
    assert link in home_of(client)
    found = client.get(link).context
    assert [len(found["lines"]), found["is_narrowed"]] == [1, True]


def test_a_cs_finds_their_own_stale_labels_first(busy: Company) -> None:
    busy.name(busy.support, "8", "Grade A")
    for chat in (A, B):
        busy.label(busy.support, "8", chat, ago=20 * 24 * 60)
    flag_stale(timezone.now())
    rina = reader_of(busy, "cs")
    names = lambda: re.findall(r'lc-stale__who">(\w+)', home_of(client_of(rina)))  # noqa: E731
    assert names() == ["Budi", "Rina"]
    Agent.objects.filter(code="rina").update(user=rina)
    assert names() == ["Rina", "Budi"]


def test_a_bar_of_the_picture_opens_the_rows_of_its_day(busy: Company) -> None:
    client = client_of(busy.owner)
    today, earlier = timezone.localdate(), timezone.localdate() - timedelta(days=13)
    html = home_of(client)
    for day, what, rows in ((today, "added", 2), (today, "removed", 1), (earlier, "added", 0)):
        link = reverse("label-activity") + f"?what={what}&amp;day={day}"
        assert html.count(f'href="{link}"') == 2  # the bar, and its row in the table
        assert client.get(unescape(link)).context["total"] == rows


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
