"""P12: one click gives a WhatsApp label with 100,000 contacts another meaning, and nobody else waits for it.

The click is made on the real admin page over HTTP; progress is read from the Work page. The second remap leads back,
while both workers are killed in the middle and Redis is emptied: the tables must be those from before the first. The
third has what P6 measures beside it, after the same without it. Last, a lane's transaction is held open, and another
lane tells of other contacts with the same label on the same day.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import posts
from benchmarks.browsing import Browser
from benchmarks.drain import CHECKED
from benchmarks.measuring import Figure, Result, median, percentile
from benchmarks.posts import label_body
from benchmarks.site import Site
from benchmarks.visible import KEY, PATH, calm, connect_number, flood, is_draining

CONTACTS = 100_000
FLOOD = 30_000
CALM_SECONDS = 15.0
HELD_SECONDS = 10.0
OTHER = "other"  # a number of another team, which knows a tenth of the contacts too
ONE, TWO = "1", "2"  # the labels of both numbers
NAMES = {ONE: "Grade A", TWO: "Menunggu pembayaran"}
PATIENCE = 1800.0


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Three remaps: undisturbed, disturbed, and beside P6; then a lane that is held."""
    _fill()
    before = _checksums()
    with site.running("web", "beat"):
        browser = Browser(site.port)
        _warm(browser)
        with site.running("worker", "slow"):
            _step("undisturbed remap")
            alone = _remap(browser, "Selesai")
        _step("disturbed remap")
        disturbed = _disturbed(site, browser, "Grade A")
        different = [name for name, checksum in _checksums().items() if checksum != before[name]]
        with site.running("worker", "slow"):
            _step("P6 without a remap")
            without = _beside(site, browser, first=10**7, seconds=seconds or CALM_SECONDS)
            _step("P6 beside a remap")
            working = Remap(browser, "Selesai")
            beside = _beside(site, browser, first=2 * 10**7, seconds=seconds or CALM_SECONDS)
            had_ended = working.ended_at is not None
            working.join(PATIENCE)
            _step("a lane is held")
            free, held = _held_lane(site)
        browser.close()
    figures = [
        *_remap_figures(alone, disturbed, different),
        *_beside_figures(without, beside),
        *_lane_figures(free, held),
    ]
    notes = [
        f"{CONTACTS:,} contacts on one label, a tenth of them known on another team's number too",
        f"disturbed: {disturbed.note}",
        f"P6's remap took {working.seconds:.0f} s, and {'less' if had_ended else 'more'} than P6 beside it",
        *(f"different: {name}" for name in different),
    ]
    kept = [{"progress": alone.progress, "without": without, "beside": beside, "free_ms": free, "held_ms": held}]
    return Result(bench="P12", title="long work", figures=figures, notes=notes, rounds=kept)


def _step(name: str) -> None:
    print(f"  {datetime.now(UTC):%H:%M:%S} {name}, load {os.getloadavg()[0]:.1f}", flush=True)


# -- What is there ----------------------------------------------------------------------------------------------------


def _fill() -> None:
    """Both numbers with their contacts, through the inbox and the real drain, in this process."""
    from contacts.services.channels import connect
    from webhooks.drain.lanes import drain

    connect_number()
    connect(gateway="waha", key=OTHER, name="Other", secret=posts.SECRET, agent="other", team="other", actor=None)
    started = time.perf_counter()
    for key, every in ((KEY, 1), (OTHER, 10)):
        _insert(key, [_named(key, label, name) for label, name in NAMES.items()])
        _insert(key, _story(key, every))
        drain(_channel(key).pk, seconds=PATIENCE)
    _vacuum()
    print(f"  filled in {time.perf_counter() - started:.0f} s", flush=True)


def _channel(key: str) -> Any:
    from contacts.models import Channel

    return Channel.objects.get(key=key)


def _named(key: str, label: str, name: str) -> bytes:
    payload = {"id": label, "name": name, "color": 1, "colorHex": "#ff9485"}
    told = {"id": f"n{label}", "timestamp": 1_700_000_000_000, "event": "label.upsert", "session": key}
    return json.dumps(told | {"payload": payload}).encode()


