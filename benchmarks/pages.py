"""What every page weighs and how long the server takes for it, on the data of a site that runs.

`make demo`, then in another shell `LABELCRM_HOME=var/demo .venv/bin/python -m benchmarks.pages`: prints the table of
docs/performance.md, 1 when a list was over its limit. Pages are asked in this process, without a network and without
compression, and all that the asking writes (a session, what was seen) is rolled back at the end.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from benchmarks.measuring import machine, median

if TYPE_CHECKING:
    from django.test import Client

LIST_KB, LIST_MS = 150, 150  # a list of fifty rows
ROUNDS = 7
START = "/admin/"
# Not pages: what logs out, changes something, never ends or is a file.
SKIPPED = re.compile(r"/(logout|autocomplete|jsi18n|live|secret|password_change)/|format=|\.\w+$")
LINK = re.compile(rb'<a\b[^>]*?\bhref="([^"#]*)')
# What links lead to only with parameters, and people open all day.
QUERIES = (
    "/admin/contacts/contact/?label=1",
    "/admin/contacts/contact/?q=budi",
    "/admin/reports/agents/?period=last_30",
    "/admin/reports/agents/?period=last_90",
    "/admin/reports/campaigns/?period=last_90",
    "/admin/reports/rows/?report=agents&figure=added",
)


@dataclass(slots=True)
class PageCost:
    """One page: bytes of its HTML, database queries, and the milliseconds of each round."""

    address: str
    is_list: bool
    size: int
    queries: int
    ms: list[float] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether it is a list beyond its limits."""
        return self.is_list and (self.size > LIST_KB * 1000 or median(self.ms) > LIST_MS)

    @property
    def line(self) -> str:
        kind = "list" if self.is_list else ""
        word = ", over" if self.over else ""
        figures = (self.size / 1000, median(self.ms), min(self.ms), self.queries)
        cells = (f"`{self.address}`", kind + word, *(f"{figure:.0f}" for figure in figures))
        return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.pages", description="Weight and time of every page, in one run.")
    parser.add_argument("--user", default="", help="who looks (the first superuser)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each page is asked for ({ROUNDS})")
    chosen = parser.parse_args()
    _set_up()
    costs = measure(user=chosen.user, rounds=chosen.rounds)
    about = machine()
    print("| page | | HTML, KB | median, ms | fastest, ms | queries |\n|---|---|---|---|---|---|")
    print("\n".join(cost.line for cost in costs))
    over = [cost for cost in costs if cost.over]
    print(f"\n{len(costs)} pages, {chosen.rounds} rounds, {about['cpus']} processors, load {about['load']:.1f}.")
    print(f"Limits of a list: {LIST_KB} KB and {LIST_MS} ms; {len(over)} over.")
    return 1 if over else 0


def measure(*, user: str, rounds: int) -> list[PageCost]:
    """Every page that links lead to, one of each kind; the rounds take turns, so that a busy moment hits all alike."""
    from django.db import transaction

    with transaction.atomic():
        client = _client(user)
        costs = [_first(client, address) for address in [*_walk(client), *QUERIES]]
        for _round in range(rounds):
            for cost in costs:
                start = time.perf_counter()
                client.get(cost.address)
                cost.ms.append((time.perf_counter() - start) * 1e3)
        transaction.set_rollback(True)
    return sorted(costs, key=lambda cost: (not cost.is_list, cost.address))


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")
    import django

    django.setup()


def _client(username: str) -> Client:
    """Somebody who is logged in."""
    from django.test import Client

    from labelcrm.core.models import User

    users = User.objects.filter(is_active=True).order_by("id")
    user = users.get(username=username) if username else users.filter(is_superuser=True)[0]
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user, backend="contacts.access.StaffBackend")
    return client


def _walk(client: Client) -> Iterator[str]:
    """Addresses without parameters, the first of each kind; kinds differ in more than numbers."""
    waiting, seen = [START], {START}
    while waiting:
        address = waiting.pop(0)
        answer = client.get(address)
        if answer.status_code != HTTPStatus.OK or not answer["Content-Type"].startswith("text/html"):
            continue
        yield address
        for link in LINK.findall(answer.content):
            found = urlsplit(urljoin(address, unescape(link.decode())))
            kind = re.sub(r"\d+", "N", found.path)
            if (
                not found.netloc
                and found.path.startswith(START)
                and kind not in seen
                and not SKIPPED.search(found.path)
            ):
                seen.add(kind)
                waiting.append(found.path)


def _first(client: Client, address: str) -> PageCost:
    """The page with what it weighs and asks; this first time is no measure, for it fills caches."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.urls import resolve

    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    is_list = (resolve(urlsplit(address).path).url_name or "").endswith("_changelist")
    return PageCost(address, is_list, len(answer.content), len(asked))


if __name__ == "__main__":
    sys.exit(main())
