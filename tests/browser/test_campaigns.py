"""The campaign page with its pictures: by keyboard, on a phone, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import CampaignRule
from tests.browser.walking import findings_in_both_themes, log_in
from tests.factories import CampaignFactory, UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
LONG_NAME = "Promo Lebaran 2026 – Instagram Story, khusus pelanggan lama di Jabodetabek"


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A marketer's tab; three campaigns brought contacts in the last six weeks, some of which bought."""
    bridge, now = Bridge(agent="rina"), timezone.now()
    for external, name in (("1", "Grade A"), ("2", "Selesai")):
        bridge.save(external, name, at=now - timedelta(days=90))
    for place, name in enumerate(("Kaos", LONG_NAME, "Seragam")):
        campaign = CampaignFactory(name=name, cost=500_000 * (place + 1))
        CampaignRule.objects.create(campaign=campaign, kind="keyword", pattern=f"kode{place}")
    for n in range(60):
        chat, at = f"62812{n:07}", now - timedelta(days=42 - n * 0.6)
        bridge.post("message", chat=chat, at=at, message={"id": f"m{n}", "text": f"halo kode{n % 3}"})
        for every, label in ((2, "1"), (5, "2")):
            if n % every == 0:
                bridge.label("added", label, chat, at=at + timedelta(days=n % 7))
    bridge.drain()
    UserFactory(username="mia", role="marketing", language="id")
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    log_in(page, str(live_server.url), "mia")
    page.goto(f"{live_server.url}/admin/reports/campaigns/?period=last_90")
    yield page
    context.close()


def test_the_pictures_fit_a_phone_and_read_well_day_and_night(page: Page) -> None:
    expect(page.locator("#quality li")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight") < 5000
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        for table in page.locator(".lc-beside-chart details").all():
            table.evaluate("one => one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert findings_in_both_themes(page) == []


def test_a_curve_is_chosen_and_its_table_opened_by_keyboard(page: Page) -> None:
    page.get_by_label("Mencapai").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Mencapai")).to_have_value("won")
    assert page.url.endswith("#curves")
    assert "period=last_90" in page.url
    opener = page.locator("#curves summary")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#curves tbody tr")).not_to_have_count(0)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#curves') !== null")
