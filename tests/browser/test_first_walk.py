"""The first walk of a CS lead: log in, filter by a label, open a contact, see its timeline, change the language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.walking import PASSWORD, Watch
from tests.desk.conftest import Shop, make_shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    shop = make_shop("Rina")
    UserFactory(username="ratna", role="cs_lead", teams=[shop.team], language="id")
    hot = shop.whatsapp_label("HOT 🔥", label="Prospek panas", color=2)
    done = shop.whatsapp_label("Selesai", color=15)
    siti = shop.contact(name="Siti Aisyah")
    shop.put(siti, done, hours=30)
    shop.put(siti, hot)
    shop.say(siti, "Halo kak, masih ada?")
    shop.put(shop.contact(name="Joko"), done)
    return shop


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desk", "phone"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US")
    yield context.new_page()
    context.close()


@pytest.mark.usefixtures("shop")
def test_the_first_walk(page: Page, live_server: Any) -> None:
    origin = str(live_server.url)
    watch = Watch(page, origin)

    # Before login the page is Indonesian, and the other language is one click away.
    page.goto(f"{origin}/admin/contacts/contact/")
    expect(page.get_by_text("Nama pengguna")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Username")).to_be_visible()
    page.fill("[name=username]", "ratna")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name=re.compile("Log in")).click()

    # The user's own language holds from here; filter by a label.
    expect(page).to_have_url(re.compile("/admin/contacts/contact/"))
    expect(page.locator("#result_list")).to_contain_text("Joko")
    page.locator("#changelist a").filter(has_text="filter_list").click()
    page.locator("#changelist-filter select[name=label]").select_option(label="Prospek panas", force=True)
    page.locator("#filter-form [data-count]").click()
    expect(page.locator("#result_list")).to_contain_text("Siti Aisyah")
    expect(page.locator("#result_list")).not_to_contain_text("Joko")

    # The contact: what is on now, its timeline, its history, the chat.
    page.get_by_role("link", name="Siti Aisyah").click()
    expect(page).to_have_url(re.compile(r"/admin/contacts/contact/\d+/"))
    expect(page.locator("#labels .lc-badge")).to_have_count(1)
    expect(page.locator("#labels .lc-badge")).to_have_text("Prospek panas")
    bars = page.locator("#timeline rect")
    expect(bars).to_have_count(2)
    assert all((box := bars.nth(n).bounding_box()) and box["width"] > 0 for n in range(2))
    expect(page.locator("#history")).to_contain_text("dilepas")
    expect(page.locator("#chat")).to_contain_text("Halo kak, masih ada?")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"

    # English, in the user's menu.
    if page.viewport_size and page.viewport_size["width"] < 1000:
        page.locator("header, #header-inner").first.locator(".material-symbols-outlined:visible").first.click()
    page.locator("#nav-sidebar-inner").get_by_text("ratna").click()
    page.get_by_role("button", name=re.compile("English")).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#labels .lc-badge")).to_have_text("Hot prospect")

    assert watch.complaints == []
