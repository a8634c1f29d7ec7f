"""What makes open pages move: one LISTEN connection per process, shared readings, and who watches them.

The drain says NOTIFY in its transaction. One thread listens and wakes the readers; a reader asks the database once
per sight, however many pages of that sight are open, and wakes their streams. Streams wait without a connection.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import psycopg
from django.db import Error as DatabaseTrouble
from django.db import connections

from labelcrm.core.postgresql.base import BoundedConnection
from labelcrm.core.viewer import Viewer
from reports.selectors.feed import Feed, read_feed, rename_feed
from reports.selectors.home import Tiles, read_tiles, rename_tiles

log = logging.getLogger(__name__)

CHANNEL = "labelcrm_live"
MAX_STREAMS = 24  # of the web server's threads; more pages ask every few seconds instead
MAX_STREAMS_OF_ONE = 4  # the newest take the place of the oldest: pages that were closed are noticed late
IDLE_SECONDS = 60.0  # so often a watched reading is repeated without being told to: the clock goes on
RETRY_SECONDS = 1.0  # so long a reader or listener that failed waits before it tries again, whatever rings
RECHECK_SECONDS = 1.0  # a lost right ends an open page's stream by the first reading after this
ASK_SECONDS = 15.0  # so often the listener asks whether the server still answers: a frozen one says nothing at all
PATIENCE = 5.0  # seconds for that answer
TURN_SECONDS = 10.0  # so long a page waits for another that reads the same
DEAR_SECONDS = 0.3  # a reading that took longer is not repeated while somebody waits for a page,
OLD_SECONDS = 600.0  # unless the last one is this old
TILES_SHARE = 5  # reading the tiles takes at most this part of one reader's time,
FEED_SHARE = 2  # reading the feed, which is cheap and which people wait for, this part

Reading = TypeVar("Reading")


class Bell:
    """Counts what happened, and lets any number of threads wait for the next time."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def ring(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, *, seconds: float) -> int:
        """The count as soon as it differs from `seen`, or after `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, timeout=seconds)
            return self.count


class _Thread:
    """A daemon thread that is started when first needed and repeats `step` until `stopping`, whatever goes wrong.

    A step that raised is tried again after `RETRY_SECONDS`. The first of a row of failures is logged with its
    traceback, the rest are not, and the end of the row is.
    """

    def __init__(self, name: str, step: Callable[[], None], *, stopping: threading.Event) -> None:
        self._name, self._step, self._stopping = name, step, stopping
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._is_failing = False

    def start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._is_failing = False
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(timeout=10)

    def note(self, error: Exception | None) -> None:
        """How a step, or a part of it, ended."""
        if error is None and self._is_failing:
            log.info("%s works again", self._name)
        elif error is not None and not self._is_failing:
            trace = None if isinstance(error, (DatabaseTrouble, psycopg.Error)) else error
            log.warning("%s failed, and tries again from now on: %s", self._name, error, exc_info=trace)
        self._is_failing = error is not None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - nobody else would start this thread again
                self.note(error)
                self._stopping.wait(RETRY_SECONDS)
        connections.close_all()


class Listener:
    """Rings `wakes` when the drain said something, and whenever something may have been missed."""

    def __init__(self, wakes: Bell, news: Bell) -> None:
        self._wakes, self._news = wakes, news
        self._stopping = threading.Event()
        self._thread = _Thread("live-listener", self._step, stopping=self._stopping)
        self.connected = False

    def start(self) -> None:
        self._stopping.clear()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _step(self) -> None:
        try:
            self._listen()
        finally:
            self._note(connected=False)

    def _listen(self) -> None:
        with BoundedConnection.connect(**_connection_parameters()) as connection:
            connection.patience = PATIENCE
            connection.execute(f"LISTEN {CHANNEL}")
            self._note(connected=True)
            self._thread.note(None)
            asked = time.monotonic()
            while not self._stopping.is_set():
                for _ in connection.notifies(timeout=1.0, stop_after=1):
                    self._wakes.ring()
                if time.monotonic() - asked > ASK_SECONDS:
                    connection.execute("SELECT 1")
                    asked = time.monotonic()

    def _note(self, *, connected: bool) -> None:
        """Say how we are connected, and have everything read anew: something may have been missed."""
        self.connected = connected
        self._wakes.ring()
        self._news.ring()


def _connection_parameters() -> dict[str, Any]:
    parameters = connections["default"].get_connection_params()
    ours = {name: value for name, value in parameters.items() if name not in ("context", "cursor_factory")}
    return {**ours, "autocommit": True, "connect_timeout": 3}


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Reading]):
    """A reading, how many wakes it knows of, when it was taken and what it cost in seconds."""

    value: Reading
    wakes: int
    at: float
    cost: float


class Shared(Generic[Reading]):
    """A reading of the database that all pages of one sight share, repeated while somebody watches."""

    def __init__(
        self,
        name: str,
        read: Callable[[Viewer, Reading | None], Reading],
        *,
        rename: Callable[[Viewer, Reading], Reading],
        live: Live,
        pause: float,
        share: int,
        wait: float = 0.0,
    ) -> None:
        """Read at once when woken, or after `wait` seconds, and then not for `pause` seconds.

        The pause grows with what a reading costs: it takes at most one part in `share` of its thread's time.
        `rename` brings the names in a kept reading up to date: nobody announces that somebody was renamed.
        """
        self._rename = rename
        self._read, self._live, self._pause, self._share, self._wait = read, live, pause, share, wait
        self._kept: dict[Viewer, _Kept[Reading]] = {}
        self._locks: dict[Viewer, threading.Lock] = {}
        self._wanted: set[Viewer] = set()
        self._seen = -1  # wakes
        self._failed = False
        self._thread = _Thread(name, self._step, stopping=live.stopping)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def forget(self) -> None:
        self._kept.clear()
        self._seen, self._failed = -1, False

    def latest(self, sight: Viewer) -> Reading | None:
        """What was read last, if anything: no database is asked."""
        kept = self._kept.get(sight)
        return kept.value if kept else None

    def get(self, sight: Viewer) -> Reading:
        """The reading as it is now. One that is dear to take may be older: it is taken anew behind the page.

        Its names are never older than the call, in the reader's own thread and whichever process changed them.
        """
        kept = self._kept.get(sight)
        if kept is not None and kept.cost > DEAR_SECONDS and time.monotonic() - kept.at < OLD_SECONDS:
            if not self._is_fresh(kept):
                self._renew_soon(sight)
            return self._renamed(sight, kept)
        with self._turn(sight):
            kept = self._kept.get(sight)
            if kept is None or not self._is_fresh(kept):
                return self._take(sight)
        return self._renamed(sight, kept)

    def _renamed(self, sight: Viewer, kept: _Kept[Reading]) -> Reading:
        """What was kept with the names of now, which open pages are told too."""
        value = self._rename(sight, kept.value)
        lock = self._locks.setdefault(sight, threading.Lock())
        if value != kept.value and lock.acquire(blocking=False):  # else a newer reading is being taken
            try:
                if self._kept.get(sight) is kept:
                    self._kept[sight] = replace(kept, value=value)
                    self._live.news.ring()
            finally:
                lock.release()
        return value

    @contextmanager
    def _turn(self, sight: Viewer) -> Iterator[None]:
        """Wait for our turn to read: without a limit, pages would add up their waits for a frozen server."""
        lock = self._locks.setdefault(sight, threading.Lock())
        if not lock.acquire(timeout=TURN_SECONDS):
            raise DatabaseTrouble("the database has not answered whoever asked it the same before")
        try:
            yield
        finally:
            lock.release()

    def _is_fresh(self, kept: _Kept[Reading]) -> bool:
        heard_of_all = self._live.listener.connected and kept.wakes == self._live.wakes.count
        return heard_of_all and time.monotonic() - kept.at <= IDLE_SECONDS

    def _renew_soon(self, sight: Viewer) -> None:
        self._wanted.add(sight)
        self._live.start()
        self._live.wakes.ring()

    def _take(self, sight: Viewer) -> Reading:
        wakes, started = self._live.wakes.count, time.monotonic()
        before = self._kept.get(sight)
        value = self._read(sight, before.value if before else None)
        now = time.monotonic()
        self._kept[sight] = _Kept(value, wakes, now, now - started)
        return value

    def _step(self) -> None:
        self._seen = self._live.wakes.wait(self._seen, seconds=RETRY_SECONDS if self._failed else IDLE_SECONDS)
        if self._live.stopping.wait(self._wait):
            return
        started = time.monotonic()
        wanted, self._wanted = self._wanted, set()
        self._live.recheck()
        errors = [error for sight in self._live.watched | wanted if (error := self._renew(sight))]
        self._failed = bool(errors)
        self._thread.note(errors[0] if errors else None)
        rest = max(self._pause, (self._share - 1) * (time.monotonic() - started))
        self._live.stopping.wait(max(rest, RETRY_SECONDS) if errors else rest)

    def _renew(self, sight: Viewer) -> Exception | None:
        """Read a sight anew; what went wrong concerns this sight alone."""
        before = self.latest(sight)
        try:
            with self._locks.setdefault(sight, threading.Lock()):
                after = self._take(sight)
        except Exception as error:  # noqa: BLE001 - the other sights are read all the same
            connections.close_all()
            return error
        if before != after:
            self._live.news.ring()
        return None


@dataclass(eq=False, slots=True)
class Stream:
    """A page that is being told; `ended` asks it to come again, or to make room.

    `still` asks the database whether its reader may see now what they saw when it began.
    """

    sight: Viewer
    user_id: int
    still: Callable[[], bool] = lambda: True
    ended: threading.Event = field(default_factory=threading.Event)


class Full(Exception):
    """All streams are taken: the page has to ask."""


class Live:
    """Everything live of this process."""

    def __init__(self) -> None:
        self.wakes, self.news = Bell(), Bell()
        self.stopping = threading.Event()
        self.listener = Listener(self.wakes, self.news)
        self.feed: Shared[Feed] = Shared(
            "live-feed", read_feed, rename=rename_feed, live=self, pause=0.15, share=FEED_SHARE
        )
        self.tiles: Shared[Tiles] = Shared(
            "live-tiles", read_tiles, rename=rename_tiles, live=self, wait=0.4, pause=1.0, share=TILES_SHARE
        )
        self._streams: list[Stream] = []
        self._lock = threading.Lock()
        self._checked_at = 0.0

    @property
    def watched(self) -> set[Viewer]:
        with self._lock:
            return {stream.sight for stream in self._streams if not stream.ended.is_set()}

    @contextmanager
    def stream(self, sight: Viewer, *, user_id: int, still: Callable[[], bool] = lambda: True) -> Iterator[Stream]:
        """Take part while the block runs. Raises Full."""
        stream = Stream(sight, user_id, still)
        self._enter(stream)
        try:
            self.start()
            yield stream
        finally:
            with self._lock:
                self._streams.remove(stream)

    def recheck(self) -> None:
        """End the streams whose readers may no longer see what they saw; at most once in RECHECK_SECONDS.

        Called before a reading, in the reader's thread, which has a connection. An ended page comes again at once.
        """
        now = time.monotonic()
        if now - self._checked_at < RECHECK_SECONDS:
            return
        self._checked_at = now
        with self._lock:
            streams = [stream for stream in self._streams if not stream.ended.is_set()]
        try:
            changed = [stream for stream in streams if not stream.still()]
        except DatabaseTrouble as error:
            log.warning("the rights of live pages were not asked for: %s", error)
            connections.close_all()
            return
        for stream in changed:
            stream.ended.set()
        if changed:
            self.news.ring()

    def is_full(self) -> bool:
        with self._lock:
            return len(self._streams) >= MAX_STREAMS

    def _enter(self, stream: Stream) -> None:
        with self._lock:
            if len(self._streams) >= MAX_STREAMS:
                raise Full
            self._streams.append(stream)
            own = [other for other in self._streams if other.user_id == stream.user_id and not other.ended.is_set()]
            for oldest in own[:-MAX_STREAMS_OF_ONE]:
                oldest.ended.set()
        self.news.ring()

    def start(self) -> None:
        """Begin to listen and to read, if that has not begun."""
        self.stopping.clear()
        self.listener.start()
        self.feed.start()
        self.tiles.start()

    def stop(self) -> None:
        """End every stream and thread and forget everything; the next stream starts them again."""
        self.stopping.set()
        with self._lock:
            for stream in self._streams:
                stream.ended.set()
        self.listener.stop()
        self.wakes.ring()
        self.news.ring()
        for shared in (self.feed, self.tiles):
            shared.join()
            shared.forget()

    def open_streams(self) -> Counter[int]:
        """Open streams by user id."""
        with self._lock:
            return Counter(stream.user_id for stream in self._streams)


live = Live()
