"""The mapping page under the fingers: twelve labels in under fifteen clicks, by keyboard, and on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from labels.models import ChannelLabel, Label, LabelAlias
from labels.rules.naming import normalize
from tests.browser.walking import Watch, axe_findings, findings_in_both_themes, log_in
from tests.desk.conftest import Shop, make_shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/labels/channellabel/"

CERTAIN = {"Nunggu TF": "Waiting payment", "GradeA": "Grade A", "udah byr": "Done", "HotLead": "Hot prospect"}
LIKELY = {
    "Panas bulan ini": "Hot prospect", "Komplen kirim": "Complain", "Selesei": "Done", "Cust Grade B": "Grade B",
    "Tanya baru dari IG": "New inquiry", "Langganan toko": "Loyal customer",
}  # fmt: skip
UNKNOWN = ("Jgn dihapus", "Kurir")


class Clicks:
    """Counts the clicks that people make; to choose from a list is two, to open it and to take a line of it."""

    def __init__(self, page: Page) -> None:
        self.page, self.n = page, 0

    def on(self, name: str, *, among: Any = None) -> None:
        (among or self.page).get_by_role("button", name=name).first.click()
        self.n += 1

    def choose(self, row: Any, value: str) -> None:
        row.locator("select[name=means]").select_option(value)
        self.n += 2


@pytest.fixture
def shop() -> Shop:
    shop = make_shop("Rina")
    for name in (*CERTAIN, *LIKELY, *UNKNOWN):
        label = Label.objects.create(name=name, reviewed=False)
        LabelAlias.objects.create(normalized=normalize(name), label=label, text=name)
        shop.put(shop.contact(), shop.whatsapp_label(name, color=None))
    return shop


def as_lead(browser: Browser, live_server: Any, shop: Shop, **options: Any) -> tuple[Page, Watch]:
    origin = str(live_server.url)
    UserFactory(username="lead", role="cs_lead", teams=[shop.team], language="en")
    page = browser.new_context(**options).new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "lead")
    page.goto(origin + LIST)
    return page, watch


def row_of(page: Page, name: str) -> Any:
    return page.locator(".lc-map__row", has=page.get_by_label(f"What “{name}” means", exact=True))


def test_twelve_labels_are_sorted_in_under_fifteen_clicks(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, watch = as_lead(browser, live_server, shop, viewport={"width": 1280, "height": 900})
    left, clicks = page.locator("#rows-left"), Clicks(page)
    expect(left).to_have_text("12")
    page.locator(".lc-map-certain > summary").click()
    clicks.n += 1
    expect(page.locator(".lc-map-plan")).to_contain_text("Nunggu TF")
    clicks.on("Yes, accept all 4")
    expect(left).to_have_text("8")
    for name, label in LIKELY.items():
        clicks.on("Save", among=row_of(page, name))
        expect(page.locator("#mapping")).to_contain_text(f"{name}: 1 contact now counts as {label}.")
    for name in UNKNOWN:
        clicks.choose(row_of(page, name), "none")
        clicks.on("Save", among=row_of(page, name))
        expect(page.locator("#mapping")).to_contain_text(f"{name}: Not counted any more, on 1 contact.")
    expect(left).to_have_text("0")
    assert clicks.n < 15
    found = {row.name: row.label.name_en or row.label.name for row in ChannelLabel.objects.filter(ignored=False)}
    assert found == CERTAIN | LIKELY
    assert watch.complaints == []
    page.context.close()


def test_rows_are_decided_by_keyboard_and_spoken(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, watch = as_lead(browser, live_server, shop, viewport={"width": 1280, "height": 900})
    said = page.locator("#rows-said")
    row_of(page, "Kurir").locator("select[name=means]").focus()
    page.keyboard.type("New l")
    expect(page.get_by_label("Category").locator("visible=true")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Choose the category of the new label.")
    expect(row_of(page, "Kurir").locator("select[name=means]")).to_be_focused()
    page.keyboard.type("No")
    expect(row_of(page, "Kurir").locator("select[name=means]")).to_have_value("none")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Not counted any more, on 1 contact.")
    expect(page.locator("select[name=means]:focus")).to_have_count(1)
    page.get_by_role("button", name=re.compile("Take back.*Kurir")).press("Enter")
    expect(said).to_have_text("Taken back.")
    expect(row_of(page, "Kurir").locator("select[name=means]")).to_be_focused()
    assert findings_in_both_themes(page) == []
    assert watch.complaints == []
    page.context.close()


def test_a_phone_shows_cards_that_are_no_wider_than_it(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, _watch = as_lead(browser, live_server, shop, viewport={"width": 390, "height": 844}, has_touch=True)
    page.locator(".lc-map-certain > summary").tap()
    row_of(page, "Kurir").locator("select[name=means]").select_option("new")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert axe_findings(page) == []
    row_of(page, "Selesei").get_by_role("button", name="Save").tap()
    expect(page.locator("#mapping")).to_contain_text("1 contact now counts as Done.")
    page.context.close()
