"""The contact list: who is in it, how it pages, what finds a contact, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ContactIdentity
from desk.contacts.search import significant_digits
from labels.models import Label
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory

LIST = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]


def names(response: Any) -> list[str]:
    return [contact.name for contact in response.context["cl"].result_list]


# -- Who is in it -------------------------------------------------------------------------------------------------


def test_a_lead_sees_the_contacts_of_the_own_team_only(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    shop.contact(name="Siti")
    other_shop.contact(name="Joko")
    assert names(client_of("cs_lead", shop).get(LIST)) == ["Siti"]
    assert sorted(names(client_of("owner").get(LIST))) == ["Joko", "Siti"]


def test_archived_and_merged_contacts_are_left_out_until_asked_for(client_of: ClientOf, shop: Shop) -> None:
    living = shop.contact(name="Siti")
    shop.contact(name="Lama", deleted_at=THEN)
    shop.contact(name="Kembar", deleted_at=THEN, merged_into=living)
    client = client_of("owner")
    assert names(client.get(LIST)) == ["Siti"]
    assert names(client.get(LIST, {"archived": "1"})) == ["Lama"]


# -- What it shows --------------------------------------------------------------------------------------------------


def test_only_labels_that_are_on_now_are_shown_with_the_channel_on_hover(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"))
    shop.put(contact, shop.whatsapp_label("Selesai"), hours=2)
    shop.put(contact, shop.whatsapp_label("Favorit", label="Mendesak", hidden=True))
    page = client_of("cs_lead", shop).get(LIST).content.decode()
    table = page[page.index('id="result_list"') : page.index("</table>")]
    assert "Grade A" in table
    assert "Number Rina: “Grade A” since" in table
    assert "Done" not in table
    assert "Urgent" not in table


def test_labels_of_other_teams_numbers_stay_with_them(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"))
    shop.put(contact, other_shop.whatsapp_label("Komplain"))
    shown = client_of("cs_lead", shop).get(LIST).context["cl"].result_list[0].labels_now
    assert [assignment.label.name for assignment in shown] == ["Grade A"]


def test_one_label_on_two_numbers_is_one_badge(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"))
    shop.put(contact, other_shop.whatsapp_label("GRADE A", label="Grade A"))
    page = client_of("owner").get(LIST).content.decode()
    cell = re.search(r"<td[^>]*field-labels_shown.*?</td>", page, re.DOTALL)
    assert cell is not None
    assert cell[0].count("lc-badge ") == 1
    assert "Number Budi" in cell[0]


def test_names_from_whatsapp_are_text_never_markup(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="<img src=x onerror=alert(1)>")
    page = client_of("cs_lead", shop).get(LIST).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


# -- Filters ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def labelled(shop: Shop) -> dict[str, Contact]:
    people = {name: shop.contact(name=name) for name in ("hot", "done", "was hot", "nothing")}
    hot, done = shop.whatsapp_label("Prospek panas"), shop.whatsapp_label("Selesai")
    shop.put(people["hot"], hot)
    shop.put(people["done"], done)
    shop.put(people["was hot"], hot, hours=3)
    return people


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (["Prospek panas"], {"hot"}),
        (["Prospek panas", "Selesai"], {"hot", "done"}),
        (["none"], {"was hot", "nothing"}),
        (["Komplain"], set()),
    ],
)
def test_label_filter_means_on_now(
    client_of: ClientOf, shop: Shop, labelled: dict[str, Contact], chosen: list[str], found: set[str]
) -> None:
    ids = [name if name == "none" else Label.objects.get(name=name).pk for name in chosen]
    assert set(names(client_of("cs_lead", shop).get(LIST, {"label": ids}))) == found


def test_few_and_many_contacts_of_a_label_are_found_alike(
    client_of: ClientOf, shop: Shop, labelled: dict[str, Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.list_filters.FEW", 0)
    label = Label.objects.get(name="Prospek panas")
    assert names(client_of("cs_lead", shop).get(LIST, {"label": label.pk})) == ["hot"]


def test_contacts_whose_label_nobody_has_mapped_are_found(
    client_of: ClientOf, shop: Shop, labelled: dict[str, Contact]
) -> None:
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST, {"category": "unmapped"})) == []
    Label.objects.filter(name="Prospek panas").update(reviewed=False, category=None)
    assert names(client.get(LIST, {"category": "unmapped"})) == ["hot"]


# -- Who put it on, and how long ago ----------------------------------------------------------------------------------


@pytest.fixture
def rinas_and_budis(shop: Shop, other_shop: Shop) -> dict[str, int]:
    """Grade A by Rina (old, new) and by Budi (old), and Rina's old Hot prospect on the new one; ids to filter by."""
    grade, hot = shop.whatsapp_label("Grade A"), shop.whatsapp_label("Prospek panas")
    week = {"added_at": timezone.now() - timedelta(days=8)}
    day = {"added_at": timezone.now() - timedelta(days=1)}
    shop.put(shop.contact(name="old"), grade, **week)
    new = shop.contact(name="new")
    shop.put(new, grade, **day)
    shop.put(new, hot, **week)
    shop.put(shop.contact(name="Budi's"), grade, **week, added_by=other_shop.agent)
    return {"grade": grade.label_id, "hot": hot.label_id, "rina": shop.agent.pk, "budi": other_shop.agent.pk}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label={grade}&labelled_by={rina}&label_age=7", {"old"}),
        ("label={grade}&label_age=7", {"old", "Budi's"}),
        ("label={grade}&labelled_by={rina}", {"old", "new"}),
        ("labelled_by={rina}&label_age=7", {"old", "new"}),
        ("label_age=7", {"old", "new", "Budi's"}),
        ("label_age=30", set()),
        ("label_all={grade}&label_all={hot}", {"new"}),
        ("label={grade}&label={hot}", {"old", "new", "Budi's"}),
        ("label_none={hot}", {"old", "Budi's"}),
        ("label={grade}&label_none={hot}&labelled_by={budi}", {"Budi's"}),
        ("label_age=99999999999", set()),
        ("labelled_by=x&label_age=x&label_all=x&label_none=x&cs=x", {"old", "new", "Budi's"}),
    ],
)
def test_a_labels_age_and_labeller_are_those_of_the_label_asked_for(
    client_of: ClientOf, rinas_and_budis: dict[str, int], query: str, found: set[str]
) -> None:
    assert set(names(client_of("owner").get(f"{LIST}?{query.format(**rinas_and_budis)}"))) == found


