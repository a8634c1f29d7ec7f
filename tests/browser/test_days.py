"""A day is typed or chosen in a calendar, with the keyboard alone, and the page says which day it understood."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from contacts.models import Contact
from tests.browser.walking import Watch, at_a_desk, axe_findings, log_in, on_a_phone
from tests.factories import ContactFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def contact(transactional_db: None) -> Contact:
    found: Contact = ContactFactory(name="Siti")
    return found


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, live_server: Any, contact: Contact) -> Iterator[Page]:
    UserFactory(username="root", is_superuser=True, language="en")
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    watch = Watch(page, str(live_server.url))
    log_in(page, str(live_server.url), "root")
    page.goto(f"{live_server.url}/admin/contacts/contact/{contact.pk}/")
    yield page
    assert watch.complaints == []
    context.close()


@pytest.fixture
def field(page: Page) -> Locator:
    return page.locator("input[name=follow_up_at]")


def expect_focus(page: Page, day: str) -> None:
    expect(page.locator(f'.lc-calendar [data-iso="{day}"]')).to_be_focused()


@on_a_phone
def test_what_is_typed_is_said_under_the_field(page: Page, field: Locator) -> None:
    said = page.locator(".lc-day__said").first
    field.fill("tomorrow")
    tomorrow = timezone.localdate() + timedelta(days=1)
    expect(said).to_have_text(f"{tomorrow:%A}, {tomorrow.day} {tomorrow:%b %Y}, 09:00")
    field.fill("whenever")
    expect(said).to_have_text("This is no day.")
    field.fill("")
    expect(said).to_have_text("")


@at_a_desk
def test_the_calendar_is_used_by_keyboard(page: Page, field: Locator) -> None:
    field.fill("15/4/2026")
    field.press("ArrowDown")
    expect(page.get_by_role("dialog", name="Choose a day")).to_be_visible()
    expect(page.get_by_role("grid")).to_be_visible()
    expect_focus(page, "2026-04-15")
    assert axe_findings(page) == []
    for key, day in (
        ("ArrowRight", "2026-04-16"), ("ArrowDown", "2026-04-23"), ("ArrowLeft", "2026-04-22"),
        ("ArrowUp", "2026-04-15"), ("Home", "2026-04-13"), ("End", "2026-04-19"),
        ("PageDown", "2026-05-19"), ("PageUp", "2026-04-19"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect_focus(page, day)
    page.keyboard.press("Escape")
    expect(page.locator(".lc-calendar")).to_have_count(0)
    expect(field).to_be_focused()
    expect(field).to_have_value("15/4/2026")
    field.press("ArrowDown")
    expect_focus(page, "2026-04-15")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(field).to_have_value("16 Apr 2026, 09:00")
    expect(field).to_be_focused()
    expect(page.locator(".lc-day__said").first).to_have_text("Thursday, 16 Apr 2026, 09:00")


@on_a_phone
def test_the_last_day_of_a_long_month_stays_in_the_next(page: Page, field: Locator) -> None:
    field.fill("31 Jan 2026")
    field.press("ArrowDown")
    expect_focus(page, "2026-01-31")
    page.keyboard.press("PageDown")
    expect_focus(page, "2026-02-28")


@on_a_phone
def test_a_day_chosen_in_the_calendar_keeps_the_time_and_is_saved(page: Page, field: Locator, contact: Contact) -> None:
    field.fill("1 Dec 2026 14:30")
    page.get_by_role("button", name="Choose a day").first.click()
    page.locator('.lc-calendar [data-iso="2026-12-24"]').click()
    expect(field).to_have_value("24 Dec 2026, 14:30")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Follow up on 24 Dec 2026, 14:30")).to_be_visible()
    contact.refresh_from_db()
    assert contact.follow_up_at is not None
    assert timezone.localtime(contact.follow_up_at).date() == date(2026, 12, 24)