def _story(key: str, every: int) -> Iterator[bytes]:
    """A label on every contact, a third of them without it later, and a second label on a fifth."""
    start = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=every)
    numbers = iter(range(10**9))

    def told(person: int, label: str, hours: float, *, on: bool = True) -> bytes:
        at = start + timedelta(hours=hours + person % 700, seconds=person % 59)
        return label_body(next(numbers), session=key, on=on, label=label, phone=f"62812{person:07d}", at=at)

    for person in range(0, CONTACTS, every):
        yield told(person, ONE, 0)
        if person % 3 == 0:
            yield told(person, ONE, 48, on=False)
        if person % 5 == 0:
            yield told(person, TWO, 24)


def _insert(key: str, bodies: Any) -> None:
    from labelcrm.core.bulk import copy_rows

    channel, now = _channel(key).pk, datetime.now(UTC)
    columns = ("channel_id", "received_at", "headers", "body")
    copy_rows("webhooks_inboundevent", columns, ((channel, now, "{}", body) for body in bodies))


def _vacuum() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


_WITHOUT_IDS = {name: CHECKED[name] for name in ("intervals", "spells", "clean spells")} | {
    "stays": "SELECT contact_id, label_id, step, started_at, ended_at, start_by_repair, end_by_repair, agent_id, reach"
    " FROM labels_stagestay",
    "scoped spells": "SELECT contact_id, scope, label_id, started_at, ended_at, channel_id, found, lost, agent_id,"
    " mistap FROM labels_scopedlabelspell",
    "scoped clean spells": "SELECT contact_id, scope, label_id, started_at, ended_at, channel_id, found, lost, agent_id"
    " FROM labels_scopedcleanspell",
    "scoped stays": "SELECT contact_id, scope, label_id, step, started_at, ended_at, agent_id"
    " FROM labels_scopedstagestay",
    "day sums": "SELECT * FROM (SELECT scope, label_id, day, sum(added) AS a, sum(mistaps) AS b, sum(found) AS c,"
    " sum(removed) AS d, sum(lost) AS e FROM labels_labelday GROUP BY 1, 2, 3) AS s"
    " WHERE (a, b, c, d, e) <> (0, 0, 0, 0, 0)",
}


def _checksums() -> dict[str, str]:
    from labelcrm.core.bulk import fetch

    md5 = "SELECT count(*) || ' ' || md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))) FROM ({}) r"
    return {name: fetch(md5.format(query), [])[0][0] for name, query in _WITHOUT_IDS.items()}


# -- A remap ----------------------------------------------------------------------------------------------------------

LIST = "/admin/labels/channellabel/"


def _warm(browser: Browser) -> None:
    """Each page once: the process has its connections and templates."""
    for path in (LIST, "/admin/jobs/", "/admin/jobs/rows/", "/admin/"):
        browser.page(path)
    browser.submit(LIST, [], to=f"{LIST}accept/")


