"""The contact list sorted by what contacts are worth: by the stage that the reader sees, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from labels.models import Label
from labels.selectors.stale_contacts import value_of
from labels.services.projections import refresh
from tests.desk.conftest import Shop
from tests.factories import THEN

LIST = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]


def names(response: Any) -> list[str]:
    return [contact.name for contact in response.context["cl"].result_list]


def on(shop: Shop, label: str, name: str, minute: int = 0) -> Contact:
    contact = Contact.objects.filter(name=name).first() or shop.contact(name=name)
    shop.put(contact, shop.whatsapp_label(label), added_at=THEN + timedelta(minutes=minute))
    refresh([contact.pk])
    return contact


def test_who_is_worth_most_comes_first_and_who_is_in_no_stage_last(client_of: ClientOf, shop: Shop) -> None:
    for label, name in (("Prospek dingin", "cold"), ("Grade A", "grade"), ("Prospek panas", "hot"), ("Selesai", "won")):
        on(shop, label, name)
    shop.contact(name="nobody labelled")
    client = client_of("cs_lead", shop)
    best = names(client.get(f"{LIST}?o=-labels_shown"))
    assert (best[-1], best[-2]) == ("nobody labelled", "cold")
    assert best[:3] == sorted(best[:3], key=lambda name: -_worth(name))
    worst = names(client.get(f"{LIST}?o=labels_shown"))
    assert (worst[0], worst[-1]) == ("cold", "nobody labelled")
    assert worst[:4] == best[3::-1]


def _worth(name: str) -> int:
    label = {"grade": "Grade A", "hot": "Prospek panas", "won": "Selesai"}[name]
    return value_of(Label.objects.get(name=label))


def test_the_label_that_came_last_is_the_stage(client_of: ClientOf, shop: Shop) -> None:
    on(shop, "Grade A", "grew cold")
    on(shop, "Prospek dingin", "grew cold", minute=60)
    on(shop, "Prospek dingin", "grew warm")
    on(shop, "Grade A", "grew warm", minute=60)
    assert names(client_of("cs_lead", shop).get(f"{LIST}?o=-labels_shown")) == ["grew warm", "grew cold"]


def test_a_stage_on_another_teams_number_moves_nobody(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    both = on(shop, "Prospek dingin", "both")
    other_shop.put(both, other_shop.whatsapp_label("Grade A"), added_at=THEN + timedelta(hours=1))
    refresh([both.pk])
    on(shop, "Prospek dingin", "later")
    on(shop, "Grade B", "grade B")
    assert names(client_of("cs_lead", shop).get(f"{LIST}?o=-labels_shown")) == ["grade B", "later", "both"]
    assert names(client_of("owner").get(f"{LIST}?o=-labels_shown"))[0] == "both"


def test_a_changed_label_changes_the_order_at_once(client_of: ClientOf, shop: Shop) -> None:
    on(shop, "Prospek dingin", "cold")
    on(shop, "Grade C", "C")
    client = client_of("cs_lead", shop)
    assert names(client.get(f"{LIST}?o=-labels_shown")) == ["C", "cold"]
    Label.objects.filter(name="Prospek dingin").update(low_quality=False, high_quality=True, step=5)
    assert names(client.get(f"{LIST}?o=-labels_shown")) == ["cold", "C"]


@pytest.mark.parametrize("order", ["labels_shown", "-labels_shown"])
def test_pages_by_value_are_walked_both_ways(
    client_of: ClientOf, shop: Shop, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.contacts.ContactAdmin.list_per_page", 3)
    for number in range(11):
        label = ("Grade A", "Prospek dingin", "Selesai", "")[number % 4]
        _ = on(shop, label, f"{number:02}") if label else shop.contact(name=f"{number:02}")
    client = client_of("cs_lead", shop)
    pages, url, last = [], f"?o={order}", ""
    while url:
        page = client.get(LIST + url).context["cl"]
        pages.append([contact.name for contact in page.result_list])
        last, url = url, page.older_url
    assert sorted(name for page in pages for name in page) == [f"{number:02}" for number in range(11)]
    back = []
    while last:
        page = client.get(LIST + last).context["cl"]
        back.insert(0, [contact.name for contact in page.result_list])
        last = page.newer_url
    assert back == pages


@pytest.mark.parametrize(("role", "most"), [("root", 12), ("cs_lead", 14)])
def test_a_page_by_value_takes_few_queries_however_many_values_there_are(
    client_of: ClientOf, shop: Shop, role: str, most: int
) -> None:
    for number in range(12):
        on(shop, ("Grade A", "Selesai", "Menunggu pembayaran", "Prospek dingin")[number % 4], f"{number:02}")
    client, grade = client_of(role, shop), Label.objects.get(name="Grade A").pk
    for query, shown in ((f"&label={grade}", 3), ("", 12)):
        for order in ("-labels_shown", "labels_shown"):
            with CaptureQueriesContext(connection) as queries:
                assert len(names(client.get(f"{LIST}?o={order}{query}"))) == shown
            assert len(queries) <= most, [query["sql"] for query in queries]


def test_a_broken_address_of_a_page_by_value_is_said(client_of: ClientOf, shop: Shop) -> None:
    assert client_of("cs_lead", shop).get(f"{LIST}?o=-labels_shown&after=WyJ4IiwgMV0").status_code == 400
