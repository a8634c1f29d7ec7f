"""Report pages with their pictures: drawn, by keyboard, on a phone, by day and by night, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.walking import Watch, findings_in_both_themes, log_in
from tests.factories import UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
PAGES = (
    "overview/",
    "movement/",
    "movement/?view=moves",
    "movement/?view=moves&count=all",
    "movement/?view=funnel",
    "movement/?view=time",
    "movement/?view=cohorts",
)
OTHER_PAGES = (
    "agents/",
    "campaigns/",
    "campaigns/?basis=event",
    "data-health/",
    "contradictions/",
    "restatements/",
    "rows/?report=labels&figure=added",
    "metrics/",
)
LABELS = ("Pertanyaan baru", "Grade A", "Prospek dingin", "Menunggu pembayaran", "Selesai")


def trade() -> None:
    """Six weeks of a number: everybody is new, some are graded, some pay, some are forgotten."""
    bridge, now = Bridge(agent="rina"), timezone.now()
    for external, name in enumerate(LABELS, start=1):
        bridge.save(str(external), name, at=now - timedelta(days=90))
    for n in range(48):
        chat, at = f"62812{n:07}", now - timedelta(days=42 - n * 0.8)
        bridge.post("message", chat=chat, at=at, message={"id": f"m{n}", "text": "halo"})
        way = ["1", "2" if n % 2 else "3", *(["4"] if n % 3 else []), *(["5"] if n % 4 == 0 else [])]
        for place, label in enumerate(way):
            bridge.label("added", label, chat, at=at + timedelta(hours=1 + 20 * place))
            if place and not (label == "5" and n % 12 == 0):  # who pays is sometimes left waiting for the payment too
                bridge.label("removed", way[place - 1], chat, at=at + timedelta(hours=1 + 20 * place, minutes=1))
    bridge.post("status", status="stopped", at=now - timedelta(days=9))
    bridge.post("status", status="working", at=now - timedelta(days=8))
    bridge.drain()
    UserFactory(username="ayu", role="analyst", language="id")


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """An analyst's tab that complains of every error and every request to elsewhere."""
    trade()
    context = browser.new_context(viewport=DESK, accept_downloads=True)
    page = context.new_page()
    watch = Watch(page, str(live_server.url))
    log_in(page, str(live_server.url), "ayu")
    yield page
    assert watch.complaints == []
    context.close()


def test_every_picture_is_drawn_and_fits_a_phone_and_a_desk(page: Page, live_server: Any) -> None:
    for path in PAGES:
        page.set_viewport_size(DESK)
        page.goto(f"{live_server.url}/admin/reports/{path}")
        if path != "movement/":
            expect(page.locator(".lc-picture canvas").first).to_be_visible()
            assert page.locator(".lc-picture__canvas").first.get_attribute("aria-label")
        assert findings_in_both_themes(page) == [], path
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate("document.documentElement.scrollHeight") < 5000, path


def test_every_other_page_of_reports_is_usable_by_everybody(page: Page, live_server: Any) -> None:
    for path in OTHER_PAGES:
        page.set_viewport_size(DESK)
        page.goto(f"{live_server.url}/admin/reports/{path}")
        assert page.locator(".lc-empty:visible").count() == 0, path
        assert findings_in_both_themes(page) == [], path
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        if path != "metrics/":  # which is to be read from the first line to the last
            assert page.evaluate("document.documentElement.scrollHeight") < 5000, path


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until a thing is in focus."""
    for _press in range(250):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"out of reach of the keyboard: {wanted}")


def test_a_report_is_read_by_keyboard_alone(page: Page, live_server: Any) -> None:
    """Narrow it by a label, look at 90 days, open the rows behind a figure, and come back to the same."""
    page.goto(f"{live_server.url}/admin/reports/overview/")
    choice = page.locator(".lc-filters select[name=label]")
    reach(page, choice)
    page.keyboard.type("Grade A")
    reach(page, page.locator(".lc-filters button[type=submit]"))
    page.keyboard.press("Enter")
    page.wait_for_url("**label=**")
    assert choice.locator("option:checked").inner_text().strip() == "Grade A"
    reach(page, page.locator(".lc-preset", has_text="90 hari"))
    page.keyboard.press("Enter")
    page.wait_for_url("**period=last_90**")
    expect(page.locator(".lc-preset[aria-current]")).to_have_text("90 hari")
    label, figure = choice.input_value(), page.locator("#now .lc-figures tbody a").first
    number = figure.inner_text()
    reach(page, figure)
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/rows/**")
    expect(page.locator("tbody tr")).to_have_count(int(number))
    reach(page, page.get_by_role("link", name=re.compile("Kembali")))
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/overview/**")
    assert f"label={label}" in page.url
    expect(page.locator("#now .lc-figures tbody a").first).to_have_text(number)


def test_a_part_of_a_picture_opens_its_rows_and_the_picture_is_saved(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/reports/movement/?view=funnel")
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").click()
    assert saved.value.suggested_filename == "funnel.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    canvas = page.locator(".lc-picture canvas").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 0.3, "y": 70})
    page.wait_for_url("**/reports/rows/**figure=went_through**")


def test_the_board_is_moved_to_another_day_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/reports/movement/")
    slider = page.get_by_role("slider")
    before = page.locator(".lc-asof output").inner_text()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**until=**")
    expect(page.locator(".lc-asof output")).not_to_have_text(before)


def test_without_a_script_the_tables_say_it_all(page: Page, browser: Browser, live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    for path in PAGES:
        plain.goto(f"{live_server.url}/admin/reports/{path}")
        expect(plain.locator(".lc-picture:visible")).to_have_count(0)
        expect(plain.locator(".lc-figures tbody td a").first).to_be_attached()
    context.close()
