"""Many open home pages: do memory, the database and the receiver notice them?

Thirty people leave their home page open while labels change twice a second. As in the browser, a page reads the
stream and comes again when it ends; one that finds all streams taken asks every three seconds instead.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

from benchmarks import posts
from benchmarks.browsing import reader, session
from benchmarks.load import raw_post, replay
from benchmarks.measuring import Figure, Result, median
from benchmarks.memory import children, look, sizes_and_growth
from benchmarks.site import Site
from benchmarks.visible import KEY, PATH, connect_number, is_draining, post_change

PAGES = 30
SECONDS = 60.0
PER_SECOND = 2  # label changes
EVERY = 1.0  # seconds between looks
ASK_EVERY, RETRY = 3.0, 2.0  # as static/labelcrm/live.js and the stream itself say
BURST, CONNECTIONS, FASTEST = 3.0, 16, 15_000  # seconds, connections and most posts per second of a receiver burst
BURSTS = 3  # without pages and with them


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Growth of each process, the database's work, and the receiver's speed with the pages open ÷ without."""
    connect_number()
    with site.running("web", "worker", "beat") as pids:
        first = iter(range(10**9, 10**12, 10**9))
        _burst(site, next(first))  # warm
        alone = [_burst(site, next(first)) for _ in range(rounds or BURSTS)]
        with _open_pages(site) as told:
            looks, work = _watch(site, pids, seconds or SECONDS)
            beside = [_burst(site, next(first)) for _ in range(rounds or BURSTS)]
    figures = [
        *sizes_and_growth(looks),
        Figure(name="database, share of one processor", value=work["busy"], goal=("<=", 0.2)),
        Figure(name="database, transactions", value=work["transactions"], unit="/s"),
        Figure(name="receiver with the pages open ÷ without", value=median(beside) / median(alone), goal=(">=", 0.9)),
        Figure(name="rows and tiles told to the pages", value=sum(told.values())),
        Figure(name="pages by stream", value=told["streams"]),
    ]
    note = f"{PAGES} home pages open for {seconds or SECONDS:.0f} s, {PER_SECOND} label changes/s"
    kept = {**looks, "alone": alone, "beside": beside, "told": dict(told), **work}
    return Result(bench="pages", title="open home pages", figures=figures, notes=[note], rounds=[kept])


def _burst(site: Site, first: int) -> float:
    """Posts per second the receiver takes; returns when the drain has caught up and all is calm again."""
    bodies = posts.unique_bodies(int(FASTEST * BURST), first=first, session=KEY, at=datetime.now(UTC))
    requests = [raw_post(PATH, posts.signed(body), body, port=site.port) for body in bodies]
    load = replay(requests, port=site.port, connections=CONNECTIONS, seconds=BURST, folder=site.folder)
    while is_draining():
        time.sleep(0.2)
    return load.rate


# -- Pages ------------------------------------------------------------------------------------------------------------


@contextmanager
def _open_pages(site: Site) -> Iterator[Counter[str]]:
    """Leave the pages open during the block; what they were told is counted by kind."""
    told: Counter[str] = Counter()
    stopping = threading.Event()
    pages = [_Page(site.port, session(reader(number)), told, stopping) for number in range(PAGES)]
    for page in pages:
        page.start()
    try:
        yield told
    finally:
        stopping.set()
        for page in pages:
            page.join()


class _Page(threading.Thread):
    """One home page as its script behaves."""

    def __init__(self, port: int, cookie: str, told: Counter[str], stopping: threading.Event) -> None:
        super().__init__(daemon=True)
        self._port, self._cookie, self._told, self._stopping = port, cookie, told, stopping

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._live()
            except (OSError, HTTPException):  # the server closed an idle connection
                self._told["reconnects"] += 1
            self._stopping.wait(RETRY)

    def _live(self) -> None:
        answer = self._get("/live/")
        if answer.status != 200:
            self._ask()
            return
        self._told["streams"] += 1
        while not self._stopping.is_set() and (line := answer.readline()):
            if line.startswith((b"event: rows", b"event: tiles")):
                self._told["told by stream"] += 1

    def _ask(self) -> None:
        for _ in range(round(60 / ASK_EVERY)):  # then it tries for a stream again
            self._get("/live/feed/").read()
            self._told["asked"] += 1
            if self._stopping.wait(ASK_EVERY):
                return

    def _get(self, path: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", path, headers={"Cookie": self._cookie, "Accept": "*/*", "Connection": "close"})
        return connection.getresponse()


# -- Looks ------------------------------------------------------------------------------------------------------------


def _watch(site: Site, pids: Mapping[str, int], seconds: float) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Sizes by kind of process, and the database's work per second, while labels change."""
    looks: dict[str, list[float]] = defaultdict(list)
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    started, busy, transactions = time.monotonic(), _processor_seconds(site), _transactions()
    number = 0
    while (passed := time.monotonic() - started) < seconds:
        while number < passed * PER_SECOND:
            number += 1
            post_change(connection, number, chats=5_000)
        for kind, size in look(dict(pids)).items():
            looks[kind].append(size)
        time.sleep(EVERY)
    connection.close()
    passed = time.monotonic() - started
    return looks, {
        "busy": (_processor_seconds(site) - busy) / passed,
        "transactions": (_transactions() - transactions) / passed,
    }


def _processor_seconds(site: Site) -> float:
    """Of all PostgreSQL processes, those that have ended included: their parent waited for them."""
    assert site.servers.cluster
    parent = int((site.servers.cluster.data / "postmaster.pid").read_text().split()[0])
    ticks = _ticks(parent, ended=True) + sum(_ticks(child) for child in children(parent))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int, *, ended: bool = False) -> int:
    """Processor time of a process in clock ticks, with that of its `ended` children (proc(5), stat 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(map(int, fields[11 : 15 if ended else 13]))


def _transactions() -> int:
    from labelcrm.core.bulk import fetch

    return int(fetch("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", [])[0][0])
