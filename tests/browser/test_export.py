"""A marketer's morning: from the filtered list to the file, with the same number of people all the way."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from labels.models import Label
from tests.browser.walking import Watch, axe_findings, log_in
from tests.desk.conftest import make_shop
from tests.factories import UserFactory
from tests.work import do_work

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOT = 7


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    shop = make_shop("Rina")
    hot, cold = shop.whatsapp_label("HOT 🔥", label="Prospek panas"), shop.whatsapp_label("Prospek dingin")
    for n in range(12):
        shop.put(shop.contact(), hot if n < HOT else cold)
    UserFactory(username="mira", role="marketing", language="en")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    log_in(page, str(live_server.url), "mira")
    yield page
    context.close()


def test_from_the_filtered_list_to_the_file_in_three_clicks(page: Page, live_server: Any) -> None:
    watch = Watch(page, str(live_server.url))
    page.goto(f"{live_server.url}/admin/contacts/contact/?label={Label.objects.get(name='Prospek panas').pk}")
    listed = page.locator("#result_list tbody tr").count()

    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.get_by_text("Label: Hot prospect")).to_be_visible()
    step = page.locator(".lc-funnel__step")
    expect(step.first).to_contain_text(str(listed))
    expect(step.last).to_contain_text(str(listed))
    expect(page.get_by_role("radio", name="XLSX")).to_be_checked()
    assert axe_findings(page) == []

    page.get_by_label("Held out by chance").fill("50")
    page.keyboard.press("Tab")
    expect(step.last).to_contain_text(str(listed // 2))  # without a click
    page.get_by_label("Held out by chance").fill("0")
    page.keyboard.press("Tab")
    expect(step.last).to_contain_text(str(listed))
    page.locator(".lc-columns summary").click()
    page.get_by_role("checkbox", name="Campaign").uncheck()

    page.get_by_role("button", name="Start export").click()
    expect(page.locator(".lc-new")).to_contain_text("The link appears here by itself")
    do_work()
    link = page.locator(".lc-new").get_by_role("link", name="Download")  # without a reload
    expect(link).to_be_visible(timeout=10_000)
    assert axe_findings(page) == []

    with page.expect_download() as download:
        link.click()
    sheet = load_workbook(BytesIO(Path(download.value.path()).read_bytes())).active
    assert sheet is not None
    assert listed == sheet.max_row - 1 == HOT
    assert "campaign" not in next(sheet.values)
    page.reload()
    page.get_by_role("link", name=str(HOT)).first.click()
    expect(page.locator("tbody tr")).to_have_count(HOT)
    assert axe_findings(page) == []
    assert watch.complaints == []
