"""A marketer imports a list by keyboard: chooses a file, sees what it does, imports the good rows, takes them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from contacts.models import Contact
from labels.models import LabelAssignment
from tests.browser.walking import Watch, axe_findings, findings_in_both_themes, log_in
from tests.factories import UserFactory
from tests.work import do_work

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = "".join(f"Orang {n} 🌸;0812-7777-{n:04d};Grade A\n" for n in range(10))


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    UserFactory(username="mira", role="marketing", language="en")
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    log_in(page, str(live_server.url), "mira")
    yield page
    context.close()


def test_from_a_file_to_contacts_and_back(page: Page, live_server: Any, tmp_path: Path) -> None:
    watch = Watch(page, str(live_server.url))
    file = tmp_path / "pelanggan.csv"
    file.write_text(f"Nama;No WA;Label\n{ROWS}Salah;6,28122E+12;\nTypo;081277770099;Grade AA\n", encoding="utf-8")
    page.goto(f"{live_server.url}/admin/contacts/contact/import/")
    assert axe_findings(page) == []
    page.get_by_label("File: CSV or XLSX").set_input_files(file)
    page.get_by_role("button", name="Look at the file").press("Enter")

    button = page.get_by_role("button", name="Import the 10 good rows")
    expect(button).to_be_visible(timeout=10_000)
    expect(page.get_by_text("did you mean “Grade A”?")).to_be_visible()
    expect(page.get_by_text("A spreadsheet shortened this number")).to_be_visible()
    page.get_by_text("Which column is what").press("Enter")
    expect(page.get_by_label("No WA")).to_have_value("phone")
    assert findings_in_both_themes(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    button.press("Enter")
    do_work()
    expect(page.get_by_role("button", name="Take this import back")).to_be_visible(timeout=10_000)  # without a reload
    assert (Contact.objects.count(), LabelAssignment.objects.count()) == (10, 10)
    assert axe_findings(page) == []
    page.get_by_role("button", name="Take this import back").press("Enter")
    do_work()
    expect(page.get_by_text("Taken back: 10 rows.")).to_be_visible(timeout=10_000)
    assert not Contact.objects.exists()
    assert watch.complaints == []


def test_a_file_can_be_dropped(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/imports/")
    expect(page.get_by_text("or drop it here")).to_be_visible()
    dropped = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['phone\\n081277770001\\n'], 'a.csv'));"
        " return data; }"
    )
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_role("button", name="Import 1 row")).to_be_visible(timeout=10_000)
