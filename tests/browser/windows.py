"""Windows of the browser that are opened again: what one has loaded and compiled need not be so for every test.

A new window and its first page take a processor three seconds, the first page of a window that had others takes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page

KEPT = 2  # windows: the web server keeps a connection to the database for each of theirs
FORGET = "location.origin === 'null' || (localStorage.clear(), sessionStorage.clear())"


class Windows:
    """Gives out windows (Playwright's contexts) as a browser does. One that is closed waits, emptied, for the next."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._waiting: dict[str, BrowserContext] = {}  # by all options but the size
        self._open: dict[BrowserContext, str] = {}
        self._size: dict[BrowserContext, Any] = {}
        self._end: dict[BrowserContext, Callable[[], None]] = {}

    def new_context(self, **options: Any) -> BrowserContext:
        size = options.pop("viewport", {"width": 1280, "height": 720})
        like = repr(sorted(options.items()))
        context = self._waiting.pop(like, None) or self._make(options)
        self._open[context], self._size[context] = like, size
        return context

    def of_its_own(self, **options: Any) -> BrowserContext:
        """For who changes what cannot be changed back, such as the clock."""
        return self._browser.new_context(**options)

    def close_all(self) -> None:
        for context in list(self._open):
            context.close()

    def end(self) -> None:
        self.close_all()
        for context in self._waiting.values():
            self._end.pop(context)()
        self._waiting.clear()

    def _make(self, options: dict[str, Any]) -> BrowserContext:
        context = self._browser.new_context(**options)
        new_page, self._end[context] = context.new_page, context.close

        def page_of_its_size() -> Page:
            page = new_page()
            page.set_viewport_size(self._size[context])
            return page

        context.new_page = page_of_its_size  # type: ignore[method-assign]
        context.close = lambda *, reason=None: self._close(context)  # type: ignore[method-assign]
        return context

    def _close(self, context: BrowserContext) -> None:
        like = self._open.pop(context, None)
        if like is None:
            return
        if like in self._waiting or not _emptied(context):
            self._end.pop(context)()
            return
        self._waiting[like] = context
        while len(self._waiting) > KEPT:  # the one that nobody asked for the longest
            self._end.pop(self._waiting.pop(next(iter(self._waiting))))()


def _emptied(context: BrowserContext) -> bool:
    """Nothing of a test is left for the next: no page with its listeners, no login, no choice that is remembered."""
    try:
        for page in context.pages:
            page.evaluate(FORGET)
            page.close()
        context.clear_cookies()
    except Error:  # a page that went away meanwhile
        return False
    return True
