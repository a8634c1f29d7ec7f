"""The builder of segments under the fingers: by keyboard alone, on a phone, by day and by night."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import CampaignTouch
from labels.models import CleanSpell, Label
from reports.models import Segment
from tests.browser.walking import Watch, axe_findings, findings_in_both_themes, log_in
from tests.desk.conftest import Shop, make_shop
from tests.factories import THEN, CampaignFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NEW = "/admin/segments/new/"
FAR_AWAY = """{
  const near = window.fetch;
  window.fetch = (...asked) => new Promise((later) => setTimeout(later, 500)).then(() => near(...asked));
}"""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def shop() -> Shop:
    """Ani and Budi are meant; Cici complained, Dedi came by nothing, Euis had her label long ago."""
    shop, now = make_shop("Rina"), timezone.now()
    campaign = CampaignFactory(name="Ramadan")
    people = {name: shop.contact(name=name) for name in ("Ani", "Budi", "Cici", "Dedi", "Euis")}
    for name in ("Ani", "Budi", "Cici", "Euis"):
        CampaignTouch.objects.create(contact=people[name], campaign=campaign, at=THEN, method="manual")

    def put(name: str, label: str, days: int) -> None:
        CleanSpell.objects.create(
            contact=people[name], label=Label.objects.get(name=label), channel=shop.channel, method="channel_owner",
            started_at=now - timedelta(days=days), found=False,
        )  # fmt: skip

    for name, label, days in (
        ("Ani", "Grade A", 3), ("Budi", "Prospek panas", 3), ("Cici", "Grade A", 3), ("Cici", "Komplain", 1),
        ("Dedi", "Grade A", 3), ("Euis", "Grade A", 40),
    ):  # fmt: skip
        put(name, label, days)
    return shop


def as_marketing(browser: Browser, live_server: Any, **options: Any) -> tuple[Page, Watch]:
    origin = str(live_server.url)
    UserFactory(username="mira", role="marketing", language="en")
    page = browser.new_context(**options).new_page()
    watch = Watch(page, origin)
    log_in(page, origin, "mira")
    return page, watch


def on(page: Page, row: str, field: str) -> None:
    """Wait until the field is there and has the focus, or bring it there as Tab does."""
    expect(page.locator(f"#row-{row}-{field}")).to_be_visible()
    for _step in range(12):
        if page.evaluate("document.activeElement.id") == f"row-{row}-{field}":
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {field} of condition {row}")


def pick(page: Page, row: str, field: str, text: str, count: int) -> None:
    """Choose in one of our own fields: type, and take the first that is offered."""
    on(page, row, field)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.locator(f"#row-{row} .lc-seg-chip")).to_have_count(count)
    expect(page.locator(f"#row-{row}-{field}")).to_be_focused()


def one_more(page: Page, row: str) -> None:
    for _step in range(12):
        if page.evaluate("document.activeElement.id") == "add-0":
            page.keyboard.press("Enter")
            break
        page.keyboard.press("Tab")
    expect(page.locator(f"#row-{row}-kind")).to_be_focused()


def test_a_segment_is_built_counted_and_saved_by_keyboard(browser: Browser, live_server: Any, shop: Shop) -> None:
    """Grade A or Hot, not Complaint, from one campaign, labelled in the last 14 days."""
    page, watch = as_marketing(browser, live_server, viewport=DESK)
    page.goto(str(live_server.url) + NEW)
    page.locator("#row-0-0-kind").focus()
    page.keyboard.type("label now")
    pick(page, "0-0", "labels", "grade a", 1)
    pick(page, "0-0", "labels", "hot", 2)
    expect(page.locator("#segment-count")).to_have_text("5 contacts")

    one_more(page, "0-1")
    page.keyboard.type("label now")
    on(page, "0-1", "not")
    page.keyboard.type("does not")
    pick(page, "0-1", "labels", "complain", 1)
    expect(page.locator("#segment-count")).to_have_text("4 contacts")

    one_more(page, "0-2")
    page.keyboard.type("any campaign")
    pick(page, "0-2", "campaigns", "rama", 1)
    expect(page.locator("#segment-count")).to_have_text("3 contacts")

    one_more(page, "0-3")
    page.keyboard.type("label put on")
    pick(page, "0-3", "labels", "grade a", 1)
    pick(page, "0-3", "labels", "hot", 2)
    on(page, "0-3", "when")
    page.keyboard.type("in the last")
    on(page, "0-3", "days-from")
    page.keyboard.press("Control+A")
    page.keyboard.type("14")
    expect(page.locator("#segment-count")).to_have_text("2 contacts")
    expect(page.locator(".lc-seg-sample li")).to_have_count(2)
    expect(page.locator(".lc-seg-narrowing li b")).to_have_text(["5", "5", "4", "3", "2"])
    assert axe_findings(page) == []

    page.reload()  # what is in it stands in the address
    expect(page.locator("#segment-count")).to_have_text("2 contacts")
    page.locator("#segment-name").focus()
    page.keyboard.type("Ramadan, panas")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Ramadan, panas” is saved.")).to_be_visible()
    assert Segment.objects.get().shared == "everyone"

    page.locator("#segment-contacts").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list-count")).to_have_text("2 contacts")
    expect(page.locator("#result_list tbody th")).to_have_text(["Budi", "Ani"])
    assert watch.complaints == []


def test_who_types_on_before_the_answer_loses_neither_letters_nor_place(
    browser: Browser, live_server: Any, shop: Shop
) -> None:
    """Every answer comes half a second late, as from a far server; the typing does not wait for it."""
    page, watch = as_marketing(browser, live_server, viewport=DESK)
    page.add_init_script(FAR_AWAY)
    page.goto(str(live_server.url) + NEW)
    page.select_option("#row-0-0-kind", "label.active")
    expect(page.locator("#row-0-0-not")).to_be_visible()

    page.focus("#row-0-0-not")
    page.keyboard.type("does not")
    page.keyboard.press("Tab")
    page.keyboard.type("complain", delay=120)
    expect(page.locator("#row-0-0-labels")).to_be_focused()
    expect(page.locator("#row-0-0-labels")).to_have_value("complain")
    page.keyboard.press("Enter")
    page.keyboard.type("grade b", delay=120)
    expect(page.locator("#row-0-0 .lc-seg-chip")).to_have_count(1)
    expect(page.locator("#row-0-0-labels")).to_have_value("grade b")
    page.keyboard.press("Enter")
    expect(page.locator("#row-0-0 .lc-seg-chip")).to_have_count(2)
    expect(page.locator("#row-0-0-labels")).to_have_value("")
    assert watch.complaints == []


def test_going_back_takes_back_the_last_change(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, watch = as_marketing(browser, live_server, viewport=DESK)
    page.goto(str(live_server.url) + NEW)
    page.select_option("#row-0-0-kind", "labelled.now")
    expect(page.locator("#segment-count")).to_have_text("5 contacts")
    page.click("#add-0")
    page.select_option("#row-0-1-kind", "phone.empty")
    expect(page.locator("#segment-count")).to_have_text("0 contacts")
    expect(page.locator("#segment-narrowing")).to_contain_text("Nobody at all meets this.")
    page.go_back()
    expect(page.locator("#segment-count")).to_have_text("5 contacts")
    expect(page.locator(".lc-seg-row")).to_have_count(2)
    assert watch.complaints == []


def test_what_is_typed_is_not_drawn_over_and_mistakes_are_said(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, _watch = as_marketing(browser, live_server, viewport=DESK)
    page.goto(str(live_server.url) + NEW)
    page.select_option("#row-0-0-kind", "phone.starts")
    page.focus("#row-0-0-text")
    page.keyboard.type("0812")
    expect(page.locator("#row-0-0-error")).to_contain_text("country code")
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    page.keyboard.type("+62")
    expect(page.locator("#row-0-0-error")).to_be_hidden()
    expect(page.locator("#row-0-0-text")).to_be_focused()
    expect(page.locator("#segment-count")).to_have_text("5 contacts")


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_number_that_could_not_be_counted_anew_is_said_to_be_old(
    browser: Browser, live_server: Any, shop: Shop, size: Any
) -> None:
    page, _watch = as_marketing(browser, live_server, viewport=size)
    page.goto(str(live_server.url) + NEW)
    away = page.locator("#segment-away")
    page.select_option("#row-0-0-kind", "labelled.now")
    expect(page.locator("#segment-count")).to_have_text("5 contacts")
    expect(away).to_be_hidden()
    page.route(f"**{NEW}*", lambda route: route.abort())
    page.select_option("#row-0-0-not", "1")
    expect(away).to_be_visible()
    expect(away).to_contain_text("The server did not answer: what you see may be old.")
    expect(page.locator("#segment-float")).to_have_text("–")
    assert findings_in_both_themes(page) == []
    page.unroute(f"**{NEW}*")
    page.select_option("#row-0-0-kind", "phone.empty")
    expect(page.locator("#segment-count")).to_have_text("5 contacts")
    expect(page.locator("#segment-float")).to_have_text("5 contacts")
    expect(away).to_be_hidden()


def test_what_conditions_take_away_is_said_to_be_old_where_it_could_not_be_asked(
    browser: Browser, live_server: Any, shop: Shop
) -> None:
    page, _watch = as_marketing(browser, live_server, viewport=DESK)
    page.goto(str(live_server.url) + NEW)
    page.route("**/segments/narrowing/*", lambda route: route.fulfill(status=503))
    page.select_option("#row-0-0-kind", "labelled.now")
    expect(page.locator("#segment-count")).to_have_text("5 contacts")
    expect(page.locator("#segment-away")).to_be_visible()
    page.unroute("**/segments/narrowing/*")
    page.select_option("#row-0-0-not", "1")
    expect(page.locator(".lc-seg-narrowing li b")).to_have_text(["5", "0"])
    expect(page.locator("#segment-away")).to_be_hidden()


def test_a_chip_is_taken_away_and_backspace_takes_the_last(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, _watch = as_marketing(browser, live_server, viewport=DESK)
    page.goto(str(live_server.url) + NEW)
    page.select_option("#row-0-0-kind", "label.active")
    for n, text in enumerate(("grade a", "grade b", "grade c"), start=1):
        page.focus("#row-0-0-labels")
        pick(page, "0-0", "labels", text, n)
    page.get_by_role("button", name="Take away: Grade A").click()
    expect(page.locator(".lc-seg-chip")).to_have_count(2)
    expect(page.locator("#row-0-0-labels")).to_be_focused()
    page.keyboard.press("Backspace")
    expect(page.locator(".lc-seg-chip")).to_have_count(1)
    expect(page.locator(".lc-seg-chip")).to_contain_text("Grade B")


def test_the_builder_and_the_list_fit_a_phone(browser: Browser, live_server: Any, shop: Shop) -> None:
    grade = Label.objects.get(name="Grade A").pk
    conditions = [
        {"field": "label", "op": "added", "labels": [grade], "from": {"days_ago": 60}, "to": {"days_ago": 1}},
        {"field": "first_seen", "op": "between", "from": "2026-03-01T00:00:00+07:00"},
        {"field": "label", "op": "ever", "labels": [grade], "times": 2},
        {"field": "report", "op": "labels", "figure": "added", "from": "2026-03-01T00:00:00+07:00"},
    ]
    saved = Segment.objects.create(name="Panas " * 15, definition={"any": [{"all": conditions}] * 2}, shared="everyone")
    page, watch = as_marketing(browser, live_server, viewport=PHONE)
    for path in (f"/admin/segments/{saved.pk}/", "/admin/segments/"):
        page.goto(str(live_server.url) + path)
        expect(page.locator("#segment-float, [data-count]").first).to_contain_text("contact")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert findings_in_both_themes(page) == []
    assert watch.complaints == []


def test_fifty_segments_are_short_on_a_phone_and_unfold(browser: Browser, live_server: Any, shop: Shop) -> None:
    definition = {"any": [{"all": [{"field": "labelled", "op": "now"}] * 4}]}
    Segment.objects.bulk_create(
        Segment(name=f"Pelanggan lama nomor {n}", definition=definition, shared="everyone") for n in range(50)
    )
    page, _watch = as_marketing(browser, live_server, viewport=PHONE)
    page.goto(f"{live_server.url}/admin/segments/")
    assert page.evaluate("document.documentElement.scrollHeight") <= 5000
    line = page.locator(".lc-seg-line").first
    expect(line.get_by_role("button", name="Duplicate")).to_be_hidden()
    line.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    line.get_by_role("button", name="Duplicate").click()
    expect(page.locator("#segment-name")).to_have_value("Pelanggan lama nomor 0 (copy)")


def test_without_javascript_its_buttons_answer_with_the_page(browser: Browser, live_server: Any, shop: Shop) -> None:
    page, _watch = as_marketing(browser, live_server, viewport=DESK, java_script_enabled=False)
    page.goto(str(live_server.url) + NEW)
    page.select_option("#row-0-0-kind", "label.active")
    page.get_by_role("button", name="Count again").click()
    page.fill("#row-0-0-labels", "Grade A")
    page.get_by_role("button", name="Count again").click()
    expect(page.locator("#segment-count")).to_have_text("4 contacts")
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator(".lc-seg-narrowing li b")).to_have_text(["5", "4"])
    page.fill("#segment-name", "Panas")
    page.get_by_role("button", name="Save segment").click()
    expect(page.locator("#segment-count")).to_have_text("4 contacts")
    assert Segment.objects.get().name == "Panas"
