"""The one search, by keyboard alone: to a person by the end of their number, to a report, and to nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, Route, expect

from contacts.models import Contact
from labelcrm.core.models import User
from tests.browser.walking import Watch, at_a_desk, findings_in_both_themes, log_in, on_a_phone
from tests.desk.conftest import make_shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def siti(transactional_db: None) -> Contact:
    shop = make_shop("Rina")
    UserFactory(username="ratna", role="cs_lead", teams=[shop.team], language="en")
    shop.contact(name="Joko", phone="+6281270002222")
    siti = shop.contact(name="Siti Aisyah", phone="+6281290004321")
    shop.put(siti, shop.whatsapp_label("HOT", label="Prospek panas", color=13))
    return siti


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, live_server: Any, siti: Contact) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    log_in(page, str(live_server.url), "ratna")
    page.goto(f"{live_server.url}/admin/")
    yield page
    context.close()


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Contacts, labels, CS, campaigns, reports, actions")


@at_a_desk
def test_by_keyboard_alone_to_a_contact_a_report_and_nothing(page: Page, live_server: Any, siti: Contact) -> None:
    origin = str(live_server.url)
    watch = Watch(page, origin)

    page.keyboard.press("/")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    expect(box(page)).to_be_focused()
    page.keyboard.type("4321")
    option = page.get_by_role("option", selected=True)
    expect(option).to_contain_text("Siti Aisyah")
    expect(option).to_contain_text("+62 812-9000-4321")
    expect(option.locator(".lc-family-yellow")).to_have_text("Hot prospect")
    expect(box(page)).to_have_attribute("aria-activedescendant", "hit-contacts-1")
    expect(page.locator("#search-said")).to_have_text("1 result shown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{origin}/admin/contacts/contact/{siti.pk}/")
    page.wait_for_load_state()

    page.keyboard.press("Control+k")
    page.keyboard.type("quality")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Campaign quality")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/admin/reports/campaigns/"))
    page.wait_for_load_state()

    page.keyboard.press("Meta+k")
    page.keyboard.type("xyzzy")
    expect(page.locator("#search-said")).to_contain_text("Nothing found for “xyzzy”.")
    expect(page.locator("#search-hits [role=option]")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
    assert watch.complaints == []


@on_a_phone
def test_the_button_opens_it_and_gets_the_focus_back(page: Page) -> None:
    button = page.get_by_role("button", name="Search", exact=True).and_(page.locator(".lc-search-open"))
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()
    expect(page.get_by_role("option").first).to_be_visible()  # what one can do, before anything is typed
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


@at_a_desk
def test_a_slash_that_is_typed_into_a_field_stays_there(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/contacts/contact/")
    field = page.locator("#searchbar, input[name=q]").first
    field.focus()
    page.keyboard.type("1/2")
    expect(field).to_have_value("1/2")
    expect(page.get_by_role("dialog", name="Search")).to_have_count(0)
    field.blur()
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()


@at_a_desk
def test_enter_waits_for_the_results_of_what_was_typed(page: Page, live_server: Any, siti: Contact) -> None:
    """Who types fast presses Enter before the answer is there, and must not land on an older one."""

    def slowly(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.keyboard.press("/")
    page.keyboard.type("joko")
    expect(page.get_by_role("option").first).to_contain_text("Joko")
    page.route("**/search/results/**", slowly)
    page.keyboard.press("Control+a")
    page.keyboard.type("siti")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/admin/contacts/contact/{siti.pk}/")


@on_a_phone
def test_a_server_that_does_not_answer_is_said(page: Page) -> None:
    page.route("**/search/results/**", lambda route: route.abort())
    page.keyboard.press("/")
    page.keyboard.type("siti")
    expect(page.locator("#search-said")).to_contain_text("The server does not answer.")


@on_a_phone
def test_the_dialog_is_usable_by_everybody(page: Page) -> None:
    page.keyboard.press("/")
    for term in ("", "siti", "hot", "xyzzy"):
        box(page).fill(term)
        page.wait_for_function("text => document.querySelector('#search-said').textContent.length > 0", arg=term)
        page.wait_for_timeout(400)
        assert findings_in_both_themes(page) == []


def test_without_javascript_the_search_is_a_page(browser: Browser, live_server: Any, siti: Contact) -> None:
    client = Client()
    client.force_login(User.objects.get(username="ratna"), backend="contacts.access.StaffBackend")
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": str(live_server.url)}]
    )
    page = context.new_page()
    page.goto(f"{live_server.url}/admin/")
    page.locator("#search-open button").click()
    page.fill("#page-q", "4321")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Siti Aisyah").click()
    expect(page.get_by_role("heading", name="Siti Aisyah", exact=True)).to_be_visible()
    context.close()