class Remap(threading.Thread):
    """A click in the list of WhatsApp labels, and what the Work page says of it until it has ended."""

    def __init__(self, browser: Browser, label: str) -> None:
        from labels.models import ChannelLabel, Label

        super().__init__(daemon=True)
        self._browser = browser.twin()
        row = ChannelLabel.objects.get(channel=_channel(KEY), external_id=ONE)
        means = Label.objects.get(name=label).pk
        fields = [("row", str(row.pk)), ("means", str(means))]
        self.answer = self._browser.submit(LIST, fields, to=f"{LIST}sort/")
        self.started_at = time.perf_counter()
        self.ended_at: float | None = None
        self.progress: list[tuple[float, int]] = []  # seconds since the click, percent
        self.state = ""
        self.note = ""
        self.start()

    def run(self) -> None:
        from django.db import connection

        while self.ended_at is None:
            time.sleep(0.5)
            html = self._browser.page("/admin/jobs/rows/").body.decode()
            now, job = time.perf_counter(), self._job()
            row = next(
                (row for row in html.split("<tr>") if f"/jobs/{job.pk}/" in row), ""
            )  # others may be at work too
            if share := re.search(r'<progress[^>]* value="(\d+)"', row):
                self.progress.append((now - self.started_at, int(share[1])))
            self.state = job.state
            if self.state in ("done", "failed", "cancelled"):
                self.ended_at = now
        connection.close()
        self._browser.close()

    def _job(self) -> Any:
        from labelcrm.core.models import Job

        return Job.objects.filter(kind="labels.remap").latest("pk")

    @property
    def percent(self) -> int:
        return self.progress[-1][1] if self.progress else 0

    @property
    def seconds(self) -> float:
        return (self.ended_at or time.perf_counter()) - self.started_at

    @property
    def longest_standstill(self) -> float:
        """Seconds for which the page said the same, while there was more to do."""
        moved = [0.0]
        last = -1
        for at, percent in self.progress:
            if percent != last:
                moved.append(at)
                last = percent
        moved.append(self.seconds)
        return max(later - earlier for earlier, later in itertools.pairwise(moved))


def _remap(browser: Browser, label: str) -> Remap:
    remap = Remap(browser, label)
    remap.join(PATIENCE)
    assert remap.state == "done", remap.state
    return remap


def _disturbed(site: Site, browser: Browser, label: str) -> Remap:
    """Both workers are killed at a third, Redis is emptied at two thirds. A dead one's lease is ended at once."""
    from django.conf import settings
    from redis import Redis

    from labelcrm.core.models import Job

    with site.running("worker", "slow") as pids:
        remap = Remap(browser, label)
        _wait_for(remap, 33)
        killed_at = remap.percent
        for pid in pids.values():
            os.killpg(pid, signal.SIGKILL)
    with site.running("worker", "slow"):
        Job.objects.filter(state="running").update(leased_until=datetime.now(UTC))
        _wait_for(remap, 66)
        wiped_at = remap.percent
        Redis.from_url(settings.REDIS_URL).flushall()
        remap.join(PATIENCE)
    assert remap.state == "done", remap.state
    remap.note = f"workers killed at {killed_at} %, Redis emptied at {wiped_at} %, {remap.seconds:.0f} s in all"
    return remap


def _wait_for(remap: Remap, percent: int) -> None:
    while remap.is_alive() and remap.percent < percent:
        time.sleep(0.05)
    assert remap.is_alive(), "there is something left to disturb"


def _remap_figures(alone: Remap, disturbed: Remap, different: list[str]) -> list[Figure]:
    values = len({percent for _, percent in alone.progress})
    return [
        Figure(name="click → answer, and the page it leads to", value=alone.answer.ms, unit="ms", goal=("<=", 500)),
        Figure(name="the same at the second click", value=disturbed.answer.ms, unit="ms", goal=("<=", 500)),
        Figure(name=f"{CONTACTS:,} contacts restated", value=alone.seconds, unit="s"),
        Figure(name="different percentages seen on the Work page", value=values, goal=(">=", 20)),
        Figure(name="longest without a new one", value=alone.longest_standstill, unit="s", goal=("<=", 10)),
        Figure(name="killed, wiped: tables that differ", value=len(different), goal=("<=", 0)),
    ]


# -- P6 beside it -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What P6 measured, in ms; `flood` by address."""

    feed: list[float]
    api: list[float]
    flood: dict[str, list[float]] = field(default_factory=dict)
    flood_seconds: float = 0.0


def _beside(site: Site, browser: Browser, *, first: int, seconds: float) -> Seen:
    calm(site, browser, first=first, seconds=3.0)
    seen = Seen(*calm(site, browser, first=first + 10**6, seconds=seconds))
    seen.flood, seen.flood_seconds = flood(site, browser, first=first + 2 * 10**6, events=FLOOD)
    return seen