def test_the_time_and_labeller_shown_are_those_of_the_label_asked_for(
    client_of: ClientOf, shop: Shop, rinas_and_budis: dict[str, int]
) -> None:
    client = client_of("owner")
    shown = client.get(LIST, {"label": rinas_and_budis["hot"]}).context["cl"].result_list[0].labelled
    assert shown.label_id == rinas_and_budis["hot"]
    newest = {c.name: c.labelled.label_id for c in client.get(LIST).context["cl"].result_list}
    assert newest["new"] == rinas_and_budis["grade"]


def test_a_cs_has_who_is_assigned_and_who_is_on_her_number(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    shop.contact(name="on her number")
    shop.contact(name="given away", assigned_to=other_shop.agent)
    other_shop.contact(name="given to her", assigned_to=shop.agent)
    client = client_of("owner")
    assert set(names(client.get(LIST, {"cs": shop.agent.pk}))) == {"on her number", "given to her"}
    assert names(client.get(LIST, {"cs": other_shop.agent.pk})) == ["given away"]
    assert names(client_of("cs_lead", shop).get(LIST, {"cs": other_shop.agent.pk})) == [], "of no team of the reader"


def test_the_quick_filters_keep_the_others(client_of: ClientOf, shop: Shop) -> None:
    grade = shop.whatsapp_label("Grade A")
    shop.put(shop.contact(name="Siti"), grade)
    page = client_of("cs_lead", shop).get(LIST, {"label": grade.label_id, "q": "siti", "opted_out": "0"})
    form = re.search(r'<form method="get" class="lc-quick-filters".*?</form>', page.content.decode(), re.DOTALL)
    assert form is not None
    assert '<input type="hidden" name="q" value="siti">' in form[0]
    assert '<input type="hidden" name="opted_out" value="0">' in form[0]
    assert 'name="label" value=' not in form[0]
    assert f'<option value="{grade.label_id}" selected>' in form[0]


def test_the_other_filters(client_of: ClientOf, shop: Shop, other_shop: Shop, labelled: dict[str, Contact]) -> None:
    client = client_of("owner")
    category = Label.objects.get(name="Selesai").category_id
    campaign = CampaignFactory()
    other = other_shop.contact(
        name="other", campaign=campaign, assigned_to=other_shop.agent, last_inbound_at=THEN, opted_out_at=THEN,
        follow_up_at=THEN,
    )  # fmt: skip
    assert names(client.get(LIST, {"category": category})) == ["done"]
    for query in (
        {"channel": other_shop.channel.pk},
        {"campaign__id__exact": campaign.pk},
        {"assigned_to__id__exact": other_shop.agent.pk},
        {"last_inbound_at_from": "2026-03-02", "last_inbound_at_to": "2026-03-02"},
        {"opted_out": "1"},
        {"follow_up": "due"},
    ):
        assert names(client.get(LIST, query)) == [other.name], query


def test_a_day_filter_includes_the_whole_last_day_of_the_business(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="late", last_inbound_at=THEN.replace(hour=16, minute=59))  # 23:59 in Jakarta
    shop.contact(name="next day", last_inbound_at=THEN.replace(hour=17, minute=1))
    found = client_of("cs_lead", shop).get(
        LIST, {"last_inbound_at_from": "2026-03-02", "last_inbound_at_to": "2026-03-02"}
    )
    assert names(found) == ["late"]
    nonsense = client_of("cs_lead", shop).get(LIST, {"last_inbound_at_from": "31-31-2026"})
    assert len(names(nonsense)) == 2


# -- Search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "+6281298765432", "6281298765432", "081298765432", "0812-9876-5432", "+62 812 9876 5432",
        "+62 (0)812 9876 5432", "(0812) 9876.5432", "006281298765432", "62081298765432", "9876",
        "6281298765432@s.whatsapp.net", "6281298765432:12@s.whatsapp.net", "6281298765432@c.us", "wa.me/6281298765432",
        "\u202a+62 812\u20119876\u20115432\u202c", "tel:0812-9876-5432", "81298765432",
    ],
)  # fmt: skip
def test_a_phone_is_found_in_any_spelling(client_of: ClientOf, shop: Shop, spelling: str) -> None:
    shop.contact(name="Siti", phone="+6281298765432")
    shop.contact(name="Joko", phone="+6285511112222")
    assert names(client_of("cs_lead", shop).get(LIST, {"q": spelling})) == ["Siti"]


