"""A marketer lets an export repeat, by keyboard, and is told on another page that the first file is done."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from reports.models import Segment
from tests.browser.walking import axe_findings, log_in
from tests.desk.conftest import make_shop
from tests.factories import UserFactory
from tests.work import do_work

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_export_is_made_to_repeat_and_its_file_is_announced(browser: Browser, live_server: Any) -> None:
    make_shop("Rina").contact()
    mira = UserFactory(username="mira", role="marketing", language="en")
    segment = Segment.objects.create(name="Everybody", definition={"any": [{"all": []}]}, owner=mira)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    log_in(page, str(live_server.url), "mira")
    page.goto(f"{live_server.url}/admin/segments/{segment.pk}/export/")
    page.get_by_role("button", name="Repeat this export …").press("Enter")
    expect(page.get_by_label("On which weekday")).to_be_visible()
    expect(page.get_by_label("On which day of the month")).to_be_hidden()
    page.get_by_role("radio", name="Every month").press("Space")
    page.get_by_label("On which day of the month").select_option("31")
    expect(page.get_by_label("On which weekday")).to_be_hidden()
    assert axe_findings(page) == []
    page.get_by_role("button", name="Repeat it").press("Enter")
    expect(page.get_by_role("heading", name="On the last day of every month 08:00, next on")).to_be_visible()
    assert axe_findings(page) == []

    page.get_by_role("button", name="Run now").press("Enter")
    expect(page.get_by_text("waiting")).to_be_visible()
    page.goto(f"{live_server.url}/admin/exports/schedules/")
    assert axe_findings(page) == []
    do_work()
    notice = page.locator(".lc-notice")
    expect(notice).to_contain_text("Export of “Everybody”, XLSX: 1 row", timeout=10_000)
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    notice.get_by_role("button", name="Seen").press("Enter")
    expect(notice).to_have_count(0)
    assert page.url.endswith("/admin/exports/schedules/")
    context.close()
