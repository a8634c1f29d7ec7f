"""Before the file: the page of an export says which rows, how many, and has a format chosen already."""

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
CSV, XLSX = "0", "1"


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
    return re.findall(r'name="format" value="(\d)" checked', response.content.decode())


def test_the_page_counts_the_rows_of_the_list_and_of_the_file(client_of: ClientOf, graded: list[Contact]) -> None:
    label = graded[0].assignments.get().label_id
    page = client_of("marketing").get(f"{LIST}export/?label={label}")
    assert "3 contacts chosen in the list" in words(page)
    assert "In the file: 2 contacts, 1 who opted out are left out." in words(page)
    assert "In the file: 3 contacts, with 1 who opted out." in words(page), "which is shown when the box is empty"
    assert [(chip.title, chip.text) for chip in page.context["cl"].chips()] == [("Label", "Grade A")]
    assert f'href="{LIST}?label={label}"' in page.content.decode()


def test_without_filters_the_page_says_that_all_go_into_the_file(client_of: ClientOf, graded: list[Contact]) -> None:
    page = words(client_of("marketing").get(f"{LIST}export/"))
    assert "4 contacts in the whole list: no filter is set" in page
    assert "Start export" in page
    assert "Submit" not in page
    searched = words(client_of("marketing").get(f"{LIST}export/", {"q": graded[0].phone}))
    assert "1 contact chosen in the list" in searched
    assert f"Search: {graded[0].phone}" in searched


def test_xlsx_is_chosen_first_and_then_what_was_taken_last(client_of: ClientOf, graded: list[Contact]) -> None:
    client, other = client_of("marketing"), client_of("marketing")
    assert chosen(client.get(f"{LIST}export/")) == [XLSX]
    client.post(f"{LIST}export/", {"format": CSV, "resource": "0"})
    assert chosen(client.get(f"{LIST}export/")) == [CSV]
    assert chosen(other.get(f"{LIST}export/")) == [XLSX], "what one person takes is not another's habit"


def test_csv_is_chosen_where_a_sheet_has_no_room(
    client_of: ClientOf, graded: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 3)
    assert chosen(client_of("marketing").get(f"{LIST}export/")) == [CSV]
    assert chosen(client_of("marketing").get(f"{LIST}export/?opted_out=0")) == [XLSX]


def test_without_a_format_the_page_asks_again(client_of: ClientOf, graded: list[Contact]) -> None:
    page = client_of("marketing").post(f"{LIST}export/", {"resource": "0"})
    assert 'role="alert"' in page.content.decode()
    assert not Job.objects.exists()


def test_campaigns_are_counted_too(client_of: ClientOf) -> None:
    CampaignFactory()
    page = client_of("marketing").get("/admin/contacts/campaign/export/")
    assert "In the file: 1 campaign." in words(page)
    assert chosen(page) == [XLSX]
