"""Wide tables: a report is cards on a phone and columns at a desk, and nothing is cut off without a sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from contacts.models import Agent
from tests.browser.walking import axe_findings, in_the_dark, log_in
from tests.factories import CampaignFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 700}


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """An analyst's tab; the shop has fifty CS and fifty campaigns."""
    Agent.objects.bulk_create(Agent(code=f"cs-{n}", name=f"Siti Nurhaliza {n:02d}") for n in range(50))
    CampaignFactory.create_batch(50)
    UserFactory(username="ana", role="analyst", language="id")
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    log_in(page, str(live_server.url), "ana")
    yield page
    context.close()


@pytest.mark.parametrize("report", ["agents", "campaigns"])
def test_fifty_rows_of_a_report_are_short_on_a_phone(page: Page, live_server: Any, report: str) -> None:
    page.goto(f"{live_server.url}/admin/reports/{report}/")
    assert page.evaluate("document.documentElement.scrollHeight") <= 5000
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator("tbody tr").first).to_contain_text("Total")
    row = page.locator("tbody tr").nth(1)
    expect(row.locator("td:visible")).to_have_count(3)
    assert axe_findings(page) == []
    with in_the_dark(page):
        assert axe_findings(page, rules=["color-contrast"]) == []


def test_the_other_figures_of_a_row_unfold_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/reports/agents/")
    row = page.locator("tbody tr").nth(1)
    row.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    expect(row.locator("td:visible")).to_have_count(10)
    expect(page.locator("tbody tr").nth(2).locator("td:visible")).to_have_count(3)
    second = page.locator("section").nth(1)
    expect(second.locator("tbody tr:visible")).to_have_count(1)
    second.get_by_role("checkbox").first.check(force=True)
    expect(second.locator("tbody tr:visible")).to_have_count(51)


def test_at_a_desk_the_head_and_the_names_stay_in_sight(page: Page, live_server: Any) -> None:
    page.set_viewport_size(DESK)
    page.goto(f"{live_server.url}/admin/reports/agents/")
    scroller = page.locator(".lc-wide").first
    expect(scroller.locator("tbody tr").nth(1).locator("td:visible")).to_have_count(10)
    scroller.focus()
    before = scroller.locator("thead th").first.bounding_box()
    scroller.evaluate("one => one.scrollTo(80, 900)")
    assert scroller.evaluate("one => one.scrollTop") == 900
    assert scroller.locator("thead th").first.bounding_box() == before
    name = scroller.locator("tbody th").nth(20).bounding_box()
    assert name is not None
    assert before is not None
    assert name["x"] == before["x"]


def test_whatever_scrolls_is_reached_by_keyboard_and_has_a_shadow(page: Page, live_server: Any) -> None:
    tables = {"agents": 3, "campaigns": 2}  # each of fifty rows
    for width in (PHONE, DESK):
        page.set_viewport_size(width)
        for report, number in tables.items():
            page.goto(f"{live_server.url}/admin/reports/{report}/")
            found = page.evaluate(SCROLLERS)
            assert len(found) == (number if width == DESK else 0), report
            assert [one for one in found if not (one["focusable"] and one["shadow"])] == []


# Boxes of the page's content that hide a part of it, and how one knows.
SCROLLERS = """() => [...document.querySelectorAll(".lc-page *")].filter((one) => {
    const style = getComputedStyle(one);
    const scrolls = (way) => ["auto", "scroll"].includes(style[`overflow${way}`]);
    if (!one.checkVisibility()) return false;
    return scrolls("X") && one.scrollWidth > one.clientWidth || scrolls("Y") && one.scrollHeight > one.clientHeight;
}).map((one) => ({
    html: one.outerHTML.slice(0, 200),
    focusable: one.tabIndex >= 0,
    shadow: getComputedStyle(one).backgroundAttachment.includes("local"),
}))"""
