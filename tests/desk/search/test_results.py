"""What the one search finds, for whom, where it leads, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, ContactIdentity, IdentityKind
from desk.contacts.search import ending_in
from desk.search.hits import MOST
from desk.search.places import ACTIONS
from labelcrm.core.roles import ROLES
from labels.models import Label
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory, UserFactory

PAGE, RESULTS, LIST = "/admin/search/", "/admin/search/results/", "/admin/contacts/contact/"
LID = "210987654321098"
ClientOf = Callable[..., Client]


def groups(client: Client, term: str) -> dict[str, list[Any]]:
    """The hits of each group that has any."""
    return {group.code: group.hits for group in client.get(PAGE, {"q": term}).context["groups"]}


def titles(client: Client, term: str, group: str = "contacts") -> list[str]:
    return [str(hit.title) for hit in groups(client, term).get(group, [])]


# -- Contacts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [
        "1111",
        "0 1111",
        "…1111",
        "90001111",
        "0812-9000-1111",
        "+62 812 9000 1111",
        "wa.me/6281290001111",
        "sar",
        "@sar",
    ],
)
def test_a_contact_is_found_by_any_spelling_of_who_they_are(client_of: ClientOf, shop: Shop, term: str) -> None:
    shop.contact(name="Sari", phone="+6281290001111", username="sari_s")
    shop.contact(name="Joko", phone="+6281190002222")
    assert titles(client_of("cs", shop), term) == ["Sari"]


def test_whose_number_ends_so_comes_before_who_has_it_elsewhere(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Di tengah", phone="+6281111115555", updated_at=THEN.replace(year=2027))
    shop.contact(name="Di akhir", phone="+6281255551111")
    assert titles(client_of("cs", shop), "1111") == ["Di akhir", "Di tengah"]


def test_zeros_before_the_last_digits_count(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Nol", phone="+6281290000012")
    shop.contact(name="Satu", phone="+6281290001012", updated_at=THEN.replace(year=2027))
    assert titles(client_of("cs", shop), "0012")[0] == "Nol"


def test_a_second_number_is_found_by_its_end_here_and_in_the_list(client_of: ClientOf, shop: Shop) -> None:
    joko = shop.contact(name="Joko", phone="+6281290001111")
    ContactIdentity.objects.create(contact=joko, kind=IdentityKind.PHONE, value="+6281290004321")
    client = client_of("cs", shop)
    assert titles(client, "4321") == ["Joko"]
    assert [row.name for row in client.get(LIST, {"q": "4321"}).context["cl"].result_list] == ["Joko"]


def test_an_id_is_found_by_its_end_only_where_it_stands_for_the_number(client_of: ClientOf, shop: Shop) -> None:
    """That is what people see of it; of everybody else they see the number."""
    shop.contact(name="", phone="", lid=LID)
    shop.contact(name="Sari", phone="+6281290001111", lid="310987654321098")
    client = client_of("cs", shop)
    assert len(titles(client, "1098")) == 1
    page = client.get(PAGE, {"q": "1098"}).content.decode()
    assert f'<b><span title="{LID}@lid">No number · …1098</span></b>' in page
    assert f">{LID}" not in page, "an id is no number that people know"
    assert [row.pk for row in client.get(LIST, {"q": "1098"}).context["cl"].result_list] == [
        Contact.objects.get(lid=LID).pk
    ]


def test_a_team_finds_its_own(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    shop.contact(name="Siti", phone="+6281290001111")
    other_shop.contact(name="Siti juga", phone="+6281270001111")
    lead, owner = client_of("cs_lead", shop), client_of("owner")
    for term in ("1111", "siti", "0812 9000 1111"):
        assert titles(lead, term) == ["Siti"]
    assert sorted(titles(owner, "1111")) == ["Siti", "Siti juga"]
    for term, group, seen in (("CS", "agents", "CS Rina"), ("Number", "numbers", "Number Rina")):
        assert titles(lead, term, group) == [seen]
        assert len(titles(owner, term, group)) == 2


def test_archived_and_merged_contacts_are_left_out(client_of: ClientOf, shop: Shop) -> None:
    living = shop.contact(name="Siti", phone="+6281290001111")
    shop.contact(name="Siti lama", phone="+6281230001111", deleted_at=THEN)
    shop.contact(name="Siti kembar", phone="+6281240001111", deleted_at=THEN, merged_into=living)
    client = client_of("owner")
    assert titles(client, "siti") == titles(client, "1111") == ["Siti"]


def test_a_contact_shows_number_and_labels_that_are_on_now(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    siti = shop.contact(name="Siti", phone="+6281290001111")
    shop.put(siti, shop.whatsapp_label("GRADE A!", label="Grade A"))
    shop.put(siti, shop.whatsapp_label("Selesai"), hours=1)
    shop.put(siti, other_shop.whatsapp_label("Komplain"))
    (hit,) = groups(client_of("cs", shop), "siti")["contacts"]
    assert hit.note == "+62 812-9000-1111"
    assert hit.badges == '<div class="lc-badges"><span class="lc-badge lc-family-yellow">Grade A</span></div>'
    assert hit.link == f"{LIST}{siti.pk}/"


def test_the_way_to_all_matches_leads_to_the_list_that_finds_the_same(client_of: ClientOf, shop: Shop) -> None:
    for n in range(MOST + 3):
        shop.contact(name=f"Siti & {n}")
    client = client_of("cs", shop)
    group = client.get(PAGE, {"q": "siti &"}).context["groups"][0]
    assert len(group.hits) == MOST
    assert group.everything.link == f"{LIST}?q=siti+%26"
    assert len(client.get(group.everything.link).context["cl"].result_list) == MOST + 3


def test_names_are_text_never_markup(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="<img src=x onerror=alert(1)> siti")
    client = client_of("cs", shop)
    for page in (client.get(PAGE, {"q": "siti"}).content.decode(), client.get(RESULTS, {"q": "siti"}).json()["html"]):
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


# -- Labels, CS, campaigns --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["prospek pa", "hot pros", "Hot lead", "PANASSS"])
def test_a_label_is_found_by_each_of_its_names_and_leads_to_who_has_it(
    client_of: ClientOf, shop: Shop, term: str
) -> None:
    shop.whatsapp_label("PANASSS 🔥", label="Prospek panas", color=13)
    (hit,) = groups(client_of("cs", shop), term)["labels"]
    assert (hit.title, hit.link) == ("Hot prospect", f"{LIST}?label={Label.objects.get(name='Prospek panas').pk}")
    assert "lc-family-yellow" in hit.badges


def test_what_other_teams_call_a_label_finds_nothing(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    other_shop.whatsapp_label("PANASSS 🔥", label="Prospek panas")
    assert "labels" not in groups(client_of("cs", shop), "PANASSS")


def test_campaigns_lead_to_their_pages_and_cs_to_their_contacts(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    campaign = CampaignFactory(name="Promo Lebaran", code="lebaran-26")
    client = client_of("marketing")
    for term in ("lebaran", "LEBARAN-26"):
        assert [hit.link for hit in groups(client, term)["campaigns"]] == [
            reverse("admin:contacts_campaign_change", args=(campaign.pk,))
        ]
    (hit,) = groups(client, "rina")["agents"]
    assert (hit.title, hit.note) == ("CS Rina", "Team Rina · contacts of this CS")
    theirs = shop.contact(name="Siti", assigned_to=shop.agent)
    other_shop.contact(name="Joko")
    assert [row.pk for row in client.get(hit.link).context["cl"].result_list] == [theirs.pk]


# -- Reports, pages, actions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["kualitas cs", "QUALITY CS", "laporan cs"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_report_is_found_in_both_languages(client_of: ClientOf, term: str, language: str) -> None:
    found = groups(client_of("analyst", language=language), term)["reports"]
    assert [hit.link for hit in found] == [reverse("report-agents")]


def test_pages_are_those_of_ones_own_menu(client_of: ClientOf, shop: Shop) -> None:
    assert "/admin/core/user/" in [hit.link for hit in groups(client_of("owner"), "pengguna")["pages"]]
    for page in ("pages", "reports"):
        for term in ("pengguna", "quality"):
            assert page not in groups(client_of("cs", shop), term)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_exactly_the_actions_that_one_may_do_are_offered(client_of: ClientOf, shop: Shop, role: str) -> None:
    client = client_of(role, shop)
    offered = {hit.link for hit in groups(client, "")["actions"]}
    for action in ACTIONS:
        link = f"{reverse(action.view)}?{action.query}".rstrip("?")
        opens = client.get(link).status_code == 200
        if "state=undecided" not in link:  # who may not decide may look
            assert opens == (link in offered), link
        assert opens or link not in offered, link


@pytest.mark.parametrize(
    ("term", "link"),
    [
        ("impor kontak", "/admin/imports/?kind=contacts"),
        ("download", "/admin/contacts/contact/export/"),
        ("buat kamp", "/admin/contacts/campaign/add/"),
    ],
)
def test_an_action_is_found_by_the_words_people_have_for_it(client_of: ClientOf, term: str, link: str) -> None:
    assert groups(client_of("marketing", language="id"), term)["actions"][0].link == link


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_found_opens(client_of: ClientOf, shop: Shop, role: str) -> None:
    shop.contact(name="Rina juga")
    shop.whatsapp_label("rina", label="Grade A")
    CampaignFactory(name="Promo Rina")
    client = client_of(role, shop)
    found = [group for term in ("rina", "") for group in client.get(PAGE, {"q": term}).context["groups"]]
    assert {"contacts", "labels", "agents", "numbers", "campaigns", "actions"} <= {group.code for group in found}
    for hit in [hit for group in found for hit in group.lines]:
        assert client.get(hit.link).status_code == 200, hit.link


# -- How it answers ---------------------------------------------------------------------------------------------------


def test_nothing_found_is_said_in_a_sentence(client_of: ClientOf) -> None:
    answer = client_of("owner").get(RESULTS, {"q": "xyzzy <b>"}).json()
    assert answer["html"] == ""
    assert answer["said"].startswith("Nothing found for “xyzzy <b>”. Try the last four digits")


def test_results_are_counted_without_the_way_to_the_list(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Sitiawan")
    answer = client_of("cs", shop).get(RESULTS, {"q": "sitiawan"}).json()
    assert answer["said"] == "1 result shown"
    assert re.findall(r'role="option"[^>]*', answer["html"])[0].count("aria-selected") == 1
    assert answer["html"].count('role="option"') == 2


def test_without_javascript_the_button_leads_to_a_page_with_a_form(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Siti")
    client = client_of("cs", shop)
    home = client.get("/admin/").content.decode()
    assert f'<form method="get" action="{PAGE}" id="search-open">' in home
    page = client.get(PAGE, {"q": "siti"}).content.decode()
    assert 'name="q" value="siti"' in page
    found = page[page.index("1 result shown") : page.index("</section>", page.index("1 result shown"))]
    assert f'href="{LIST}' in found
    assert "role=" not in found, "plain links"


def test_the_other_boxes_are_gone(client_of: ClientOf) -> None:
    home = client_of("owner").get("/admin/").content.decode()
    for theirs in ("nav-filter", "search-input-command", "searchCommand", "opencommand"):
        assert theirs not in home
    assert reverse("admin:search") == PAGE, "their address is ours"


def test_who_is_logged_out_is_sent_to_log_in(db: None) -> None:
    assert Client().get(RESULTS, {"q": "siti"}).status_code == 302


# -- What it costs ----------------------------------------------------------------------------------------------------


def queries(client: Client, term: str) -> list[str]:
    client.get(RESULTS, {"q": "warm"})
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(RESULTS, {"q": term}).status_code == 200
    return [query["sql"] for query in captured]


def test_the_number_of_queries_does_not_grow(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    row = shop.whatsapp_label("Grade A")
    shop.put(shop.contact(name="Siti"), row)
    few = len(queries(client, "siti"))
    for n in range(MOST):
        shop.put(shop.contact(name=f"Siti {n}"), row)
    assert len(queries(client, "siti")) == few <= 14


def test_nothing_is_asked_of_rows_that_a_role_may_not_see(db: None) -> None:
    client = Client()
    client.force_login(UserFactory(role=None), backend="contacts.access.StaffBackend")
    asked = " ".join(queries(client, "1111"))
    for table in ("contacts_contact", "labels_label", "contacts_campaign"):
        assert f'FROM "{table}"' not in asked


def test_one_letter_asks_for_no_rows(client_of: ClientOf, shop: Shop) -> None:
    assert 'FROM "contacts_contact"' not in " ".join(queries(client_of("cs", shop), "s"))


def test_two_letters_are_how_a_name_begins(client_of: ClientOf, shop: Shop) -> None:
    """No index knows two letters inside a name, and a million names would be read."""
    shop.contact(name="Ali")
    shop.contact(name="Sali")
    assert titles(client_of("cs", shop), "al") == ["Ali"]


@pytest.mark.django_db
def test_the_end_of_a_number_is_found_by_its_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        statement, parameters = ending_in(Contact.objects.all(), "0812 5432").query.sql_with_params()
        cursor.execute(f"EXPLAIN {statement}", parameters)
        assert "identity_by_end" in str(cursor.fetchall())
