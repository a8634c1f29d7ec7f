"""The tab and the heading name the page, in the menu's words, and never the act that Django has in mind."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from tests.desk.conftest import Shop
from tests.desk.test_every_page import pages, rows
from tests.factories import UserFactory

__all__ = ["rows"]  # the fixture: one row at least of everything that has a page
ClientOf = Callable[..., Client]
ACTS = re.compile(
    r"^(select|choose|change|view|add|pilih|ubah|lihat|tambah)|\b(to|untuk) (change|view|diubah|melihat)\b",
    re.IGNORECASE,
)
CRUMB = re.compile(r'class="lc-crumb[^>]*>(.*?)</(?:a|span)>')


def title_of(html: str) -> str:
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    return unescape(found[1]).strip() if found else ""


def headings(html: str) -> list[str]:
    return [unescape(words).strip() for words in CRUMB.findall(html)]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("language", ["id", "en"])
def test_every_page_is_named_and_no_act_is(client_of: ClientOf, shop: Shop, language: str) -> None:
    seen: dict[str, str] = {}
    for url, response in pages(client_of("root", shop, language=language)):
        if response.status_code != 200:
            continue
        html = response.content.decode()
        name, _bar, site = title_of(html).partition(" | ")
        assert name, url
        assert site == "labelcrm", url
        assert not ACTS.search(name), f"{url}: {name}"
        assert headings(html), url
        assert not ACTS.search(headings(html)[-1]), f"{url}: {headings(html)}"
        assert seen.setdefault(name, url) == url, f"{url} and {seen[name]} are both called {name}"
    assert len(seen) > 40


@pytest.mark.parametrize(
    ("path", "indonesian", "english"),
    [
        ("/admin/contacts/contact/", "Kontak", "Contacts"),
        ("/admin/authtoken/tokenproxy/", "Token API", "API tokens"),
        ("/admin/contacts/campaign/add/", "Kampanye baru", "New campaign"),
        ("/admin/imports/?kind=contacts", "Impor kontak", "Import contacts"),
        ("/admin/contacts/contact/export/", "Ekspor: Kontak", "Export: Contacts"),
        ("/admin/system/", "Sistem", "System"),
    ],
)
def test_the_tab_says_what_the_menu_says(
    client_of: ClientOf, shop: Shop, path: str, indonesian: str, english: str
) -> None:
    for language, name in (("id", indonesian), ("en", english)):
        html = client_of("root", shop, language=language).get(path).content.decode()
        assert title_of(html) == f"{name} | labelcrm"


def test_a_row_is_named_by_what_it_is_called(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("root", shop, language="en")
    address = reverse("admin:contacts_agent_change", args=(shop.agent.pk,))
    assert title_of(client.get(address).content.decode()) == f"{shop.agent.name} | labelcrm"
    address = reverse("admin:contacts_agent_history", args=(shop.agent.pk,))
    assert title_of(client.get(address).content.decode()) == f"History: {shop.agent.name} | labelcrm"


def test_a_new_password_is_named_as_one_and_leads_back_to_its_person(client_of: ClientOf) -> None:
    rina = UserFactory(username="rina")
    html = client_of("owner").get(reverse("admin:auth_user_password_change", args=(rina.pk,))).text
    assert title_of(html).startswith("Change password: rina")
    assert headings(html)[-2:] == ["rina", "Password"]
    assert 'href="../change/"' in html


def test_a_list_that_is_not_in_the_menu_begins_with_a_capital(client_of: ClientOf) -> None:
    assert headings(client_of("root").get("/admin/core/heartbeat/").text)[-1] == "Heartbeats"
