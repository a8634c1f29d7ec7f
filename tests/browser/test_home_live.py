"""A label put on in WhatsApp appears on the open home page by itself, also after the server came back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import Contact, Team
from contacts.services.channels import Connected, connect, hook_path
from tests.browser.serving import Site, looking, server, site
from tests.browser.walking import Watch, findings_in_both_themes
from tests.factories import UserFactory
from webhooks.drain import lanes

__all__ = ["server", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBERS = count(1)
SECONDS = 60_000  # generous, for busy machines; an idle one needs a fraction of a second


class Numbers:
    """Two numbers of two teams, and the people who watch."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.channels = {name: self._connect(name, team) for name, team in (("rina", "Sales"), ("budi", "Support"))}
        self._told = 0
        self.owner = UserFactory(role="owner")
        self.lead = UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")])
        self.say("rina", type="label.saved", label={"id": "1", "name": "Grade A", "color": 2})

    def _connect(self, name: str, team: str) -> Connected:
        key = f"{name}{next(NUMBERS)}"  # the server remembers those of the test before
        return connect(gateway="generic", key=key, name=f"CS {name.title()}", agent=name, team=team, actor=None)

    def say(self, key: str, **event: object) -> None:
        """Post over HTTP and process, as a gateway and the worker do."""
        self._told += 1
        channel = self.channels[key].channel
        assert self.site.post_json(hook_path(channel), {"id": f"e{self._told}", **event}) == 202
        lanes.drain(channel.pk)

    def label(self, key: str, chat: str, *, on: bool = True, at: datetime | None = None) -> None:
        when = {"at": at.isoformat()} if at else {}
        self.say(key, type="label.added" if on else "label.removed", chat=chat, label={"id": "1"}, **when)


@pytest.fixture
def numbers(site: Site) -> Numbers:
    return Numbers(site)


@pytest.fixture
def page(browser: Browser, site: Site, numbers: Numbers) -> Iterator[Page]:
    """The owner's tab."""
    with looking(browser, site, numbers.owner) as found:
        yield found


def visit(page: Page, site: Site, state: str = "live") -> None:
    page.goto(f"{site.origin}/admin/")
    wait_until(page, state)


def wait_until(page: Page, state: str) -> None:
    expect(page.locator("#live-state")).to_have_attribute("data-state", state, timeout=30_000)


def test_a_label_appears_without_a_reload_and_the_figures_follow(page: Page, site: Site, numbers: Numbers) -> None:
    watch = Watch(page, site.origin)
    visit(page, site)
    page.evaluate("window.stays = true")
    # On and off within one second would be no label at all, only a quick undo.
    numbers.label("rina", "6281200001234", at=timezone.now() - timedelta(seconds=2))
    expect(page.locator("#live-rows")).to_contain_text("1234", timeout=SECONDS)
    expect(page.locator("#live-rows")).to_contain_text("Grade A")
    expect(page.locator("[data-number=added]")).to_have_text("1", timeout=SECONDS)
    numbers.label("rina", "6281200001234", on=False)
    expect(page.locator("#live-rows li")).to_have_count(2, timeout=SECONDS)
    expect(page.locator("[data-number=removed]")).to_have_text("1", timeout=SECONDS)
    assert page.evaluate("window.stays"), "the page was not loaded again"
    assert watch.complaints == []