def _beside_figures(without: Seen, beside: Seen) -> list[Figure]:
    figures = []
    for name, seen, binding in (("without", without, False), ("beside", beside, True)):
        goals = {"median": ("<=", 300.0), "p99": ("<=", 1000.0), "page": ("<=", 500.0)} if binding else {}
        for where, times in (("API", seen.api), ("feed", seen.feed)):
            figures += [
                Figure(name=f"{name}: {where}, median", value=median(times), unit="ms", goal=goals.get("median")),
                Figure(name=f"{name}: {where}, p99", value=percentile(times, 0.99), unit="ms", goal=goals.get("p99")),
            ]
        for path, times in seen.flood.items():
            goal = goals.get("page")
            figures.append(Figure(name=f"{name}: flood, {path}, median", value=median(times), unit="ms", goal=goal))
        figures.append(Figure(name=f"{name}: {FLOOD:,} events", value=seen.flood_seconds, unit="s"))
    return figures


# -- A lane that is held ----------------------------------------------------------------------------------------------


def _held_lane(site: Site) -> tuple[list[float], list[float]]:
    """Times in ms from a post of one number to its commit: with nothing held, before and after, and in between."""
    deadline = time.monotonic() + PATIENCE
    while is_draining() and time.monotonic() < deadline:
        time.sleep(0.5)
    free = _posted(site, first=10**8, seconds=HELD_SECONDS / 2)
    with _held(OTHER, first=2 * 10**8):
        held = _posted(site, first=3 * 10**8, seconds=HELD_SECONDS - 1)
    return free + _posted(site, first=4 * 10**8, seconds=HELD_SECONDS / 2), held


@contextmanager
def _held(key: str, *, first: int) -> Iterator[None]:
    """A lane in the middle of a batch of now, with the same label, of contacts of its own."""
    from django.db import connection

    from webhooks.drain import inbox, lanes

    channel = _channel(key).pk
    ready, release = threading.Event(), threading.Event()
    bodies = [_now(first + n, session=key, chat=f"62814{n:08d}") for n in range(500)]

    def hold() -> None:
        from django.db import transaction

        with lanes.lane(channel) as ours, transaction.atomic():
            assert ours
            _insert(key, bodies)
            lanes.settle(channel, inbox.next_rows(channel, len(bodies)))
            ready.set()
            release.wait(HELD_SECONDS)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert ready.wait(60), "the batch is applied, not committed"
    yield
    assert holder.is_alive(), "it was held all the time"
    release.set()
    holder.join()


def _now(number: int, *, session: str, chat: str) -> bytes:
    """A label that means the same on both numbers, put on now."""
    return label_body(number, session=session, on=True, label=TWO, phone=chat, at=datetime.now(UTC))


def _posted(site: Site, *, first: int, seconds: float) -> list[float]:
    """Post one label after the other; a post is timed until its event is committed."""
    from http.client import HTTPConnection

    from labelcrm.core.bulk import fetch

    http, times, number = HTTPConnection("127.0.0.1", site.port, timeout=30), [], first
    query = "SELECT 1 FROM labels_labelevent e JOIN contacts_contact c ON c.id = e.contact_id WHERE c.phone = %s"
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        number += 1
        chat = f"6285{number:09d}"
        body = _now(number, session=KEY, chat=chat)
        start = time.perf_counter()
        http.request("POST", PATH, body=body, headers=posts.signed(body))
        http.getresponse().read()
        while not fetch(query, [f"+{chat}"]) and time.perf_counter() < start + 30:
            time.sleep(0.005)
        times.append((time.perf_counter() - start) * 1e3)
        time.sleep(0.25)  # beyond the pause that the receiver makes between two nudges
    http.close()
    return times


def _lane_figures(free: list[float], held: list[float]) -> list[Figure]:
    return [
        Figure(name="post → commit, median", value=median(free), unit="ms"),
        Figure(name="the same, longest", value=max(free), unit="ms"),
        Figure(name="another lane held open: median ÷ without", value=median(held) / median(free), goal=("<=", 1.5)),
        Figure(name="the same, longest", value=max(held), unit="ms", goal=("<=", 1000)),
        Figure(name="posts while it was held", value=len(held)),
    ]
