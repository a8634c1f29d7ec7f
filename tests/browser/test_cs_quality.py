"""CS quality, one CS over time, and before and after: drawn, on a phone, by day and by night, columns by keyboard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from contacts.models import Agent
from tests.browser.test_report_pictures import DESK, PHONE, _front_store, page, pytestmark
from tests.browser.walking import findings_in_both_themes

__all__ = ["_front_store", "page", "pytestmark"]


def test_the_pages_of_cs_quality_are_drawn_and_fit_a_phone_and_a_desk(page: Page, live_server: Any) -> None:
    day = timezone.localdate() - timedelta(days=14)
    base = f"{live_server.url}/admin/reports/agents/"
    for path, pictures in (
        ("?period=last_30", ["coverage", "speed"]),
        (f"{Agent.objects.get().pk}/", ["own-activity", "own-labelled-1h"]),
        (f"before-after/?on={day}&metric=labelled_24h&weeks=2", ["before-after"]),
    ):
        page.set_viewport_size(DESK)
        page.goto(base + path)
        for name in pictures:
            expect(page.locator(f"#{name} canvas").first).to_be_visible()
        assert findings_in_both_themes(page) == [], path
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate("document.documentElement.scrollHeight") < 5000, path


def test_columns_are_chosen_by_keyboard_and_changes_to_the_past_counted(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/reports/agents/?period=last_30")
    expect(page.locator("#list-count")).to_contain_text(str(timezone.localdate().year))
    summary = page.locator(".lc-chooser summary")
    summary.focus()
    page.keyboard.press("Enter")
    box = page.locator("input[name=column][value=found]")
    assert not box.is_checked()
    box.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**period=last_30")
    expect(page.locator("th", has=page.locator("[popovertarget=def-found]"))).to_be_visible()
