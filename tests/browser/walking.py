"""A browser that walks the site and writes down whatever is wrong with a page."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from labelcrm.core.models import User
from tests.services_plugin import is_full_run

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
PASSWORD = "kata sandi panjang"
# The same walk at a desk and on a phone is dear: `make test` takes one of them, `make test-full` both.
DESK, PHONE = pytest.param((1280, 800), id="desk"), pytest.param((390, 844), id="phone")
DESK_TOO, PHONE_TOO = (pytest.param(*one.values, id=one.id, marks=pytest.mark.full) for one in (DESK, PHONE))
at_a_desk = pytest.mark.parametrize("page", [DESK, PHONE_TOO], indirect=True)
on_a_phone = pytest.mark.parametrize("page", [PHONE, DESK_TOO], indirect=True)
on_both = pytest.mark.parametrize("page", [DESK, PHONE], indirect=True)
# Not pages: files, documents for machines, streams that never end, and deeds.
SKIPPED = re.compile(
    r"/(static|live|api/schema|jsi18n|exports)/|/logout/|\.(csv|xlsx)$|format=|/password_change/|\.(png|svg)$"
)

CONTRAST = "color-contrast"
_looked_at: WeakKeyDictionary[Page, set[str]] = WeakKeyDictionary()
# Leaves in window.newLooks one element of each look that is not among `known`, and gives the names of these looks.
NEW_LOOKS = """known => {
    const seen = new Set(known), behind = new Map(), fresh = new Map();
    const background = (one) => {
        if (!one) return "";
        if (!behind.has(one)) {
            const style = getComputedStyle(one), own = [style.backgroundColor, style.backgroundImage, style.opacity];
            const hides = /^rgb\\(/.test(own[0]) && own[1] === "none" && own[2] === "1";
            behind.set(one, own.join() + (hides ? "" : "<" + background(one.parentElement)));
        }
        return behind.get(one);
    };
    for (const one of document.querySelectorAll("body *")) {
        const shown = one.matches("input, select, textarea") ||
            [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!shown || !one.checkVisibility()) continue;
        const style = getComputedStyle(one);
        const look = [one.localName, one.getAttribute("class"), style.color, style.fontSize, style.fontWeight,
            style.textShadow, background(one)].join("|");
        if (!seen.has(look) && !fresh.has(look)) fresh.set(look, one);
    }
    window.newLooks = [...fresh.values()];
    return [...fresh.keys()];
}"""


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
    """Serious and critical accessibility findings of axe (of all `rules` when None), a line each with one element.

    Two thirds of its time go into contrast. That is asked, in `make test`, only of text that looks as none did before
    in this tab, by its class, colours, size and weight; in `make test-full` of all.
    """
    if is_full_run():
        return _axe(page, {"runOnly": rules} if rules else {})
    found = [] if rules == [CONTRAST] else _axe(page, {"rules": {CONTRAST: {"enabled": False}}})
    looked_at = _looked_at.setdefault(page, set())
    new = page.evaluate(NEW_LOOKS, sorted(looked_at))
    looked_at.update(new)
    return [*found, *(_axe(page, {"runOnly": [CONTRAST]}, within="window.newLooks") if new else [])]


def _axe(page: Page, options: dict[str, Any], *, within: str = "document") -> list[str]:
    if page.evaluate("window.axe === undefined"):  # half a megabyte of script, once per page
        page.evaluate(AXE.read_text())
    run = f"async options => (await axe.run({within}, options)).violations"
    return [
        f"{v['impact']} {v['id']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:160]}"
        for v in page.evaluate(run, {"resultTypes": ["violations"], **options})
        if v["impact"] in ("serious", "critical")
    ]


def findings_in_both_themes(page: Page) -> list[str]:
    """What axe finds in the light, and of contrast in the dark, which changes nothing else."""
    found = axe_findings(page)
    with in_the_dark(page):
        return [*found, *(f"dark: {finding}" for finding in axe_findings(page, rules=[CONTRAST]))]
