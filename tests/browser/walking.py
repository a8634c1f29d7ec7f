"""A browser that walks the site and writes down whatever is wrong with a page."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import axe_playwright_python
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from labelcrm.core.models import User

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
PASSWORD = "kata sandi panjang"
# Not pages: files, documents for machines, streams that never end, and deeds.
SKIPPED = re.compile(
    r"/(static|live|api/schema|jsi18n|exports)/|/logout/|\.(csv|xlsx)$|format=|/password_change/|\.(png|svg)$"
)


@dataclass
class Watch:
    """Listens to a page; `complaints` are console errors, failed requests and requests to other origins."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(f"console: {m.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", lambda request: self._check_origin(request.url))

    def _check_origin(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            self.complaints.append(f"other origin: {url}")


def log_in(page: Page, origin: str, username: str) -> None:
    """The session of a login without its two pages, dearer than most tests. The first walk types a password."""
    client = Client()
    client.force_login(User.objects.get(username=username), backend="contacts.access.StaffBackend")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": origin}])


def walk(page: Page, origin: str, *, limit: int) -> Iterator[tuple[str, int]]:
    """Visit pages reachable by links, each kind of page once; yields path and status."""
    waiting, seen = deque(["/admin/"]), {"/admin/"}
    visited = 0
    while waiting and visited < limit:
        path = waiting.popleft()
        response = page.goto(origin + path)
        visited += 1
        yield path, response.status if response else 0
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            kind = _kind(urljoin(path, link), origin)
            if kind and kind not in seen:
                seen.add(kind)
                waiting.append(urljoin(path, link).removeprefix(origin))


def _kind(url: str, origin: str) -> str:
    """A page's address without its numbers and values: one of each kind is enough. "" for what is not walked."""
    parts = urlsplit(url.removeprefix(origin))
    if parts.netloc or parts.scheme or not parts.path.startswith("/admin/") or SKIPPED.search(url):
        return ""
    names = "&".join(sorted(pair.split("=")[0] for pair in parts.query.split("&") if pair))
    return re.sub(r"\d+", "N", parts.path) + ("?" + names if names else "")


@contextmanager
def in_the_dark(page: Page) -> Iterator[None]:
    """The page as it is in dark mode: the theme asks the browser when it loads and marks the document."""
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.classList.add('dark')")
    yield
    page.emulate_media(color_scheme="light")


def axe_findings(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """Serious and critical accessibility findings of axe (of all `rules` when None), a line each with one element."""
    if page.evaluate("window.axe === undefined"):  # half a megabyte of script, once per page
        page.evaluate(AXE.read_text())
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = page.evaluate("async options => (await axe.run(document, options)).violations", options)
    return [
        f"{v['impact']} {v['id']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:160]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def findings_in_both_themes(page: Page) -> list[str]:
    """What axe finds in the light, and of contrast in the dark, which changes nothing else."""
    found = axe_findings(page)
    with in_the_dark(page):
        return [*found, *(f"dark: {finding}" for finding in axe_findings(page, rules=["color-contrast"]))]