def test_a_label_is_pushed_to_the_page_which_asks_for_nothing(page: Page, site: Site, numbers: Numbers) -> None:
    visit(page, site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for n in range(3):
        numbers.label("rina", f"628120000200{n}")
        page.locator("#live-rows", has_text=f"200{n}").wait_for(timeout=SECONDS)
    assert asked == []


def test_the_page_goes_on_after_the_server_was_killed_and_started_again(
    page: Page, site: Site, numbers: Numbers
) -> None:
    visit(page, site)
    numbers.label("rina", "6281200003001")
    expect(page.locator("#live-rows")).to_contain_text("3001", timeout=SECONDS)
    site.kill()
    wait_until(page, "offline")
    expect(page.locator("#live-said")).to_be_visible()
    site.start()
    wait_until(page, "live")
    numbers.label("rina", "6281200003002")
    expect(page.locator("#live-rows")).to_contain_text("3002", timeout=SECONDS)
    expect(page.locator("#live-rows li")).to_have_count(2)


def test_what_happened_while_the_page_was_cut_off_is_shown_when_it_is_back(
    page: Page, site: Site, numbers: Numbers
) -> None:
    visit(page, site)
    page.route("**/live/**", lambda route: route.abort())
    site.restart()
    numbers.label("rina", "6281200004001")
    wait_until(page, "offline")
    page.unroute("**/live/**")
    expect(page.locator("#live-rows")).to_contain_text("4001", timeout=30_000)


def test_without_streams_the_page_asks_every_few_seconds(page: Page, site: Site, numbers: Numbers) -> None:
    page.route("**/live/?since=*", lambda route: route.fulfill(status=503))
    visit(page, site, "polling")
    numbers.label("rina", "6281200005001")
    expect(page.locator("#live-rows")).to_contain_text("5001", timeout=SECONDS)
    expect(page.locator("[data-number=added]")).to_have_text("1", timeout=SECONDS)


def test_a_lead_sees_changes_of_their_team_only(browser: Browser, site: Site, numbers: Numbers) -> None:
    with looking(browser, site, numbers.lead) as page:
        visit(page, site)
        numbers.label("budi", "6281200006001")
        numbers.label("rina", "6281200006002")
        expect(page.locator("#live-rows")).to_contain_text("6002", timeout=SECONDS)
        expect(page.locator("#live-rows")).not_to_contain_text("6001")


def test_rows_wait_while_somebody_reads_them(page: Page, site: Site, numbers: Numbers) -> None:
    numbers.label("rina", "6281200007001")
    visit(page, site)
    page.locator("#live-rows li").first.hover()
    numbers.label("rina", "6281200007002")
    expect(page.locator("#live-more")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#live-rows li")).to_have_count(1)
    page.mouse.move(0, 0)
    expect(page.locator("#live-rows li")).to_have_count(2)
    expect(page.locator("#live-more")).to_be_hidden()


def test_who_was_logged_out_elsewhere_is_told(page: Page, site: Site, numbers: Numbers) -> None:
    from django.contrib.sessions.models import Session

    page.route("**/live/?since=*", lambda route: route.fulfill(status=503))
    visit(page, site, "polling")
    Session.objects.all().delete()
    wait_until(page, "signed-out")


def test_the_feed_fits_a_phone(page: Page, site: Site, numbers: Numbers) -> None:
    numbers.say(
        "rina", type="message", chat="6281200008001", name="Pak Haji Muhammad Abdurrahman Al-Farisi bin Sulaiman",
        message={"id": "m1", "text": "x", "from_me": False},
    )  # fmt: skip
    numbers.label("rina", "6281200008001")
    page.set_viewport_size({"width": 360, "height": 740})
    visit(page, site)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    feed, active = page.locator(".lc-feed").bounding_box(), page.locator(".lc-active").bounding_box()
    assert feed is not None
    assert active is not None
    assert feed["y"] < active["y"], "what changed comes before what is there"


def test_the_picture_of_the_days_fits_a_phone_and_its_table_stays_open(
    page: Page, site: Site, numbers: Numbers
) -> None:
    for n in range(3):
        numbers.label("rina", f"628120000900{n}")
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, site)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    todos, happened = page.locator(".lc-todos").bounding_box(), page.locator(".lc-happened").bounding_box()
    assert todos is not None
    assert happened is not None
    assert todos["y"] < happened["y"], "what to do comes before what happened"
    bars = page.locator("svg.lc-days__picture .lc-days__place")
    assert {round(box["width"]) for bar in bars.all() if (box := bar.bounding_box())} <= {22, 23, 24, 25}
    summary = page.locator("#days-rows summary")
    summary.focus()
    page.keyboard.press("Enter")
    numbers.label("rina", "6281200009009")
    expect(page.locator("#days-rows tbody tr").first.locator("td").first).to_have_text("4", timeout=SECONDS)
    assert page.evaluate("document.activeElement.localName") == "summary"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/activity/\?what=added&day="))
    expect(page.locator(".lc-activity tbody tr")).to_have_count(4)


def test_a_bar_opens_the_rows_of_its_day(page: Page, site: Site, numbers: Numbers) -> None:
    numbers.label("rina", "6281200009101")
    visit(page, site)
    page.locator("svg.lc-days__picture .lc-days__added").last.click()
    expect(page).to_have_url(re.compile(r"/admin/activity/\?what=added&day="))
    expect(page.locator(".lc-activity tbody tr")).to_have_count(1)


def test_the_home_page_is_usable_by_everybody(browser: Browser, site: Site, numbers: Numbers) -> None:
    numbers.label("rina", "6281200009201")
    for user, width in ((numbers.owner, 1280), (numbers.lead, 390)):
        with looking(browser, site, user, viewport={"width": width, "height": 844}) as page:
            visit(page, site)
            page.locator("#days-rows summary").click()
            assert findings_in_both_themes(page) == []


def test_who_is_renamed_is_drawn_anew_and_who_is_archived_leaves_the_open_page(
    page: Page, site: Site, numbers: Numbers
) -> None:
    numbers.label("rina", "6281200000001")
    numbers.label("rina", "6281200000002")
    visit(page, site)
    expect(page.locator(".lc-change")).to_have_count(2)
    Contact.objects.filter(phone="+6281200000001").update(name="Ratna Baru")
    Contact.objects.filter(phone="+6281200000002").update(deleted_at=timezone.now())
    numbers.label("rina", "6281200000003")  # the next reading brings it
    rows = page.locator("#live-rows")
    expect(rows).to_contain_text("Ratna Baru", timeout=SECONDS)
    expect(rows).not_to_contain_text("0000-0002", timeout=SECONDS)
    expect(page.locator(".lc-change")).to_have_count(2)
