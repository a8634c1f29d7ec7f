"""A sample is cleared by keyboard: a digit chooses, the next chat comes by itself, Z takes the last one back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from labels.models import LookSample, SecondLook
from tests.browser.walking import Watch, findings_in_both_themes, log_in
from tests.desk.conftest import make_shop
from tests.factories import UserFactory
from tests.labels.looks import graded_week

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_sample_is_cleared_by_keyboard(browser: Browser, live_server: Any) -> None:
    origin, shop = str(live_server.url), make_shop("Rina")
    graded_week(shop, "Grade A", "Grade B", "Grade C")
    UserFactory(username="lia", role="cs_lead", teams=[shop.team], language="en")
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "lia")
    page.goto(f"{origin}/admin/reports/second-look/")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name="Begin").press("Enter")
    place, before = page.locator("#place"), page.locator(".lc-look__last")
    expect(place).to_have_text("1 of 3")
    assert findings_in_both_themes(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for n, (key, chosen) in enumerate((("1", "Grade A"), ("0", "Can’t tell")), start=2):
        page.keyboard.press(key)
        expect(place).to_have_text(f"{n} of 3")
        page.wait_for_load_state()  # before it, keys are not heard
        expect(before).to_contain_text(chosen)
    page.keyboard.press("z")
    expect(place).to_have_text("2 of 3")
    assert SecondLook.objects.count() == 1
    page.keyboard.press("2")
    expect(before).to_contain_text("so it is in no figure")
    page.keyboard.press("7")  # chooses nothing
    page.keyboard.press("3")
    expect(page.locator("#done")).to_contain_text("All looked at")
    looks = SecondLook.objects.filter(grade__sample=LookSample.objects.get()).order_by("id")
    assert [str(look.label) for look in looks] == ["Grade A", "Grade B", "Grade C"]
    assert [look.blind for look in looks] == [True, False, True]
    page.get_by_role("link", name="What to train").press("Enter")
    expect(page.locator("#agreement")).to_contain_text("CS Rina")
    expect(page.locator("#training")).to_be_visible()
    assert findings_in_both_themes(page) == []
    assert watch.complaints == []
    page.context.close()
