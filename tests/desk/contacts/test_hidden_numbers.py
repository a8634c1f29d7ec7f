"""People whose number is hidden: shown as people, found by what stands for the number, in and out of files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation
from rest_framework.test import APIClient

from contacts.models import Contact, ContactIdentity, IdentityKind
from desk.contacts.search import find
from desk.templatetags.labelcrm import address
from labelcrm.core.models import AuditEntry
from labels.services import projections
from tests.api.conftest import client_of as api_client_of
from tests.desk.conftest import Shop
from tests.factories import THEN, UserFactory
from tests.transfer.test_exports import CSV, XLSX, body, export
from tests.transfer.test_imports import totals, upload
from transfer import exports

LIST = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]
LID, ID, PARENT = "210987654321098", "ID.13491208655302741918", "ID.ENT.11815799212886844830"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def hidden(shop: Shop) -> dict[str, Contact]:
    """Three people without a number: by username, by Meta's ids, by LID; and one with everything."""
    people = {
        "username": shop.contact(name="Budi", phone="", user_id=ID, username="budi.kopi"),
        "user_id": shop.contact(name="", phone="", user_id="ID.555000111"),
        "lid": shop.contact(name="", phone="", lid=LID),
        "all": shop.contact(name="Sari", phone="+6281290001111", lid="1234567", user_id="SG.9", username="sari_s"),
    }
    ContactIdentity.objects.create(contact=people["username"], kind=IdentityKind.PARENT_ID, value=PARENT)
    return people


@pytest.fixture
def api() -> APIClient:
    return api_client_of(UserFactory(role="owner"))


# -- As people ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text", "shown"),
    [
        ({"phone": "+6281290001111", "username": "budi"}, "+6281290001111", "+62 812-9000-1111"),
        ({"username": "budi", "user_id": ID}, "@budi", "@budi"),
        ({"lid": LID}, "No number · …1098", f'<span title="{LID}@lid">No number · …1098</span>'),
        ({"user_id": ID}, "No number · …1918", f'<span title="{ID}">No number · …1918</span>'),
        ({}, "No number", "No number"),
        ({"name": "Budi", "lid": LID}, "Budi", f'<span title="{LID}@lid">No number · …1098</span>'),
    ],
)
def test_a_person_is_named_by_the_best_that_is_known(fields: dict[str, str], text: str, shown: str) -> None:
    contact = Contact(**fields)
    with translation.override("en"):
        assert (str(contact), address(contact)) == (text, shown)


def test_the_list_shows_people_and_no_digits(client_of: ClientOf, shop: Shop, hidden: dict[str, Contact]) -> None:
    page = client_of("cs_lead", shop).get(LIST).content.decode()
    table = page[page.index('id="result_list"') : page.index("</table>")]
    assert "@budi.kopi" in table
    assert f'<span title="{LID}@lid">No number · …1098</span>' in table
    assert f">{LID}" not in table
    assert ">ID.555000111" not in table


def test_the_page_of_a_contact_tells_every_identifier(client_of: ClientOf, shop: Shop, hidden: Any) -> None:
    page = client_of("cs_lead", shop).get(f"{LIST}{hidden['username'].pk}/").content.decode()
    for fact in ("number not known yet", "@budi.kopi", "WhatsApp user id", ID, "Parent user id", PARENT):
        assert fact in page
    page = client_of("cs_lead", shop).get(f"{LIST}{hidden['all'].pk}/").content.decode()
    assert "number not known yet" not in page
    places = [page.index(fact) for fact in ("+62 812-9000-1111</bdi>", "1234567@lid", "SG.9")]
    assert places == sorted(places), "the phone comes first"


def test_the_page_of_a_nameless_person_is_headed_in_words(client_of: ClientOf, shop: Shop, hidden: Any) -> None:
    page = client_of("cs_lead", shop).get(f"{LIST}{hidden['lid'].pk}/").content.decode()
    assert "<h2>No number · …1098</h2>" in page
    assert f"{LID}@lid" in page


def test_the_lines_behind_a_tile_show_people(client_of: ClientOf, shop: Shop, hidden: Any) -> None:
    label = shop.whatsapp_label("Grade A")
    for who in ("username", "lid"):
        shop.put(hidden[who], label)
    projections.refresh([contact.pk for contact in hidden.values()])
    times = {"from": THEN.isoformat(), "to": (THEN + timedelta(days=9)).isoformat()}
    page = client_of("owner").get(reverse("label-activity"), {"what": "added", **times}).content.decode()
    assert f'<span title="{LID}@lid">No number · …1098</span></a>' in page
    assert 'Budi</a> <small class="lc-quiet">@budi.kopi</small>' in page


# -- Found -------------------------------------------------------------------------------------------------------


FOUND = {
    "@budi.kopi": {"username"},
    "@BUDI": {"username"},
    "kopi": {"username"},
    "sari_s": {"all"},
    ID: {"username"},
    f" {ID.lower()} ": {"username"},
    PARENT: {"username"},
    "ID.555000111": {"user_id"},
    LID: {"lid"},
    f"{LID}@lid": {"lid"},
    "1234567@lid": {"all"},
    "@nobody": set(),
    "ID.404": set(),
    "@": set(),
    "@-": set(),
}


