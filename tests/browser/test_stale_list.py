"""The stale list under the fingers: a row's buttons answer in the row; on a phone the rest is behind the dots."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import Contact
from labels.models import CleanSpell, Label
from labels.services import staleness
from tests.browser.walking import Watch, axe_findings, in_the_dark, log_in
from tests.desk.conftest import Shop, make_shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/labels/staleflag/"


@pytest.fixture
def shop() -> Shop:
    """Ani's Grade A is the most urgent; Budi's Grade B and waiting payment need no reason."""
    shop, now = make_shop("Rina"), timezone.now()
    for name, label, days in (("Ani", "Grade A", 90), ("Budi", "Grade B", 20), ("Cici", "Grade C", 18)):
        contact = shop.contact(name=name)
        shop.say(contact, f"Halo dari {name}")
        CleanSpell.objects.create(
            contact=contact, label=Label.objects.get(name=label), channel=shop.channel, method="channel_owner",
            started_at=now - timedelta(days=days), found=False,
        )  # fmt: skip
    staleness.flag_stale(now)
    return shop


def as_cs(browser: Browser, live_server: Any, shop: Shop, **options: Any) -> tuple[Page, Watch]:
    origin = str(live_server.url)
    UserFactory(username="rina", role="cs", teams=[shop.team], language="en")
    page = browser.new_context(**options).new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "rina")
    page.goto(origin + LIST)
    return page, watch


def row_of(page: Page, name: str) -> Any:
    return page.locator(".lc-stale__row", has_text=name)


def test_rows_are_settled_and_followed_up_by_keyboard(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, watch = as_cs(browser, live_server, shop, viewport={"width": 1280, "height": 900})
    said, left = page.locator("#rows-said"), page.locator("#rows-left")
    expect(left).to_have_text("3 contacts")
    expect(page.locator(".lc-stale__row").first).to_contain_text("Ani")
    row_of(page, "Ani").locator("summary").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Waits for salary")
    assert axe_findings(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Grade A: still right. The clock starts again today.")
    expect(left).to_have_text("2 contacts")
    expect(row_of(page, "Budi").get_by_role("button", name="Follow up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Follow-up set for tomorrow")
    undo = row_of(page, "Budi").get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert Contact.objects.get(name="Budi").follow_up_at is not None
    page.keyboard.press("Enter")
    expect(said).to_have_text("The follow-up is as it was.")
    assert Contact.objects.get(name="Budi").follow_up_at is None
    row_of(page, "Cici").get_by_role("button", name="Still right").click()
    expect(left).to_have_text("1 contact")
    with in_the_dark(page):
        assert axe_findings(page) == []
    assert watch.complaints == []
    page.context.close()


def test_what_a_page_does_not_show_is_counted_when_it_has_come(
    browser: Browser, live_server: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.labels.stale_contacts.SIZE", 2)
    page, watch = as_cs(browser, live_server, shop, viewport={"width": 390, "height": 844})
    left, labels = page.locator("#rows-left"), page.get_by_role("combobox", name="Label")
    expect(left).to_have_text("3 contacts")
    expect(labels.locator("option")).to_have_text(["Label", "Grade A (1)", "Grade B (1)", "Grade C (1)"])
    row_of(page, "Budi").get_by_role("checkbox", name=re.compile("actions: Budi")).click()
    row_of(page, "Budi").get_by_role("button", name="Still right").click()
    expect(left).to_have_text("2 contacts")
    expect(labels.locator("option")).to_have_text(["Label", "Grade A (1)", "Grade C (1)"])
    labels.select_option(label="Grade C (1)")
    expect(page.locator(".lc-stale__row")).to_have_count(1)
    expect(labels.locator("option:checked")).to_have_text("Grade C (1)")
    assert watch.complaints == []
    page.context.close()


def test_a_phone_shows_two_lines_and_the_rest_behind_the_dots(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, watch = as_cs(browser, live_server, shop, viewport={"width": 390, "height": 844}, has_touch=True)
    row = row_of(page, "Budi")
    assert row.bounding_box()["height"] <= 80
    expect(row.get_by_text("Halo dari Budi")).to_be_hidden()
    row.get_by_role("checkbox", name=re.compile("actions: Budi")).tap()
    expect(row.get_by_text("Halo dari Budi")).to_be_visible()
    assert axe_findings(page) == []
    row.get_by_role("button", name="Follow up").tap()
    expect(row.get_by_role("button", name="Undo")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    row.get_by_role("link", name="Budi").tap()
    page.wait_for_url(re.compile(r"/admin/contacts/contact/\d+/$"))
    assert watch.complaints == []
    page.context.close()
