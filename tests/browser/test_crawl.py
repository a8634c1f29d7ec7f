"""Every page a role can reach answers, complains of nothing, asks no other origin, and is usable by everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser

from contacts.models import Contact, Team
from labelcrm.core.models import Job, User
from labelcrm.core.roles import ROLES
from labels.models import ChannelLabel, Label
from tests.browser.walking import Watch, findings_in_both_themes, log_in, walk
from tests.factories import CampaignFactory, UserFactory
from tests.webhooks.generic import Bridge
from webhooks.models import UnknownChannel

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIMIT = 70  # kinds of pages
IN_MAKE_TEST = ("cs_lead",)  # who sees the most pages within a team


@pytest.fixture
def company(live_server: Any) -> str:
    """A small team with labels, a parked event, an unknown channel and a placeholder; returns the site's address."""
    bridge = Bridge("cs1", agent="rina", team="Sales", name="CS Rina")
    start = datetime.now(UTC) - timedelta(days=20)
    for number, name in enumerate(
        ["Grade A", "🔥 Hot", "Menunggu pembayaran", "Promo <b>tebal</b> & lain-lain"], start=1
    ):
        bridge.save(str(number), name, color=number * 4, at=start)
    for n in range(15):  # with each label, kept and taken off
        chat, at = f"62812{n:07}", start + timedelta(hours=n * 17)
        told = {"id": f"M{n}", "text": "Halo kak <script>alert(1)</script>"}
        bridge.post("message", chat=chat, at=at, name="Budi <i>Santoso</i>", message=told)
        bridge.label("added", str(n % 5 + 1), chat, at=at + timedelta(minutes=5))
        if n % 3 == 0:
            bridge.label("removed", str(n % 5 + 1), chat, at=at + timedelta(hours=2))
    bridge.post("label.added", chat="bukan nomor", label={"id": "1"})
    bridge.drain()
    UnknownChannel.objects.create(gateway="waha", key="lupa", count=3, last_at=start)
    CampaignFactory(name="Lebaran")
    team = Team.objects.get()
    for role in ROLES:
        UserFactory(username=role, role=role, teams=[team])
    UserFactory(username="root", is_superuser=True)
    for state in Job.State:
        Job.objects.create(kind="labels.rebuild", state=state, progress=1200, total=5000, error="ValueError: no")
    return str(live_server.url)


def test_every_page_is_clean_for_who_may_see_all(browser: Browser, company: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    watch = Watch(page, company)
    log_in(page, company, "root")
    wrong: list[str] = []
    visited = 0
    for path, status in walk(page, company, limit=LIMIT):
        visited += 1
        wrong += [f"{path}: status {status}"] if status >= 400 else []
        wrong += [f"{path}: {complaint}" for complaint in watch.complaints + findings_in_both_themes(page)]
        empty = page.evaluate("document.documentElement.scrollHeight - document.body.getBoundingClientRect().bottom")
        wrong += [f"{path}: scrolls {empty:.0f} px beyond its end"] if empty > 2 else []
        watch.complaints.clear()
    context.close()
    assert visited > 30, "the walk saw the site"
    assert "\n".join(wrong) == ""


# What each role may open, tests/desk asks without a browser; here it is the width of the pages.
@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if role in IN_MAKE_TEST else pytest.mark.full) for role in ROLES]
)
def test_no_role_is_led_to_a_page_it_may_not_see(browser: Browser, company: str, role: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    watch = Watch(page, company)
    log_in(page, company, role)
    wrong: list[str] = []
    for path, status in walk(page, company, limit=25):
        wrong += [f"{path}: status {status}"] if status >= 400 else []
        wrong += [f"{path}: {complaint}" for complaint in watch.complaints]
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
        wrong += [f"{path}: wider than the phone"] if wide else []
        watch.complaints.clear()
    context.close()
    assert "\n".join(wrong) == ""


def test_a_long_choice_keeps_to_the_width_of_a_phone(browser: Browser, company: str) -> None:
    User.objects.filter(username="root").update(language="id")
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    log_in(page, company, "root")
    page.goto(f"{company}/admin/labels/channellabel/{ChannelLabel.objects.latest('pk').pk}/change/")
    choice = page.get_by_text("Baru mulai hari ini; yang sebelumnya tetap")
    assert choice.is_visible()
    assert choice.evaluate("one => one.scrollWidth <= one.clientWidth"), "and is read to its end"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def test_a_long_name_widens_no_page_and_no_list(browser: Browser, company: str) -> None:
    """Names come from strangers' phones: 80 letters without a blank break, or end in dots."""
    long = "W" * 80
    Contact.objects.update(name=long)
    Label.objects.filter(name="Grade A").update(name=long)
    contact = Contact.objects.filter(assignments__isnull=False).first()
    paths = ("", "contacts/contact/", f"contacts/contact/{contact.pk}/", "labels/label/", "activity/", "search/?q=WWW")
    wrong = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    log_in(page, company, "root")
    for path in paths:
        page.goto(f"{company}/admin/{path}")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
            cut = page.evaluate(
                "[...document.querySelectorAll('.lc-list')].some(box => box.scrollWidth > box.clientWidth + 1)"
            )
            wrong += [f"{path} at {width}"] if wide or cut else []
    context.close()
    assert wrong == []
