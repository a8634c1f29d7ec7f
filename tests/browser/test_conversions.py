"""A marketer makes a file of conversions by keyboard, and the page fits a phone, day and night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.browser.walking import Watch, findings_in_both_themes, log_in
from tests.factories import TeamFactory, UserFactory
from tests.transfer.conversions.ads import AdShop, ctwa
from tests.work import do_work
from transfer.conversions.collecting import collect
from transfer.conversions.models import Conversion, ConversionEvent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A marketer's tab, and three good leads who came by an ad."""
    with transaction.atomic():
        shop = AdShop(team=TeamFactory(name="Sales"))
        for n in range(3):
            shop.labelled(shop.comes(0, **ctwa(n)), "Grade A", 2)
        collect(timezone.now())
    recent = timezone.now() - timedelta(days=3)
    Conversion.objects.update(occurred_at=recent, touch_at=recent)
    ConversionEvent.objects.filter(code="qualified_lead").update(value=25_000)
    UserFactory(username="mira", role="marketing", language="en")
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    log_in(page, str(live_server.url), "mira")
    yield page
    context.close()


def test_a_file_is_made_by_keyboard_and_every_page_reads_well(page: Page, live_server: Any) -> None:
    watch = Watch(page, str(live_server.url))
    page.goto(f"{live_server.url}/admin/conversions/")
    _reads_well(page)
    page.get_by_role("button", name=re.compile("Make file.+Meta, offline events")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The link appears here by itself")).to_be_visible()
    do_work()
    link = page.get_by_role("link", name="Download")  # without a reload
    expect(link).to_be_visible(timeout=10_000)
    _reads_well(page)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.startswith("conversions-meta-")
    page.goto(f"{live_server.url}/admin/conversions/what-counts/")
    for opener in page.locator(".lc-conv-more").all():
        opener.evaluate("one => one.open = true")
    _reads_well(page)
    assert watch.complaints == []


def _reads_well(page: Page) -> None:
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert findings_in_both_themes(page) == []
