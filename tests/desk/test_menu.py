"""The menu is short, says what people do, and holds nothing that its reader has no use for."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from labelcrm.core.models import Job
from labelcrm.core.roles import ROLES
from tests.desk.conftest import Shop
from tests.factories import THEN
from webhooks.models import UnknownChannel

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]

ENTRY = re.compile(
    r'<a href="([^"]+)" class="flex min-h[^>]*?( aria-current="\w+")?>.*?<span>([^<]+)</span>', re.DOTALL
)
DAILY = ["Home", "Contacts", "Segments", "Campaigns"]
REPORTS = [
    "Overview", "Movement", "CS quality", "Second look", "Unusual activity", "Campaign quality", "Data health",
    "What the figures mean",
]  # fmt: skip
LABELS = ["Labels", "Categories", "Stale labels"]
HYGIENE = [*LABELS, "Contradictions", "Label budget"]
RECORDS = ["Labels on contacts", "Label events"]
SENIOR = [*DAILY, "Campaign rules", "Conversions", *REPORTS, *HYGIENE]
EXPORTING = [
    "Home", "Contacts", "Segments", "Exports", "Campaigns", "Campaign rules", "Conversions", *REPORTS, *HYGIENE,
]  # fmt: skip
MENUS = {
    "owner": [
        "Today", *EXPORTING, "Suggestions", "WhatsApp labels", "Naming doctor", *RECORDS, "WhatsApp numbers",
        "Unknown numbers", "Webhook log", "CS", "Teams", "Opt-out words", "Morning briefs", "Users", "Roles",
        "API tokens", "Work", "System", "Audit trail", "Job runs",
    ],
    "cs_lead": [
        "Today", *EXPORTING, "Suggestions", "WhatsApp labels", "Naming doctor", *RECORDS, "WhatsApp numbers",
        "Webhook log", "CS", "Work", "System",
    ],
    "cs": ["Today", "Home", "Contacts", "Campaigns", *LABELS],
    "marketing": [*EXPORTING, *RECORDS, "Opt-out words", "Work"],
    "analyst": [*EXPORTING, *RECORDS, "WhatsApp numbers", "Webhook log", "Work", "System"],
    "auditor": [
        *SENIOR, *RECORDS, "WhatsApp numbers", "Webhook log", "CS", "Teams", "Opt-out words", "Morning briefs", "Users",
        "Work",
        "System", "Audit trail", "Job runs",
    ],
}  # fmt: skip


def sidebar(client: Client, path: str = "/admin/") -> str:
    html = client.get(path).content.decode()
    return html[html.index('id="nav-sidebar-apps"') : html.index('id="main"')]


def entries(client: Client, path: str = "/admin/") -> dict[str, str]:
    """The addresses of the menu by their words."""
    return {unescape(title): link for link, _current, title in ENTRY.findall(sidebar(client, path))}


def current(client: Client, path: str) -> dict[str, str]:
    """The entries that are marked as the place of a page, with how."""
    found = ENTRY.findall(sidebar(client, path))
    return {unescape(title): mark.split('"')[1] for _link, mark, title in found if mark}


@pytest.mark.parametrize("role", [*ROLES, "root"])
def test_every_entry_of_the_menu_opens(client_of: ClientOf, shop: Shop, role: str) -> None:
    client = client_of(role, shop)
    found = entries(client)
    assert len(found) >= 6
    assert {title: client.get(link).status_code for title, link in found.items()} == dict.fromkeys(found, 200)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_finds_what_it_works_with_and_nothing_else(client_of: ClientOf, shop: Shop, role: str) -> None:
    assert list(entries(client_of(role, shop))) == MENUS[role]


def test_a_page_that_nothing_fills_yet_is_in_nobodys_menu(client_of: ClientOf) -> None:
    client = client_of("root")
    assert not [link for link in entries(client).values() if "reconcilerun" in link]
    assert "Nothing is pulled yet" in client.get("/admin/webhooks/reconcilerun/").content.decode()


def test_raw_webhooks_are_called_a_log_wherever_they_are_named(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner", shop)
    for path in ("/admin/", "/admin/webhooks/inboundevent/", "/admin/system/"):
        text = re.sub(r"<[^>]+>", " ", client.get(path).content.decode())
        assert "Webhook log" in text, path
        assert not re.search(r"inbox event|\bInbox\b", text), path


def test_settings_are_folded_until_one_of_them_is_the_page(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner", shop)
    assert 'aria-controls="menu-settings" aria-expanded="false"' in sidebar(client)
    assert 'aria-controls="menu-settings" aria-expanded="true"' in sidebar(client, "/admin/core/user/")
    assert 'id="menu-settings"' in sidebar(client)


def test_one_setting_alone_is_not_folded_away(client_of: ClientOf, shop: Shop) -> None:
    marketing = Group.objects.get(name="marketing")
    marketing.permissions.remove(*marketing.permissions.filter(content_type__model="optoutword"))
    assert "aria-expanded" not in sidebar(client_of("marketing", shop))


def test_the_folded_settings_say_how_much_work_waits(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner", shop)
    fold = re.compile(r"<button.*?</button>", re.DOTALL)
    assert not re.search(r">\s*1\s*<", fold.findall(sidebar(client))[0])
    Job.objects.create(kind="x", owner=client.user)  # type: ignore[attr-defined]
    assert re.search(r">\s*1\s*<", fold.findall(sidebar(client))[0])


def test_who_starts_no_work_finds_it_while_some_of_theirs_goes_on(client_of: ClientOf, shop: Shop) -> None:
    """A CS may export campaigns."""
    client = client_of("cs", shop)
    assert "Work" not in entries(client)
    Job.objects.create(kind="x", owner=client.user)  # type: ignore[attr-defined]
    assert "Work" in entries(client)


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/admin/", {"Home": "page"}),
        ("/admin/contacts/contact/", {"Contacts": "page"}),
        ("/admin/contacts/contact/export/", {"Contacts": "true"}),
        ("/admin/connect/", {"WhatsApp numbers": "true"}),
        ("/admin/webhooks/reconcilerun/", {}),
    ],
)
def test_the_menu_marks_the_place_of_a_page(client_of: ClientOf, shop: Shop, path: str, marked: dict[str, str]) -> None:
    assert current(client_of("root", shop), path) == marked


def test_only_who_may_set_up_a_channel_is_asked_to(client_of: ClientOf, shop: Shop) -> None:

    UnknownChannel.objects.create(gateway="waha", key="x", last_at=THEN)
    for path in ("/admin/system/", "/admin/webhooks/unknownchannel/"):
        asked = {
            role: "Set up this number" in client_of(role, shop).get(path).content.decode()
            for role in ("owner", "analyst", "auditor")
        }
        assert asked == {"owner": True, "analyst": False, "auditor": False}, path
