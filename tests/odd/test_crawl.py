"""No value of any parameter of any route is a fault of ours: no 5xx, and no exception in the log.

`make test` asks a sample, the same each time; `make test-full` asks every value of every parameter as an owner. Lookups
on columns that are no filter are refused before any is read: they get one value each.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle
from typing import TypeVar
from urllib.parse import unquote_to_bytes, urlencode

import pytest

from tests.odd.addresses import Address, addresses, forms_of, lookups, parameters
from tests.odd.conftest import LEAD, OWNER, Crawler
from tests.odd.values import VALUES, spellings
from tests.services_plugin import is_full_run
from webhooks.gateways import GATEWAYS

pytestmark = pytest.mark.django_db

SEED = 8
CrawlerOf = Callable[[str], Crawler]
T = TypeVar("T")
# Header values as a web server lets them through: no control characters.
HEADER_VALUES = [
    text for value in VALUES.values() if (text := unquote_to_bytes(value).decode("latin-1")).isprintable() or not text
]
HEADERS = (
    "Accept", "Accept-Language", "Authorization", "Content-Length", "Content-Type", "Cookie", "Host", "Last-Event-ID",
    "Origin", "Referer", "User-Agent", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto", "X-Requested-With",
)  # fmt: skip
OPEN_TO_ALL = ("/admin/", "/admin/login/", "/api/v1/contacts/", "/api/schema/", "/live/feed/", "/metrics", "/readyz")
COOKIES = ("sessionid", "csrftoken", "django_language", "messages", "unknown")


def sample(cases: list[T], most: int) -> list[T]:
    """All of them in the full run, else the same few each time."""
    return cases if is_full_run() or len(cases) <= most else random.Random(SEED).sample(cases, most)


def check(crawl: Crawler) -> None:
    faults = sorted(set(crawl.faults))
    assert crawl.asked
    assert not faults, f"{len(faults)} of {crawl.asked} requests:\n" + "\n".join(faults[:40])


@pytest.mark.parametrize(("role", "most"), [(OWNER, 450), (LEAD, 100)])
def test_no_value_of_a_query_parameter_is_our_fault(crawler: CrawlerOf, role: str, most: int) -> None:
    crawl = crawler(role)
    cases = [(address, name) for address in addresses() for name in parameters(address, crawl.user)]
    values = cycle(VALUES.values())
    for address, name in sample(cases, most):
        whole = is_full_run() and role == OWNER and name not in lookups(address)
        for value in VALUES.values() if whole else [next(values)]:
            crawl.ask("GET", f"{address.filled()}?{name}={value}")
        for query in spellings(name, next(values)) if whole else ():
            crawl.ask("GET", f"{address.filled()}?{query}")
    check(crawl)


@pytest.mark.parametrize(("role", "most"), [(OWNER, 200), (LEAD, 100)])
def test_no_part_of_an_address_is_our_fault(crawler: CrawlerOf, role: str, most: int) -> None:
    crawl = crawler(role)
    cases = [
        (address.filled(**{name: value}), method)
        for address in addresses()
        for name in address.names
        for value in VALUES.values()
        for method in ("GET", "POST")
    ]
    for url, method in sample(cases, most):
        crawl.ask(method, url)
    check(crawl)


@pytest.mark.parametrize(("role", "pages"), [(OWNER, 30), (LEAD, 12)])
def test_no_field_of_a_form_is_our_fault(crawler: CrawlerOf, role: str, pages: int) -> None:
    crawl = crawler(role)
    for address in sample([each for each in addresses() if not each.template.startswith("/api/")], pages):
        cases = [
            (action, fields, name, value)
            for action, fields in _forms(crawl, address)
            for name in fields
            for value in VALUES.values()
        ]
        for action, fields, name, value in sample(cases, 8):
            body = urlencode(fields | {name: unquote_to_bytes(value)}).encode()
            crawl.ask("POST", action, data=body, content_type="application/x-www-form-urlencoded")
    check(crawl)


def _forms(crawl: Crawler, address: Address) -> list[tuple[str, dict[str, str]]]:
    """Where the forms of a page post to, and what."""
    page = crawl.ask("GET", url := address.filled())
    if page.status_code != 200 or page.streaming or "text/html" not in page.headers["Content-Type"]:
        return []
    forms = forms_of(page.content.decode())
    return [(form.action if form.action.startswith("/") else url, form.fields) for form in forms]


def test_no_cookie_is_our_fault(crawler: CrawlerOf) -> None:
    crawl = crawler(OWNER)
    octal = "".join(f"\\{byte:03o}" for byte in b"\0" * 32)  # how a quoted cookie spells NUL
    cases = [(url, f'{name}="{value}"') for url in OPEN_TO_ALL for name in COOKIES for value in (octal, *HEADER_VALUES)]
    for url, cookie in [(url, f'sessionid="{octal}"') for url in OPEN_TO_ALL] + sample(cases, 40):
        crawl.client.cookies.clear()
        crawl.ask("GET", url, HTTP_COOKIE=cookie)
    check(crawl)


def test_no_header_is_our_fault(crawler: CrawlerOf) -> None:
    crawl = crawler(OWNER)
    cases = [(url, name, value) for url in OPEN_TO_ALL for name in HEADERS for value in HEADER_VALUES]
    for url, name, value in sample(cases, 50):
        key = name.upper().replace("-", "_")
        crawl.ask("GET", url, **{key if key.startswith("CONTENT_") else f"HTTP_{key}": value})
    check(crawl)


def test_no_part_of_a_hook_address_is_our_fault(crawler: CrawlerOf) -> None:
    """Our own trouble is told there by a 503 on purpose: only what is logged counts."""
    crawl = crawler(OWNER)
    places = [
        f"/hooks/{gateway}/{key}/{token}"
        for gateway in (*GATEWAYS, "{}")
        for key in ("rina", "{}")
        for token in ("", "{}/", "x/{}/")
    ]
    cases = [
        (method, address.replace("{}", value) + query, length)
        for address in places
        for value in VALUES.values()
        for method, query in (("POST", ""), ("GET", f"?hub.verify_token={value}&hub.challenge={value}"))
        for length in (None, *HEADER_VALUES)
    ]
    for method, url, length in random.Random(SEED).sample(cases, 5000 if is_full_run() else 150):
        crawl.hook(method, url, length)
    check(crawl)
