"""The history button of a row shows what the audit trail holds of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
from django.conf import settings
from django.test import Client

from contacts.services.contacts import edit_contact
from desk.base.history import ACTIONS
from labelcrm.core import audit, edits
from tests.desk.conftest import Shop
from tests.factories import CampaignFactory, ContactFactory, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


def told(client: Client, path: str) -> list[list[str]]:
    """The cells of each line: who did what, the time left out."""
    table = client.get(path).content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in table.split("<tr")[1:]]
    return [[" ".join(unescape(cell).split()) for cell in row] for row in rows]


def test_every_deed_on_a_row_is_told_in_words_newest_first(client_of: ClientOf, shop: Shop) -> None:
    sari = UserFactory(username="sari", first_name="Sari")
    contact = shop.contact(name="Budi")
    when = datetime(2026, 3, 2, 3, tzinfo=UTC)
    edit_contact(contact, actor=sari, origin="admin", assigned_to=shop.agent, follow_up_at=when)
    edit_contact(contact, actor=None, origin="api", name="Budi Rahasia")
    audit.record(actor=sari, action="contact.note_added", obj=contact, note=1)
    audit.record(actor=sari, action="contact.note_added", obj=ContactFactory(), note=2)
    lines = told(client_of("root", shop), f"/admin/contacts/contact/{contact.pk}/history/")
    assert lines[0] == ["sari (Sari)", "Note added"]
    assert lines[1][1].startswith("Changed. ")
    assert "Budi Rahasia" not in lines[1][1]
    assert lines[2][0] == "sari (Sari)"
    assert f"assigned to: – → {shop.agent.name}" in lines[2][1]
    assert "follow up on: – → 2 Mar 2026, 10:00" in lines[2][1]
    assert len(lines) == 3


def test_a_history_says_no_more_to_who_may_not_see_the_row(client_of: ClientOf, shop: Shop) -> None:
    stranger = ContactFactory()
    audit.record(actor=None, action="contact.note_added", obj=stranger, note=1)
    answer = client_of("cs_lead", shop).get(f"/admin/contacts/contact/{stranger.pk}/history/")
    assert answer.status_code in (302, 403, 404)


def test_a_long_history_is_told_in_pages(client_of: ClientOf, shop: Shop) -> None:
    campaign = CampaignFactory(name="Kampanye 0")
    for number in range(1, 102):
        edits.change(campaign, actor=None, origin="api", name=f"Kampanye {number}")
    path = f"/admin/contacts/campaign/{campaign.pk}/history/"
    assert len(told(client_of("root", shop), path)) == 100
    assert "Kampanye 0 → Kampanye 1" in told(client_of("root", shop), f"{path}?p=2")[0][1]


def test_every_action_that_is_recorded_has_a_name() -> None:
    """The trail says what was done in the reader's language; a code of ours would be left in between."""
    apps = ("contacts", "labels", "webhooks", "labelcrm", "transfer", "desk", "api", "reports")
    texts = [path.read_text("utf-8") for app in apps for path in (settings.BASE_DIR / app).rglob("*.py")]
    done = {name for text in texts for name in re.findall(r'action="\w+\.(\w+)"', text)}
    assert len(done) > 20
    assert done - set(ACTIONS) == set()


def test_the_heads_stand_above_the_lines_and_nobody_is_a_dash(client_of: ClientOf, shop: Shop) -> None:
    campaign = CampaignFactory(name="Lebaran")
    edits.change(campaign, actor=None, origin="api", name="Lebaran 2026")
    path = f"/admin/contacts/campaign/{campaign.pk}/history/"
    assert told(client_of("root", shop), path)[0][0] == "–"
    assert "before:content" not in client_of("root", shop).get(path).content.decode()
