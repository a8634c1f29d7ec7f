"""Above every page stands the way to it, in the words of the menu."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client

from tests.desk.conftest import Shop
from tests.factories import CampaignFactory

pytestmark = pytest.mark.django_db
CRUMB = re.compile(r'<(?:a href="([^"]*)"|span) class="lc-crumb[^>]*>(.*?)</(?:a|span)>')


def way(client: Client, path: str) -> list[tuple[str, str]]:
    """The steps above a page: words and address."""
    return [(unescape(words), link) for link, words in CRUMB.findall(client.get(path).content.decode())]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/admin/", ["Beranda"]),
        ("/admin/contacts/contact/", ["Kontak"]),
        ("/admin/contacts/contact/export/", ["Kontak", "Ekspor"]),
        ("/admin/contacts/campaign/add/", ["Kampanye", "Baru"]),
        ("/admin/labels/label/", ["Label"]),
        ("/admin/labels/staleflag/", ["Label", "Label kedaluwarsa"]),
        ("/admin/reports/agents/", ["Laporan", "Kualitas CS"]),
        ("/admin/core/auditentry/", ["Catatan sistem", "Jejak audit"]),
        ("/admin/auth/group/", ["Orang", "Peran"]),
        ("/admin/axes/accessattempt/", ["Catatan sistem", "Login gagal"]),
        ("/admin/connect/", ["Beranda", "Hubungkan nomor"]),
    ],
)
def test_the_way_is_told_in_the_menus_words(
    client_of: Callable[..., Client], shop: Shop, path: str, steps: list[str]
) -> None:
    assert [words for words, _link in way(client_of("root", shop, language="id"), path)] == steps


def test_each_step_but_the_last_leads_there(client_of: Callable[..., Client], shop: Shop) -> None:
    contact = shop.contact(name="Siti <b>Aisyah</b>")
    client = client_of("root", shop)
    assert way(client, f"/admin/contacts/contact/{contact.pk}/") == [
        ("Contacts", "/admin/contacts/contact/"),
        ("Siti <b>Aisyah</b>", ""),
    ]
    campaign = CampaignFactory(name="Lebaran")
    assert way(client, f"/admin/contacts/campaign/{campaign.pk}/history/") == [
        ("Campaigns", "/admin/contacts/campaign/"),
        ("Lebaran", "../change/"),
        ("History", ""),
    ]
