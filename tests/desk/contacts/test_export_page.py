"""Before the file: the page of an export says whom, how many and who is left out, and has a format chosen already."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Contact
from labelcrm.core.models import Job
from tests.desk.conftest import Shop
from tests.factories import CampaignFactory
from transfer import exports

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
LIST = "/admin/contacts/contact/"
CSV, XLSX = exports.CSV, exports.XLSX


@pytest.fixture
def graded(shop: Shop) -> list[Contact]:
    """Three contacts with Grade A, of whom the first opted out; and one without."""
    grade = shop.whatsapp_label("Grade A")
    found = [shop.contact() for _n in range(4)]
    for contact in found[:3]:
        shop.put(contact, grade)
    Contact.objects.filter(pk=found[0].pk).update(opted_out_at=timezone.now())
    return found


def words(response: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(text.split()).replace(" .", ".").replace(" ,", ",")


def chosen(response: Any) -> list[str]:
    return re.findall(r'name="layout" value="(\w+)" checked', response.content.decode())


def test_the_page_counts_the_rows_of_the_list_and_of_the_file(client_of: ClientOf, graded: list[Contact]) -> None:
    label = graded[0].assignments.get().label_id
    client = client_of("marketing")
    page = client.get(f"{LIST}export/?label={label}")
    counts = page.context["counts"]
    assert (counts.matched, counts.excluded["opted_out"], counts.rows) == (3, 1, 2)
    assert "Label: Grade A" in words(page)
    assert f'href="{LIST}?label={label}"' in page.content.decode()
    people = client.get(f"{LIST}export/?label={label}&people=opted_out")
    assert [contact.pk for contact in people.context["people"]] == [graded[0].pk]
    assert people.context["back"] == f"?label={label}"


def test_without_filters_the_page_says_that_the_whole_list_is_meant(client_of: ClientOf, graded: list[Contact]) -> None:
    page = client_of("marketing").get(f"{LIST}export/")
    assert "The whole list: no filter is set" in words(page)
    assert page.context["counts"].matched == 4
    searched = client_of("marketing").get(f"{LIST}export/", {"q": graded[0].phone})
    assert searched.context["counts"].matched == 1
    assert f"Search: {graded[0].phone}" in words(searched)


def test_the_page_says_how_many_have_no_number_and_may_keep_them(client_of: ClientOf, graded: list[Contact]) -> None:
    Contact.objects.filter(pk=graded[3].pk).update(phone="")
    client = client_of("marketing")
    assert client.get(f"{LIST}export/").context["counts"].excluded["no_phone"] == 1
    kept = client.get(f"{LIST}export/?asked=1").context["counts"]
    assert (kept.rows, kept.excluded["no_phone"]) == (3, 0)
    assert client.get(f"{LIST}export/?asked=1&layout=whatsapp").context["counts"].excluded["no_phone"] == 1


def test_xlsx_is_chosen_first_and_then_what_was_taken_last(client_of: ClientOf, graded: list[Contact]) -> None:
    client, other = client_of("marketing"), client_of("marketing")
    assert chosen(client.get(f"{LIST}export/")) == [XLSX]
    client.post(f"{LIST}export/", {"asked": "1", "layout": CSV, "columns": ["campaign"]})
    page = client.get(f"{LIST}export/")
    assert chosen(page) == [CSV]
    options = page.context["choice"].column_options
    assert [option.name for option in options if option.chosen] == ["phone", "name", "labels", "campaign"]
    assert chosen(other.get(f"{LIST}export/")) == [XLSX], "what one person takes is not another's habit"


def test_csv_is_chosen_where_a_sheet_has_no_room(
    client_of: ClientOf, graded: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 2)
    assert chosen(client_of("marketing").get(f"{LIST}export/")) == [CSV]
    assert chosen(client_of("marketing").get(f"{LIST}export/?q={graded[1].phone}")) == [XLSX]
    insisting = client_of("marketing").get(f"{LIST}export/?asked=1&layout=xlsx")
    assert (chosen(insisting), insisting.context["too_long"]) == ([XLSX], True)


def test_without_a_format_the_page_asks_again(client_of: ClientOf, graded: list[Contact]) -> None:
    page = client_of("marketing").post(f"{LIST}export/?q=Budi", {"asked": "1", "q": "Budi"}, follow=True)
    assert "Choose a format." in words(page)
    assert page.redirect_chain[0][0] == "?asked=1&q=Budi"
    assert not Job.objects.exists()


def test_counting_again_without_javascript_keeps_every_choice(client_of: ClientOf, graded: list[Contact]) -> None:
    asked = {"asked": "1", "layout": CSV, "hold_out": "50", "again": "1", "q": "Pelanggan"}
    page = client_of("marketing").post(f"{LIST}export/?q=Pelanggan", asked, follow=True)
    assert page.context["counts"].excluded["hold_out"] == 2
    assert chosen(page) == [CSV]
    assert not Job.objects.exists()


@pytest.mark.parametrize("number", ["-1", "", "x", "1e9", "9" * 40, "½", "99"])
def test_a_number_that_cannot_be_meant_counts_as_the_nearest(
    client_of: ClientOf, graded: list[Contact], number: str
) -> None:
    page = client_of("marketing").get(f"{LIST}export/", {"asked": "1", "hold_out": number, "exported_days": number})
    assert page.status_code == 200
    assert page.context["choice"].exclusions.hold_out in (0, 50)


def test_campaigns_are_counted_too(client_of: ClientOf) -> None:
    CampaignFactory()
    page = client_of("marketing").get("/admin/contacts/campaign/export/")
    assert "In the file: 1 campaign." in words(page)
    assert re.findall(r'name="format" value="(\d)" checked', page.content.decode()) == ["1"]
