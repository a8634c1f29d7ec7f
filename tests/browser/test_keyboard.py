"""What reacts to a click is reached and pressed by keyboard too, and has a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.walking import axe_findings, log_in, on_a_phone, on_both
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Whatever has a handler for clicks, is on screen and cannot be reached with the Tab key, or has no name.
OUT_OF_REACH = """() => [...document.querySelectorAll("[x-on\\\\:click]")].filter((one) =>
    one.checkVisibility({visibilityProperty: true}) && one.textContent.trim() &&
    (one.tabIndex < 0 || !(one.getAttribute("aria-label") || one.textContent).trim())
).map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, live_server: Any) -> Iterator[Page]:
    UserFactory(username="root", is_superuser=True, language="en")
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    log_in(page, str(live_server.url), "root")
    yield page
    context.close()


@on_both
def test_the_menu_opens_and_closes_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/")
    menu, first = page.get_by_role("button", name="Menu", exact=True), page.get_by_role("link", name="Contacts").first
    was_open = first.is_visible()
    menu.focus()
    page.keyboard.press("Enter")
    expect(first).to_be_visible(visible=not was_open)
    if was_open:
        page.keyboard.press("Space")
    else:
        expect(page.get_by_role("button", name="Close the menu")).to_be_focused()
        assert axe_findings(page) == []
        page.keyboard.press("Escape")
        expect(menu).to_be_focused()
    expect(first).to_be_visible(visible=was_open)


@on_a_phone
def test_filters_open_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/contacts/channel/?archived=1")
    page.get_by_role("button", name="Filters", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()


@on_a_phone
def test_a_chip_is_taken_off_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/contacts/contact/?stale=1&opted_out=1")
    chip = page.get_by_role("link", name="Remove filter Stale label: Has a stale label")
    assert axe_findings(page) == []
    chip.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/admin/contacts/contact/?opted_out=1")
    page.get_by_role("link", name="Clear all", exact=True).click()
    expect(page.locator(".lc-chips")).to_have_count(0)


@on_a_phone
@pytest.mark.parametrize(
    "path", ["", "contacts/contact/", "contacts/campaign/add/", "core/user/add/", "labels/label/add/"]
)
def test_nothing_on_a_page_is_for_the_mouse_alone(page: Page, live_server: Any, path: str) -> None:
    page.goto(f"{live_server.url}/admin/{path}")
    menu = page.get_by_role("button", name="Menu", exact=True)
    if menu.get_attribute("aria-expanded") == "false":
        menu.click()
    page.get_by_text("root").last.click()
    assert page.evaluate(OUT_OF_REACH) == []


@on_a_phone
def test_the_settings_unfold_by_keyboard_and_stay_as_they_were_left(page: Page, live_server: Any) -> None:
    def open_menu() -> None:
        menu = page.get_by_role("button", name="Menu", exact=True)
        if menu.get_attribute("aria-expanded") == "false":
            menu.press("Enter")

    page.goto(f"{live_server.url}/admin/")
    open_menu()
    fold, users = page.get_by_role("button", name="Settings"), page.get_by_role("link", name="Users", exact=True)
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(users).to_be_hidden()
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(users).to_be_visible()
    assert axe_findings(page) == []
    page.goto(f"{live_server.url}/admin/contacts/campaign/")
    open_menu()
    expect(users).to_be_visible()
    fold.press("Space")
    expect(users).to_be_hidden()
    page.goto(f"{live_server.url}/admin/core/user/")
    open_menu()
    expect(users).to_be_visible()  # the group of the page is open, whatever was chosen before
    expect(users).to_have_attribute("aria-current", "page")