@pytest.mark.parametrize("term", FOUND)
def test_the_list_finds_people_by_what_stands_for_a_number(hidden: dict[str, Contact], term: str) -> None:
    found = set(find(Contact.objects.all(), term).values_list("pk", flat=True))
    assert found == {hidden[who].pk for who in FOUND[term]}


@pytest.mark.parametrize("term", FOUND)
def test_the_api_finds_them_by_the_same_words(hidden: dict[str, Contact], api: APIClient, term: str) -> None:
    found = {row["id"] for row in api.get("/api/v1/contacts/", {"q": term}).json()["results"]}
    assert found == {hidden[who].pk for who in FOUND[term]}


def test_a_contact_tells_username_and_user_ids_in_the_api(hidden: dict[str, Contact], api: APIClient) -> None:
    row = api.get(f"/api/v1/contacts/{hidden['username'].pk}/").json()
    assert (row["phone"], row["lids"], row["username"], row["user_ids"]) == (None, [], "budi.kopi", [ID, PARENT])
    row = api.get(f"/api/v1/contacts/{hidden['lid'].pk}/").json()
    assert (row["lids"], row["username"], row["user_ids"]) == ([f"{LID}@lid"], None, [])


@pytest.mark.parametrize(
    ("name", "value", "who"),
    [
        ("user_id", ID, "username"),
        ("user_id", PARENT, "username"),
        ("user_id", ID.lower(), "username"),
        ("username", "BUDI.KOPI", "username"),
        ("username", "@budi.kopi", "username"),
        ("username", "budi", None),
        ("user_id", "ID.404", None),
    ],
)
def test_the_api_asks_for_one_exactly(hidden: Any, api: APIClient, name: str, value: str, who: str | None) -> None:
    found = [row["id"] for row in api.get("/api/v1/contacts/", {name: value}).json()["results"]]
    assert found == ([hidden[who].pk] if who else [])


@pytest.mark.parametrize("name", ["user_id", "username"])
@pytest.mark.parametrize("value", ["²", "6281290001111", "ID.²", "a b", "<b>", "x" * 400, "ID." + "1" * 129])
def test_what_is_no_such_id_is_refused(api: APIClient, name: str, value: str) -> None:
    answer = api.get("/api/v1/contacts/", {name: value})
    assert answer.status_code == 400
    assert name in str(answer.json())


@pytest.mark.parametrize("search", [{"q": "@budi"}, {"username": "budi.kopi"}])
def test_a_username_is_found_by_its_index(hidden: Any, api: APIClient, search: dict[str, str]) -> None:
    from api.contacts import ContactFilterSet

    rows = ContactFilterSet(search, queryset=Contact.objects.all()).qs
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        statement, parameters = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN {statement}", parameters)
        assert "contact_username_trgm" in str(cursor.fetchall())


# -- In files ----------------------------------------------------------------------------------------------------


def test_an_export_ends_with_what_stands_for_a_number(client_of: ClientOf, hidden: dict[str, Contact]) -> None:
    text = body(export(client_of("marketing"))).decode("utf-8-sig")
    rows = {int(row["id"]): row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert exports.COLUMNS[-2:] == ("username", "user_ids")
    row = rows[hidden["username"].pk]
    assert (row["phone"], row["username"], row["user_ids"]) == ("", "budi.kopi", f"{ID}; {PARENT}")
    row = rows[hidden["all"].pk]
    assert (row["lids"], row["username"], row["user_ids"]) == ("1234567@lid", "sari_s", "SG.9")
    assert AuditEntry.objects.get(action="contacts.exported").details["excluded"]["no_phone"] == 0, "as was asked"


def test_before_exporting_the_page_says_who_has_no_number(client_of: ClientOf, hidden: dict[str, Contact]) -> None:
    page = client_of("marketing").get(f"{LIST}export/")
    assert [step.count for step in page.context["steps"] if step.code == "no_phone"] == [3]


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_what_was_exported_comes_back_in_without_effect(client_of: ClientOf, hidden: Any, kind: str) -> None:
    preview = upload(client_of("owner"), body(export(client_of("marketing"), kind=kind)), kind=kind)
    assert totals(preview) == (0, 0, 4)


def test_a_file_from_elsewhere_means_people_by_their_user_id(client_of: ClientOf, hidden: dict[str, Contact]) -> None:
    preview = upload(client_of("owner"), f"user_ids,name\n{ID},Budi Kopi\nID.555000111,Tini\n")
    assert totals(preview) == (0, 2, 0)
    shown = preview.content.decode()
    assert "@budi.kopi" in shown
    assert "No number · …0111" in shown


def test_a_username_in_a_file_means_nobody(client_of: ClientOf, hidden: dict[str, Contact]) -> None:
    """It may belong to somebody else tomorrow."""
    preview = upload(client_of("owner"), "username,phone,name\nbudi.kopi,081290009999,Orang Lain\n")
    assert totals(preview) == (1, 0, 0)
    assert Contact.objects.get(username="budi.kopi").name == "Budi"


def test_of_several_numbers_the_page_tells_which_one_leads(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Joko", phone="+6281290001111")
    ContactIdentity.objects.create(contact=contact, kind=IdentityKind.PHONE, value="+6281290002222")
    page = client_of("cs_lead", shop).get(f"{LIST}{contact.pk}/").content.decode()
    assert '<span>Phone</span> <bdi class="lc-id">+62 812-9000-1111' in page
    assert '<span>Phone (another)</span> <bdi class="lc-id">+62 812-9000-2222' in page
