"""The chips above a list: what narrows it, in words, and the address without it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labels.models import Label
from tests.desk.conftest import Shop
from tests.factories import CampaignFactory

CONTACTS = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]
FILTERED_LISTS = [
    ("/admin/contacts/channel/?status__exact=working", "Status: working"),
    ("/admin/contacts/campaign/?starts_on_from=2026-03-01", "Starts on: from 1 Mar 2026"),
    ("/admin/labels/label/?reviewed__exact=1", "Reviewed: Yes"),
    ("/admin/labels/staleflag/?state=closed", "State: Settled"),
    ("/admin/webhooks/inboundevent/?state__exact=parked", "State: parked"),
    ("/admin/core/auditentry/?at_to=2026-03-02", "Time: until 2 Mar 2026"),
    ("/admin/core/jobrun/?ok__exact=1", "Succeeded: Yes"),
    ("/admin/core/user/?is_active__exact=1", "Active: Yes"),
    ("/admin/contacts/agent/?archived=1", "Archived: Archived rows only"),
]


def chips(response: Any) -> dict[str, str]:
    """The text of each chip, with its address."""
    found = re.findall(r'<a class="lc-chip" href="([^"]*)">(.*?)</a>', response.text, re.DOTALL)
    words = {" ".join(re.sub(r"<[^>]+>", "", text).split()): html.unescape(address) for address, text in found}
    return {html.unescape(text).removeprefix("Remove filter ").removesuffix(" ×"): href for text, href in words.items()}


def asked(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def test_a_list_without_a_filter_has_no_chips(client_of: ClientOf, shop: Shop) -> None:
    answer = client_of("cs_lead", shop).get(CONTACTS, {"q": "Siti", "label": "", "campaign__id__exact": ""})
    assert "lc-chip" not in answer.text
    assert not answer.context["cl"].has_active_filters, "what the form sent empty narrows nothing"


def test_each_filter_and_value_is_a_chip_that_takes_only_itself_off(client_of: ClientOf, shop: Shop) -> None:
    a, b = Label.objects.get(name="Grade A"), Label.objects.get(name="Grade B")
    found = chips(client_of("cs_lead", shop).get(f"{CONTACTS}?label={a.pk}&label={b.pk}&stale=1&q=Siti&campaign="))
    assert list(found) == ["Label (one of): Grade A", "Label (one of): Grade B", "Stale label: Has a stale label"]
    assert asked(found["Label (one of): Grade A"]) == {"label": [str(b.pk)], "stale": ["1"], "q": ["Siti"]}
    assert asked(found["Stale label: Has a stale label"]) == {"label": [str(a.pk), str(b.pk)], "q": ["Siti"]}


def test_a_single_label_reads_plainly(client_of: ClientOf, shop: Shop) -> None:
    label = Label.objects.get(name="Grade A")
    assert chips(client_of("cs_lead", shop).get(CONTACTS, {"label": label.pk})) == {"Label: Grade A": "?"}


def test_clear_all_keeps_the_search_only(client_of: ClientOf, shop: Shop) -> None:
    answer = client_of("cs_lead", shop).get(CONTACTS, {"stale": "1", "follow_up": "due", "q": "Siti"})
    (clear,) = re.findall(r'href="([^"]*)">Clear all<', answer.text)
    assert asked(clear) == {"q": ["Siti"]}


def test_days_are_one_chip_and_what_is_no_day_is_none(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    both = {"first_seen_at_from": "2026-03-01", "first_seen_at_to": "2026-03-05"}
    assert chips(client.get(CONTACTS, both)) == {"First seen: 1 Mar 2026 – 5 Mar 2026": "?"}
    for never in ("soon", "9999-12-31", "0001-01-01"):
        assert chips(client.get(CONTACTS, {"first_seen_at_from": never, "first_seen_at_to": never})) == {}


@pytest.mark.parametrize(("address", "said"), FILTERED_LISTS)
def test_every_list_says_what_narrows_it(client_of: ClientOf, address: str, said: str) -> None:
    assert chips(client_of("root").get(address)) == {said: "?"}


@pytest.mark.parametrize(
    "query", ["name=Siti", "name__range=x", "id__in=1", "contact__phone=1", "nothing=1", "phone__startswith=%2B62"]
)
def test_a_list_takes_its_own_filters_and_no_other_lookup(client_of: ClientOf, shop: Shop, query: str) -> None:
    assert client_of("root").get(f"{CONTACTS}?{query}").status_code == 400


@pytest.mark.parametrize("column", ["verify_token__startswith", "base_url__contains", "api_key"])
def test_a_list_does_not_tell_bit_by_bit_what_it_does_not_show(client_of: ClientOf, shop: Shop, column: str) -> None:
    assert client_of("cs", shop).get(f"/admin/contacts/channel/?{column}=a").status_code == 400


def test_chips_speak_indonesian(client_of: ClientOf, shop: Shop) -> None:
    text = client_of("cs_lead", shop, language="id").get(CONTACTS, {"opted_out": "1"}).text
    assert "Hapus filter" in text
    assert "Hapus semua" in text


def test_what_a_reader_may_not_see_is_not_named(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    asked_for = {"assigned_to__id__exact": other_shop.agent.pk}
    assert list(chips(client_of("cs_lead", shop).get(CONTACTS, asked_for))) == [f"Assigned to: {other_shop.agent.pk}"]
    assert list(chips(client_of("owner").get(CONTACTS, asked_for))) == ["Assigned to: CS Budi"]


def test_a_chip_costs_no_query_beside_the_filter_that_it_names(client_of: ClientOf, shop: Shop) -> None:
    client, campaign = client_of("owner"), CampaignFactory()

    def queries(**filters: Any) -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(CONTACTS, filters)
        return sum('FROM "contacts_campaign" WHERE' in query["sql"] for query in seen)

    queries()
    assert queries(stale="1", opted_out="1") == 0
    assert queries(campaign__id__exact=campaign.pk) == 1
