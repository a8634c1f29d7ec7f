"""The Work page moves by itself, and tells who hears it a sentence now and then."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from labelcrm.core.models import Job
from tests.browser.walking import Watch, axe_findings, log_in
from tests.browser.windows import Windows
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_progress_moves_without_a_reload_and_leaves_the_button_in_place(browser: Windows, live_server: Any) -> None:
    origin = str(live_server.url)
    owner = UserFactory(username="root", is_superuser=True, language="en")
    job = Job.objects.create(kind="labels.rebuild", owner=owner, state="running", progress=310, total=1000)
    context = browser.of_its_own(viewport={"width": 390, "height": 844})
    page = context.new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "root")
    page.clock.install()
    page.goto(f"{origin}/admin/jobs/")
    bar, aloud = page.get_by_role("progressbar"), page.get_by_role("status")
    page.evaluate("window.button = document.querySelector('.lc-work button')")

    def look_again(said: str, shown: str, **values: Any) -> None:
        Job.objects.filter(pk=job.pk).update(**values)
        page.clock.fast_forward(3000)
        expect(page.locator("#work tbody")).to_contain_text(shown)
        expect(aloud).to_have_text(said)

    expect(bar).to_have_attribute("value", "31")
    look_again("", "38%", progress=380)
    look_again("1 at work, 50% done", "55%", progress=550)
    look_again("1 at work, 50% done", "57%", progress=570)
    assert page.evaluate("window.button.isConnected"), "nothing is replaced under the pointer"
    assert axe_findings(page) == []
    ended = {"state": "done", "finished_at": timezone.now(), "result": {"differences": 0}}
    look_again("Every interval and figure derived again from the events: done", "No difference", **ended)
    expect(bar).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert watch.complaints == []
    context.close()
