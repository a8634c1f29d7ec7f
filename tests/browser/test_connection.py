"""Connecting WAHA and GOWA as a person does: through the wizard, with a wrong secret first and the right one then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from contacts.models import Channel
from tests.browser.serving import Site, looking, server, site
from tests.browser.walking import Watch, findings_in_both_themes
from tests.factories import UserFactory
from tests.webhooks.gateways.payloads import PAYLOADS
from tests.webhooks.gateways.payloads.base import Account, Post
from webhooks.drain import lanes

__all__ = ["server", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SECONDS = 15_000
BUDI = "6281200000009"
NUMBERS = count(1)  # the server of the file remembers the secret of a number for a moment: each test connects another


# Pages with a real server are dear: `make test` runs each at one width, `make test-full` at both.
DESK, PHONE = pytest.param(1280, id="desk"), pytest.param(360, id="phone")
DESK_TOO, PHONE_TOO = (pytest.param(*one.values, id=one.id, marks=pytest.mark.full) for one in (DESK, PHONE))
at_a_desk = pytest.mark.parametrize("page", [DESK, PHONE_TOO], indirect=True)
on_a_phone = pytest.mark.parametrize("page", [PHONE, DESK_TOO], indirect=True)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """The owner's tab, at a desk or on a phone."""
    owner = UserFactory(role="owner", language="en")
    with looking(browser, site, owner, viewport={"width": request.param, "height": 800}) as found:
        yield found


def post(site: Site, gateway: str, post: Post) -> int:
    number = connected()
    status = site.post(f"/hooks/{gateway}/{number.key}/", post.body, post.headers)
    lanes.drain(number.pk)
    return status


def connected() -> Channel:
    """The number that the test has connected."""
    return Channel.objects.get(key__startswith="cs-rina-")


def account(secret: str) -> Account:
    return Account(session=connected().key, secret=secret)


def expect_verdict(page: Page, code: str) -> None:
    expect(page.locator("[data-code]")).to_have_attribute("data-code", code, timeout=SECONDS)


def walk_through_the_wizard(page: Page, site: Site, gateway: str) -> None:
    page.goto(f"{site.origin}/admin/connect/")
    page.click(f"a[href*='gateway={gateway}']")
    page.fill("input[name=name]", f"CS Rina {next(NUMBERS)}")
    page.fill("input[name=new_agent]", "Rina")
    page.click("form button.lc-button--primary")
    expect(page).to_have_url(re.compile(r"/connection/$"))


def shown_secret(page: Page) -> str:
    page.get_by_role("button", name="Show the secret").click()
    code = page.locator(".lc-address dd code").nth(1)
    expect(code).not_to_contain_text("•")
    return code.inner_text().strip()


@at_a_desk
def test_from_the_wizard_to_the_first_label_of_waha(page: Page, site: Site) -> None:
    from_the_wizard_to_the_first_label(page, site, "waha")


@on_a_phone
def test_from_the_wizard_to_the_first_label_of_gowa(page: Page, site: Site) -> None:
    from_the_wizard_to_the_first_label(page, site, "gowa")


def from_the_wizard_to_the_first_label(page: Page, site: Site, gateway: str) -> None:
    watch = Watch(page, site.origin)
    walk_through_the_wizard(page, site, gateway)
    expect_verdict(page, "nothing")
    assert "•" in page.locator("#setup").inner_text()
    secret = shown_secret(page)
    assert secret in page.locator(".lc-steps").inner_text()
    expect_verdict(page, "nothing")

    wrong = PAYLOADS[gateway](account("secret"))
    assert post(site, gateway, wrong.label_on_chat(BUDI, "9", on=True)) == 401
    expect_verdict(page, "wrong_signature")

    right = PAYLOADS[gateway](account(secret))
    assert post(site, gateway, right.message(BUDI)) == 202
    expect(page.locator("[data-finding=no_labels]")).to_be_visible(timeout=SECONDS)
    assert post(site, gateway, right.label_on_chat(BUDI, "9", on=True)) == 202
    expect(page.locator("[data-finding=works]")).to_be_visible(timeout=SECONDS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert watch.complaints == []


@on_a_phone
def test_a_label_without_a_name_is_named_where_it_was_found(page: Page, site: Site) -> None:
    walk_through_the_wizard(page, site, "gowa")
    right = PAYLOADS["gowa"](account(shown_secret(page)))
    post(site, "gowa", right.label_on_chat(BUDI, "9", on=True))
    page.goto(page.url.replace("secret/", ""))
    expect(page.locator("#names")).to_contain_text("Label 9 on CS Rina")
    page.fill("#names input[name=name]", "Grade A")
    page.click("#names button")
    expect(page.locator("#names")).to_have_count(0)


@pytest.fixture
def waha(page: Page, site: Site) -> Any:
    """What WAHA posts for a number that works; the page shows its connection."""
    walk_through_the_wizard(page, site, "waha")
    payloads = PAYLOADS["waha"](account(shown_secret(page)))
    post(site, "waha", payloads.label_on_chat(BUDI, "1", on=True))
    page.goto(page.url.replace("secret/", ""))
    expect(page.locator("#check tbody tr")).to_have_count(1)
    return payloads


@on_a_phone
def test_what_comes_while_the_list_is_read_is_shown_and_the_focus_stays(page: Page, site: Site, waha: Any) -> None:
    page.locator("#check tbody a").first.focus()
    read = page.evaluate("document.activeElement.href")
    for n, label in enumerate(("2", "3"), start=2):
        assert post(site, "waha", waha.label_on_chat(BUDI, label, on=True)) == 202
        expect(page.locator("#check tbody tr")).to_have_count(n, timeout=SECONDS)
        assert page.evaluate("document.activeElement.href") == read


@at_a_desk
def test_who_comes_back_to_the_tab_sees_at_once_what_came_meanwhile(page: Page, site: Site, waha: Any) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.isAway, configurable: true })")
    page.evaluate("window.isAway = true")
    post(site, "waha", waha.label_on_chat(BUDI, "2", on=True))
    page.wait_for_timeout(5_000)  # its turn comes and asks for nothing
    expect(page.locator("#check tbody tr")).to_have_count(1)
    page.evaluate("window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#check tbody tr")).to_have_count(2, timeout=2_500)


def test_the_pages_are_usable_by_everybody(browser: Browser, site: Site) -> None:
    found: list[str] = []
    with looking(browser, site, UserFactory(role="owner")) as page:
        page.goto(f"{site.origin}/admin/connect/")
        found += findings_in_both_themes(page)
        walk_through_the_wizard(page, site, "gowa")
        found += findings_in_both_themes(page)
        page.goto(f"{site.origin}/admin/")
        found += findings_in_both_themes(page)
    assert found == []
