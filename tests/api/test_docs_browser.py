"""The docs page in a real browser: Swagger draws itself without breaking the page's strict policy."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.browser
# pytest-playwright's own base_url fixture is of a form that pytest 10 will no longer take.
@pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods")
@pytest.mark.django_db(transaction=True)
def test_the_docs_page_works_under_its_own_policy(live_server: Any, page: Any) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/api/docs/")
    page.locator(".opblock-summary-path").first.wait_for()
    page.locator(".opblock-summary").first.click()
    page.locator(".opblock-body").first.wait_for()
    assert complaints == []
