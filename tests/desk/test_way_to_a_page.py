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
        ("/admin/reports/agents/", ["Laporan", "Kualitas CS"]),
    ],
)
def test_the_way_is_told_in_the_menus_words(
    client_of: Callable[..., Client], shop: Shop, path: str, steps: list[str]
) -> None:
    assert [words for words, _link in way(client_of("root", shop, language="id"), path)] == steps


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/admin/labels/label/", ["Label hygiene", "Labels"]),
        ("/admin/labels/staleflag/", ["Label hygiene", "Stale labels"]),
        ("/admin/core/auditentry/", ["Settings", "Audit trail"]),
        ("/admin/auth/group/", ["Settings", "Roles"]),
        ("/admin/axes/accessattempt/", ["Settings", "Failed logins"]),
        ("/admin/webhooks/inboundevent/", ["Settings", "Webhook log"]),
        ("/admin/connect/", ["Settings", "WhatsApp numbers", "Connect a number"]),
    ],
)
def test_the_way_to_a_setting_begins_with_its_group(
    client_of: Callable[..., Client], shop: Shop, path: str, steps: list[str]
) -> None:
    assert [words for words, _link in way(client_of("root", shop), path)] == steps


def test_the_rows_behind_a_number_are_below_their_report(client_of: Callable[..., Client], shop: Shop) -> None:
    client = client_of("root", shop)
    found = way(client, "/admin/reports/rows/?report=agents&figure=added")
    assert [words for words, _link in found[:2]] == ["Reports", "CS quality"]
    assert found[1][1] == "/admin/reports/agents/"


def test_a_place_that_is_in_ones_menu_no_more_still_leads_there(client_of: Callable[..., Client], shop: Shop) -> None:
    """An analyst reads what labels mean, though only who decides that has the entry."""
    row = shop.whatsapp_label()
    steps = way(client_of("analyst"), f"/admin/labels/channellabel/{row.pk}/change/")
    assert steps[:2] == [("Label hygiene", ""), ("WhatsApp labels", "/admin/labels/channellabel/")]


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