@pytest.mark.parametrize("spelling", ["99887766554433", "99887766554433@lid", "99887766554433:3@lid"])
def test_a_lid_is_found(client_of: ClientOf, shop: Shop, spelling: str) -> None:
    shop.contact(name="Tanpa nomor", phone="", lid="99887766554433")
    shop.contact(name="Joko")
    assert names(client_of("cs_lead", shop).get(LIST, {"q": spelling})) == ["Tanpa nomor"]


def test_a_second_number_of_a_contact_is_found_too(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    ContactIdentity.objects.create(contact=contact, kind="phone", value="+6287700001111")
    assert names(client_of("cs_lead", shop).get(LIST, {"q": "0877-0000-1111"})) == ["Siti"]


def test_a_name_is_found_by_its_words_in_any_case(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Siti Nur Aisyah")
    shop.contact(name="100% Toko_Jaya 24")
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST, {"q": "aisyah SITI"})) == ["Siti Nur Aisyah"]
    assert names(client.get(LIST, {"q": "100%"})) == ["100% Toko_Jaya 24"]
    assert names(client.get(LIST, {"q": "o_j"})) == ["100% Toko_Jaya 24"]
    assert names(client.get(LIST, {"q": "siti toko"})) == []


def test_digits_of_too_little_meaning_are_taken_as_a_name() -> None:
    assert significant_digits("24") == ""
    assert significant_digits("Toko 24") == ""
    assert significant_digits("") == ""


