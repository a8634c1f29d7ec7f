"""What tests in a browser share: its windows, and that no tab outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.windows import Windows


@pytest.fixture(scope="session")
def browser(browser: Browser, django_db_setup: None) -> Iterator[Windows]:
    """All windows are closed before the database is dropped that their connections to the web server keep open."""
    windows = Windows(browser)
    yield windows
    windows.end()


@pytest.fixture(autouse=True)
def _tabs_are_closed(browser: Windows) -> Iterator[None]:
    """A page that is left open goes on asking while the database is emptied."""
    yield
    browser.close_all()
