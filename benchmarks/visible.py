"""P6: how long until a label put on in WhatsApp is seen, and how the pages answer while a number resyncs.

Calm: 50 posts a second; the open home page's stream is read, and every tenth event is asked for in the API until it
is there. Flood: a gateway posts 100,000 events as fast as they are taken, while somebody reads the home page.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection

from benchmarks import posts
from benchmarks.browsing import Browser
from benchmarks.load import raw_post, replay_all
from benchmarks.measuring import Figure, Result, median, percentile
from benchmarks.site import Site

KEY = "bench"
PATH = f"/hooks/waha/{KEY}/"
PER_SECOND, SECONDS = 50, 30.0
SAMPLE = 10  # every so-manieth event is asked for in the API
FLOOD, FLOOD_CONNECTIONS = 100_000, 4
PAGES = ("/admin/",)
LISTS = ("inbox/summary/", "assignments/?active=true&page_size=100", "label-events/?page_size=100")
PATIENCE = 20.0


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Delays of visibility at 50 events a second, and answer times during a flood."""
    connect_number()
    with site.running("web", "worker", "slow", "beat"):
        browser = Browser(site.port)
        for path in PAGES:
            browser.page(path)
        calm(site, browser, first=10**6, seconds=3.0)  # warm: every process has its connections and its plans
        feed, api = calm(site, browser, first=2 * 10**6, seconds=seconds or SECONDS)
        answers, waited = flood(site, browser, first=5 * 10**6)
        browser.close()
    return _result(feed, api, answers, waited)


def _result(feed: Sequence[float], api: Sequence[float], answers: dict[str, list[float]], waited: float) -> Result:
    figures = [
        Figure(name="API: post → seen, median", value=median(api), unit="ms", goal=("<=", 300)),
        Figure(name="API: post → seen, p99", value=percentile(api, 0.99), unit="ms", goal=("<=", 1000)),
        Figure(name="feed: post → seen, median", value=median(feed), unit="ms", goal=("<=", 300)),
        Figure(name="feed: post → seen, p99", value=percentile(feed, 0.99), unit="ms", goal=("<=", 1000)),
    ]
    for path, times in answers.items():
        figures.append(Figure(name=f"flood: {path}, median", value=median(times), unit="ms", goal=("<=", 500)))
        figures.append(Figure(name=f"flood: {path}, p99", value=percentile(times, 0.99), unit="ms"))
    figures.append(Figure(name=f"flood: {FLOOD:,} events posted and processed", value=waited, unit="s"))
    note = f"{PER_SECOND} events/s; {len(feed)} seen in the feed, {len(api)} asked for in the API"
    rounds = [{"feed_ms": list(feed), "api_ms": list(api), "flood_ms": answers}]
    return Result(bench="P6", title="webhook → visible", figures=figures, notes=[note], rounds=rounds)


def connect_number() -> None:
    """The WAHA number that the benches post for."""
    from contacts.services.channels import connect

    connect(gateway="waha", key=KEY, name="Bench", secret=posts.SECRET, agent="bench", actor=None)


def post_change(connection: HTTPConnection, number: int, *, chats: int) -> None:
    """Post one label change of now: two of three put a label on, over `chats` chats in turn."""
    phone = f"62812{number % chats:07d}"
    body = posts.label_body(
        number, session=KEY, on=number % 3 > 0, label=str(number % 20), phone=phone, at=datetime.now(UTC)
    )
    connection.request("POST", PATH, body=body, headers=posts.signed(body))
    connection.getresponse().read()


def _body(number: int) -> bytes:
    phone = f"62813{number:08d}"
    return posts.label_body(
        number, session=KEY, on=True, label=str(number % 20), phone=phone, at=datetime.now(UTC).replace(microsecond=0)
    )


# -- Calm ------------------------------------------------------------------------------------------------------------