# -- Pages ------------------------------------------------------------------------------------------------------------


def walk(client: Client, url: str, direction: str) -> list[list[str]]:
    """Every page from `url` on, along `newer_url` or `older_url`."""
    pages = []
    while url:
        response = client.get(url)
        pages.append(names(response))
        following = getattr(response.context["cl"], direction)
        url = f"{LIST}{following}" if following else ""
    return pages


def test_pages_follow_each_other_without_gap_or_overlap_both_ways(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.contacts.ContactAdmin.list_per_page", 4)
    for number in range(11):  # three share each time
        shop.contact(name=f"{number:02}", updated_at=THEN - timedelta(minutes=number // 3))
    client = client_of("cs_lead", shop)
    pages = walk(client, LIST, "older_url")
    assert [len(page) for page in pages] == [4, 4, 3]
    flat = [name for page in pages for name in page]
    in_order = Contact.objects.order_by("-updated_at", "-id").values_list("name", flat=True)
    assert flat == list(in_order)

    last = client.get(LIST).context["cl"]
    url = LIST
    while last.older_url:
        url = f"{LIST}{last.older_url}"
        last = client.get(url).context["cl"]
    assert walk(client, url, "newer_url") == pages[::-1]


def test_pages_keep_filters_and_filters_start_over(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.contacts.ContactAdmin.list_per_page", 1)
    shop.contact(name="Siti A")
    shop.contact(name="Siti B")
    older = client_of("cs_lead", shop).get(LIST, {"q": "siti"}).context["cl"].older_url
    assert parse_qs(urlsplit(older).query)["q"] == ["siti"]


@pytest.mark.parametrize("cursor", ["x", "%00", "MTIz", "bm90fjE", "MjAyNi0wMy0wMn4x"])
def test_a_damaged_page_address_is_a_bad_request(client_of: ClientOf, shop: Shop, cursor: str) -> None:
    assert client_of("cs_lead", shop).get(f"{LIST}?after={cursor}").status_code == 400


# -- Cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filtered", ["", "label", "channel", "assigned_to__id__exact", "campaign__id__exact", "q"])
def test_the_list_needs_at_most_twelve_queries_and_no_count(client_of: ClientOf, shop: Shop, filtered: str) -> None:
    campaign, row = CampaignFactory(), shop.whatsapp_label("Grade A")
    for _ in range(20):
        shop.put(shop.contact(campaign=campaign, assigned_to=shop.agent), row)
    values = {
        "label": row.label_id,
        "channel": shop.channel.pk,
        "assigned_to__id__exact": shop.agent.pk,
        "campaign__id__exact": campaign.pk,
        "q": "0812",
    }
    client = client_of("cs_lead", shop)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(LIST, {filtered: values[filtered]} if filtered else {})
    assert len(response.context["cl"].result_list) == 20
    assert len(queries) <= 12, [query["sql"] for query in queries]
    assert not any("COUNT(*)" in query["sql"] for query in queries)


def test_an_empty_list_says_what_to_do(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    assert "Contacts appear by themselves" in client.get(LIST).content.decode()
    assert "Try another spelling" in client.get(LIST, {"q": "nobody"}).content.decode()


def test_agents_are_offered_by_the_teams_a_lead_sees(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    field = {"app_label": "contacts", "model_name": "contact", "field_name": "assigned_to", "term": ""}
    offered = client_of("cs_lead", shop).get(reverse("admin:autocomplete"), field).json()["results"]
    assert [row["text"] for row in offered] == [shop.agent.name]


def test_a_list_that_fits_on_one_page_says_how_many_and_has_no_dead_arrows(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    for rows in ("0 contacts", "1 contact", "2 contacts"):
        page = client.get(LIST).content.decode()
        assert f'<p class="lc-pages">{rows}</p>' in page
        assert "Next →" not in page
        shop.contact()
