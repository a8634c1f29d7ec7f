"""Mornings at the desk and on the phone: what people come for, in as few actions as they will put up with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from contacts.models import Contact
from labels.services import projections, staleness
from tests.browser.walking import PASSWORD, log_in
from tests.desk.conftest import Shop, make_shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATIENCE = 20_000  # ms: every choice loads a page, and other tests want the processors too


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    """Rina's and Budi's contacts, some with an old Grade A, some with a new one."""
    shop, other = make_shop("Rina"), make_shop("Budi")
    for owner, prefix in ((shop, "Rina"), (other, "Budi")):
        grade = owner.whatsapp_label("Grade A")
        for number, days in enumerate((2, 8, 20)):
            contact = owner.contact(name=f"{prefix} {days}", phone=f"+62812{owner.team.pk:03}{number:05}")
            owner.put(contact, grade, added_at=timezone.now() - timedelta(days=days))
        owner.contact(name=f"{prefix} without")
    UserFactory(username="lead", role="cs_lead", teams=[shop.team, other.team], language="id")
    cs = UserFactory(username="cs", role="cs", teams=[shop.team], language="id")
    shop.agent.user = cs
    shop.agent.save(update_fields=["user"])
    return shop


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def test_a_lead_finds_rinas_old_grade_a_in_four_actions(desk: Page, shop: Shop, live_server: Any) -> None:
    log_in(desk, str(live_server.url), "lead")
    desk.goto(f"{live_server.url}/admin/")
    desk.get_by_role("link", name="Kontak", exact=True).first.click()  # 1
    desk.locator("#quick-filters select[name=label]").select_option(label="Grade A")  # 2
    expect(desk.locator("#list-count")).to_have_text("6 kontak", timeout=PATIENCE)
    desk.locator("#quick-filters select[name=cs]").select_option(label=shop.agent.name)  # 3
    expect(desk.locator("#list-count")).to_have_text("3 kontak", timeout=PATIENCE)
    desk.locator("#quick-filters select[name=label_age]").select_option("7")  # 4
    expect(desk.locator("#list-count")).to_have_text("2 kontak", timeout=PATIENCE)
    expect(desk.locator("#result_list tbody th")).to_have_text([re.compile("Rina 20"), re.compile("Rina 8")])
    by_filters = desk.locator("#filter-form [data-count]")
    desk.locator("#changelist a").filter(has_text="filter_list").click()
    desk.locator("#filter-form select[name=label_age]").select_option("14")
    expect(by_filters).to_have_text("Tampilkan 1 kontak", timeout=PATIENCE)
    by_filters.click()
    expect(desk.locator("#list-count")).to_have_text("1 kontak", timeout=PATIENCE)


def test_a_lead_knows_in_three_clicks_whom_to_talk_to_and_why(desk: Page, shop: Shop, live_server: Any) -> None:
    """At eight, before coffee: log in, open what waits, open the first contact."""
    now = timezone.now()
    late = shop.contact(name="Siti Aisyah", last_inbound_at=now - timedelta(days=9))
    shop.put(late, shop.whatsapp_label("Menunggu pembayaran"), added_at=now - timedelta(days=40))
    shop.say(late, "Sudah saya transfer ya kak, mohon dicek")
    projections.refresh(list(Contact.objects.values_list("pk", flat=True)))
    staleness.flag_stale(now)
    desk.goto(f"{live_server.url}/admin/")
    desk.fill("[name=username]", "lead")
    desk.fill("[name=password]", PASSWORD)
    desk.locator("form:has([name=password]) button:not([type=button])").click()  # 1
    work = desk.get_by_role("region", name="Yang perlu dikerjakan")
    expect(work.locator("[data-number=stale]")).to_have_text("5", timeout=PATIENCE)
    work.locator("[data-number=stale]").click()  # 2
    expect(desk.locator("#rows-left")).to_have_text("5 kontak", timeout=PATIENCE)
    first = desk.locator(".lc-stale__row").first
    last = "Sudah saya transfer ya kak, mohon dicek"
    for reason in ("Siti Aisyah", "Menunggu pembayaran", "40 hari, batas 3", shop.agent.name, last):
        expect(first.get_by_text(reason).first).to_be_visible()
    first.get_by_role("link", name="Siti Aisyah").click()  # 3
    expect(desk.locator("#chat")).to_contain_text("Sudah saya transfer ya kak", timeout=PATIENCE)


def test_a_cs_on_a_phone_finds_a_chat_reads_it_and_sets_a_follow_up(phone: Page, shop: Shop, live_server: Any) -> None:
    contact = shop.contact(name="Siti Aisyah", phone="+6281290004321")
    shop.say(contact, "Halo kak, besok jadi ambil ya")
    log_in(phone, str(live_server.url), "cs")
    phone.goto(f"{live_server.url}/admin/")
    phone.locator(".lc-search-open").click()
    phone.keyboard.type("4321")
    phone.get_by_role("option").filter(has_text="Siti Aisyah").click()
    expect(phone.get_by_text("Halo kak, besok jadi ambil ya")).to_be_visible()
    phone.fill("[name=follow_up_at]", "besok")
    phone.locator("[name=follow_up_at]").blur()
    expect(phone.get_by_text(re.compile(r"09\.00")).first).to_be_visible()
    phone.get_by_role("button", name="Simpan", exact=True).first.click()
    expect(phone.locator("h2, .lc-flag").filter(has_text="Tindak lanjut").first).to_be_visible()
    tomorrow = timezone.localdate() + timedelta(days=1)
    contact.refresh_from_db()
    assert contact.follow_up_at is not None
    assert timezone.localtime(contact.follow_up_at).date() == tomorrow
    assert timezone.localtime(contact.follow_up_at).hour == 9
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_list_of_fifty_on_a_phone_is_short(phone: Page, shop: Shop, live_server: Any) -> None:
    grade = shop.whatsapp_label("Prospek panas")
    for number in range(50):
        contact = shop.contact(name=f"Toko Makmur Sejahtera Abadi Jaya {number:02}", last_inbound_at=timezone.now())
        shop.put(contact, grade)
        shop.put(contact, shop.whatsapp_label(f"Grade A {number % 2}", label="Grade A"))
    log_in(phone, str(live_server.url), "lead")
    phone.goto(f"{live_server.url}/admin/contacts/contact/")
    expect(phone.locator("#result_list tbody tr")).to_have_count(50)
    assert phone.evaluate("document.documentElement.scrollHeight") < 5000
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    heights = phone.evaluate("[...document.querySelectorAll('#result_list tbody tr')].map(row => row.offsetHeight)")
    assert max(heights) <= 76
    row = phone.locator("#result_list tbody tr").nth(3)
    name = row.locator("th").inner_text()
    row.click(position={"x": 250, "y": 50})
    expect(phone).to_have_url(re.compile(r"/admin/contacts/contact/\d+/"), timeout=PATIENCE)
    expect(phone.locator("h1")).to_contain_text(name)
    assert Contact.objects.filter(name=name).exists()