def calm(site: Site, browser: Browser, *, first: int, seconds: float) -> tuple[list[float], list[float]]:
    """Delays in ms, in the feed's stream and in the API."""
    stream = _Stream(site.port, browser.cookie)
    stream.start()
    sent: dict[str, float] = {}
    asking: list[threading.Thread] = []
    seen: list[float] = []
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    start = time.perf_counter()
    for place in range(round(PER_SECOND * seconds)):
        time.sleep(max(0.0, start + place / PER_SECOND - time.perf_counter()))
        body = _body(first + place)
        phone = f"+62813{first + place:08d}"
        sent[phone] = time.perf_counter()
        connection.request("POST", PATH, body=body, headers=posts.signed(body))
        connection.getresponse().read()
        if place % SAMPLE == 0:
            asking.append(threading.Thread(target=_ask, args=(browser, phone, sent[phone], seen)))
            asking[-1].start()
    for thread in asking:
        thread.join()
    time.sleep(1.0)
    stream.stop()
    connection.close()
    return [
        (stream.seen[pk] - sent[phone]) * 1e3 for pk, phone in _recorded() if pk in stream.seen and phone in sent
    ], seen


def _ask(browser: Browser, phone: str, since: float, seen: list[float]) -> None:
    """Ask the API until the label is there."""
    mine = browser.twin()
    while time.perf_counter() - since < PATIENCE:
        answer = mine.api(f"assignments/?phone=%2B{phone[1:]}")
        if answer.status == 200 and json.loads(answer.body)["results"]:
            break
        time.sleep(0.025)
    seen.append((time.perf_counter() - since) * 1e3)
    mine.close()


def _recorded() -> list[tuple[int, str]]:
    from labels.models import LabelEvent

    return list(LabelEvent.objects.values_list("id", "contact__phone"))


class _Stream(threading.Thread):
    """Reads the home page's stream; `seen` holds when each label event turned up, by its id."""

    def __init__(self, port: int, cookie: str) -> None:
        super().__init__(daemon=True)
        self.seen: dict[int, float] = {}
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookie, self._stopping = cookie, threading.Event()

    def run(self) -> None:
        self._connection.request("GET", "/live/", headers={"Cookie": self._cookie, "Accept": "text/event-stream"})
        answer = self._connection.getresponse()
        event = ""
        while not self._stopping.is_set():
            line = answer.readline()
            if not line:
                break
            name, _, value = line.decode().rstrip("\r\n").partition(":")
            if name == "event":
                event = value.strip()
            elif name == "data" and event == "rows":
                self._note(json.loads(value))

    def _note(self, rows: list[dict[str, int]]) -> None:
        now = time.perf_counter()
        for row in rows:
            self.seen.setdefault(row["id"], now)

    def stop(self) -> None:
        """Returns when the next line, at the latest the stream's heartbeat, has been read."""
        self._stopping.set()
        self.join()
        self._connection.close()


# -- Flood -----------------------------------------------------------------------------------------------------------


def flood(site: Site, browser: Browser, *, first: int, events: int = FLOOD) -> tuple[dict[str, list[float]], float]:
    """Answer times in ms by path while the flood is posted and drained, and how many seconds that took."""
    bodies = map(_body, range(first, first + events))
    requests = [raw_post(PATH, posts.signed(body), body, port=site.port) for body in bodies]
    posting = threading.Thread(
        target=replay_all, args=(requests,), kwargs={"port": site.port, "connections": FLOOD_CONNECTIONS}
    )
    answers: dict[str, list[float]] = {path: [] for path in (*PAGES, *LISTS)}
    start = time.perf_counter()
    posting.start()
    while posting.is_alive() or is_draining():
        for path, times in answers.items():
            answer = browser.page(path) if path in PAGES else browser.api(path)
            assert answer.status == 200, (path, answer.status)
            times.append(answer.ms)
        time.sleep(0.25)
    return answers, time.perf_counter() - start


def is_draining() -> bool:
    """True while posts wait to be processed."""
    from webhooks.drain.inbox import pending_channels

    return bool(pending_channels())
