"""The contact list sorted by how long a label is on: where it can be, which label counts, and how it pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from labels.models import ChannelLabel
from tests.desk.conftest import Shop
from tests.factories import THEN

LIST = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]


@pytest.fixture
def hot(shop: Shop) -> ChannelLabel:
    return shop.whatsapp_label("Prospek panas")


@pytest.fixture
def grade(shop: Shop) -> ChannelLabel:
    return shop.whatsapp_label("Grade A")


def names(response: Any) -> list[str]:
    return [contact.name for contact in response.context["cl"].result_list]


def on(shop: Shop, row: ChannelLabel, name: str, minute: int, **values: Any) -> Contact:
    contact = Contact.objects.filter(name=name).first() or shop.contact(name=name)
    shop.put(contact, row, added_at=THEN + timedelta(minutes=minute), **values)
    return contact


def ids(*rows: ChannelLabel) -> str:
    return "&".join(f"label={row.label_id}" for row in rows)


def test_oldest_label_first_and_the_newest_when_clicked_again(
    client_of: ClientOf, shop: Shop, hot: ChannelLabel
) -> None:
    for name, minute in (("middle", 5), ("old", 1), ("new", 9)):
        on(shop, hot, name, minute)
    client = client_of("cs_lead", shop)
    first = client.get(f"{LIST}?{ids(hot)}").content.decode()
    link = re.search(r'class="column-labelled_shown"><a href="([^"]*)"', first)
    assert link is not None
    page = client.get(LIST + link[1].replace("&amp;", "&"))
    assert names(page) == ["old", "middle", "new"]
    assert 'class="column-labelled_shown" aria-sort="ascending"' in page.content.decode()
    assert names(client.get(f"{LIST}?{ids(hot)}&o=-labelled_shown")) == ["new", "middle", "old"]


@pytest.mark.parametrize("query", ["", "label=none&label={hot}", "category=1", "label_none={hot}"])
def test_a_list_that_asks_for_no_label_by_name_is_not_sorted_by_its_age(
    client_of: ClientOf, shop: Shop, hot: ChannelLabel, query: str
) -> None:
    on(shop, hot, "labelled", 1)
    shop.contact(name="without")
    address = f"{LIST}?{query.format(hot=hot.label_id)}"
    client = client_of("cs_lead", shop)
    assert names(client.get(f"{address}&o=labelled_shown")) == names(client.get(address))
    assert 'class="column-labelled_shown"><a' not in client.get(address).content.decode()


def test_of_several_labels_the_newest_that_is_asked_for_counts(
    client_of: ClientOf, shop: Shop, hot: ChannelLabel, grade: ChannelLabel
) -> None:
    on(shop, hot, "both", 1)
    on(shop, grade, "both", 8)
    on(shop, hot, "hot", 5)
    client = client_of("cs_lead", shop)
    assert names(client.get(f"{LIST}?{ids(hot)}&o=labelled_shown")) == ["both", "hot"]
    page = client.get(f"{LIST}?{ids(hot, grade)}&o=labelled_shown")
    assert names(page) == ["hot", "both"]
    assert [contact.labelled for contact in page.context["cl"].result_list] == [
        contact.walked for contact in page.context["cl"].result_list
    ], "what is shown is what is sorted by"


def test_a_label_on_two_numbers_counts_once_and_that_of_another_team_never(
    client_of: ClientOf, shop: Shop, other_shop: Shop, hot: ChannelLabel
) -> None:
    theirs = other_shop.whatsapp_label("Prospek panas")
    both = on(shop, hot, "both", 1)
    other_shop.put(both, theirs, added_at=THEN + timedelta(minutes=9))
    on(shop, hot, "one", 5)
    assert names(client_of("cs_lead", shop).get(f"{LIST}?{ids(hot)}&o=labelled_shown")) == ["both", "one"]
    assert names(client_of("owner").get(f"{LIST}?{ids(hot)}&o=labelled_shown")) == ["one", "both"]


def test_only_who_the_other_filters_leave_and_only_labels_that_are_on(
    client_of: ClientOf, shop: Shop, hot: ChannelLabel
) -> None:
    on(shop, hot, "assigned", 5)
    Contact.objects.filter(name="assigned").update(assigned_to=shop.agent)
    on(shop, hot, "again", 0, hours=0.01)
    on(shop, hot, "again", 9)
    on(shop, hot, "over", 0, hours=1)
    on(shop, hot, "archived", 1)
    Contact.objects.filter(name="archived").update(deleted_at=THEN)
    client = client_of("cs_lead", shop)
    assert names(client.get(f"{LIST}?{ids(hot)}&o=labelled_shown")) == ["assigned", "again"]
    narrowed = f"{LIST}?{ids(hot)}&assigned_to__id__exact={shop.agent.pk}&o=labelled_shown"
    assert names(client.get(narrowed)) == ["assigned"]


@pytest.mark.parametrize("near", [400, 3])
@pytest.mark.parametrize("order", ["labelled_shown", "-labelled_shown"])
def test_pages_by_label_age_are_walked_both_ways(
    client_of: ClientOf,
    shop: Shop,
    hot: ChannelLabel,
    grade: ChannelLabel,
    order: str,
    near: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the next labels of all are those of contacts that other filters leave out."""
    monkeypatch.setattr("desk.contacts.contacts.ContactAdmin.list_per_page", 3)
    monkeypatch.setattr("desk.contacts.list_filters.NEAR", near)
    for number in range(7):
        on(shop, hot, f"not assigned {number}", number % 4)
    wanted = []
    for number in range(10):  # three share each time
        contact = on(shop, (hot, grade)[number % 2], f"{number:02}", number // 3)
        wanted.append((number // 3, contact.pk, contact.name))
    Contact.objects.filter(name__startswith="0").update(assigned_to=shop.agent)
    flat = [name for _minute, _pk, name in sorted(wanted, reverse=order.startswith("-"))]
    client = client_of("cs_lead", shop)
    url = f"?{ids(hot, grade)}&assigned_to__id__exact={shop.agent.pk}&o={order}"
    pages = []
    while url:
        page = client.get(LIST + url).context["cl"]
        pages.append([contact.name for contact in page.result_list])
        last, url = url, page.older_url
    assert [name for page in pages for name in page] == flat
    back = []
    while last:
        page = client.get(LIST + last).context["cl"]
        back.insert(0, [contact.name for contact in page.result_list])
        last = page.newer_url
    assert back == pages


def test_the_age_that_is_told_is_that_of_a_label_as_old_as_asked(
    client_of: ClientOf, shop: Shop, other_shop: Shop, hot: ChannelLabel
) -> None:
    both = on(shop, hot, "both", 0)
    other_shop.put(both, other_shop.whatsapp_label("Prospek panas"), added_at=timezone.now())
    [shown] = client_of("owner").get(f"{LIST}?{ids(hot)}&label_age=7").context["cl"].result_list
    assert shown.labelled.added_at == THEN


def test_a_page_by_label_age_takes_few_queries(client_of: ClientOf, shop: Shop, hot: ChannelLabel) -> None:
    for number in range(20):
        on(shop, hot, f"{number:02}", number)
    client = client_of("cs_lead", shop)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"{LIST}?{ids(hot)}&o=labelled_shown")
    assert len(names(response)) == 20
    assert len(queries) <= 14, [query["sql"] for query in queries]
