"""Today is cleared by keyboard: each key does what its button does, and the next line is there without a page load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from contacts.models import Contact
from desk.home.live import live
from labels.models import StaleSnooze, TodayAction
from tests.browser.walking import Watch, findings_in_both_themes, log_in
from tests.desk.today import world
from tests.factories import AgentFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _no_live_thread_stays() -> Iterator[None]:
    yield
    live.stop()


def test_a_cs_lead_clears_today_with_the_keyboard_alone(
    browser: Browser, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "NOW", timezone.now())
    origin, morning = str(live_server.url), world.make_morning()
    lia = AgentFactory(name="CS Lia", team=morning.shop.team)
    UserFactory(username="lead", role="cs_lead", teams=[morning.shop.team], language="en")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "lead")
    page.goto(f"{origin}/admin/today/")
    said, who = page.locator("#today-said"), page.locator("#today-contact h2")
    page.evaluate("window.sameDocument = true")
    press = page.keyboard.press

    expect(page.locator("#today-count")).to_have_text("6 contacts wait")
    expect(who).to_have_text("Ani")
    assert findings_in_both_themes(page) == []
    press("j")
    expect(who).to_have_text("Cici")
    press("k")
    expect(who).to_have_text("Ani")

    press("s")  # worth a reason
    page.keyboard.type("On holiday")
    press("Enter")
    expect(said).to_contain_text("Put off until")
    expect(who).to_have_text("Cici")
    press("r")
    expect(said).to_have_text("Followed up.")
    expect(who).to_have_text("Budi")
    press("z")
    expect(said).to_have_text("Undone: the contact is back.")
    expect(who).to_have_text("Cici")
    press("f")
    press("Enter")
    expect(said).to_contain_text("Follow-up set for")
    expect(who).to_have_text("Budi")
    press("a")
    page.keyboard.type("CS Lia")
    press("Tab")
    press("Enter")
    expect(said).to_have_text("Assigned to CS Lia.")
    expect(who).to_have_text("Fina")
    press("x")
    expect(said).to_contain_text("Noted")
    expect(who).to_have_text("Eka")
    for key in ("v", "j", "v", "f", "Enter"):  # both at once
        press(key)
    expect(said).to_contain_text("2 follow-ups set")
    expect(page.locator("#today-head")).to_contain_text("All done for now")
    press("?")
    expect(page.locator("#today-keys")).to_be_visible()
    press("Escape")

    assert page.evaluate("window.sameDocument")
    assert Contact.objects.get(name="Budi").assigned_to == lia
    assert TodayAction.objects.filter(undone_at=None).values("contact").distinct().count() == 6
    assert not StaleSnooze.objects.exists()
    assert watch.complaints == []
    page.context.close()
