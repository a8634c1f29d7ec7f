"""A marketer makes a rule of a first message that nothing claims: counted, applied, and tried before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import Contact
from tests.browser.walking import Watch, axe_findings, log_in
from tests.desk.conftest import make_shop
from tests.factories import CampaignFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = "/admin/contacts/campaignrule/"


@pytest.fixture
def budi(transactional_db: None) -> Contact:
    """Who wrote first today, with a code that no rule knows."""
    shop = make_shop("Rina")
    UserFactory(username="ratna", role="marketing", language="en")
    CampaignFactory(name="Lebaran")
    now = timezone.now()
    contact = shop.contact(name="Budi", first_inbound_at=now)
    message = shop.say(contact, "Halo kak, kode LBR26 ya")
    type(message).objects.filter(pk=message.pk).update(at=now)
    return contact


@pytest.fixture(
    params=[
        pytest.param((1280, 800, True), id="desk", marks=pytest.mark.full),
        pytest.param((390, 844, True), id="phone"),
        pytest.param((1280, 800, False), id="no script"),
    ]
)
def page(browser: Browser, request: pytest.FixtureRequest, live_server: Any, budi: Contact) -> Iterator[Page]:
    width, height, scripts = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=scripts)
    page = context.new_page()
    log_in(page, str(live_server.url), "ratna")
    page.scripts = scripts  # type: ignore[attr-defined]
    yield page
    context.close()


def tried(page: Page, origin: str, text: str) -> Any:
    """The answer of the test box; with scripts it comes while one types."""
    page.goto(f"{origin}{RULES}")
    page.fill("#try_text", text)
    if not page.scripts:  # type: ignore[attr-defined]
        page.click("#try-form > button")
    return page.locator("#try-answer")


def test_a_rule_is_made_counted_applied_and_tried(page: Page, live_server: Any, budi: Contact) -> None:
    origin, scripts = str(live_server.url), page.scripts  # type: ignore[attr-defined]
    watch = Watch(page, origin)
    expect(tried(page, origin, "kode LBR26")).to_contain_text("No rule recognises this message")

    page.click("text=First messages without a campaign")
    page.click("text=Make rule")
    expect(page.locator("#id_pattern")).to_have_value("LBR26")
    if scripts:
        page.locator(".field-campaign .select2-selection").click()
        page.locator(".select2-search__field").last.fill("leb")
        page.locator(".select2-results__option", has_text="Lebaran").click()
        page.click("text=See what it changes")
        expect(page.locator("#preview")).to_contain_text("1 contact would have another campaign")
        assert axe_findings(page) == []
        page.click("text=Save, and apply to the history")
        expect(page.locator("#content, main, body").first).to_contain_text("1 contact has another campaign")
        budi.refresh_from_db()
        assert budi.campaign is not None

        expect(tried(page, origin, "kode LBR26")).to_contain_text("because “LBR26” is in the message")
        expect(tried(page, origin, "kode LBR260")).to_contain_text("“LBR26” is in “LBR260”, but only whole words match")
        assert axe_findings(page) == []
    assert watch.complaints == []
