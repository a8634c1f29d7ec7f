"""What watches the pages sees what is wrong with them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.walking import axe_findings, findings_in_both_themes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = """<html lang="id"><title>x</title><style>.dark .night { color: #222; background: #333 }</style>
<main><h1>Judul</h1><p class="night">malam</p></main></html>"""


def test_text_that_cannot_be_read_is_found_wherever_it_looks_new(browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.set_content(PAGE)
    assert axe_findings(page) == []
    add = "([tag, colour]) => document.querySelector('main').append(Object.assign(document.createElement(tag),"
    add += " {textContent: 'pudar', style: `color: ${colour}`}))"
    page.evaluate(add, ["p", "#ccc"])
    assert "color-contrast (1)" in axe_findings(page)[0]
    page.evaluate(add, ["p", "#ddd"])
    assert any("color-contrast" in finding for finding in axe_findings(page)), "the same tag in another colour"
    assert any("dark" in finding and "night" in finding for finding in findings_in_both_themes(page))
