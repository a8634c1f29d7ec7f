"""Waking the workers without making anybody wait: one thread per process tells Celery that a lane has work.

A lane is nudged at most every `PAUSE` seconds, and always once after its last event. When Redis is away the
nudge is dropped: the sweep finds what is pending as soon as Redis is back.
"""

from __future__ import annotations

import queue
import threading
import time

from labelcrm.core.wakeups import publish
from webhooks.drain.inbox import DRAIN_LANE

PAUSE = 0.2


class _Nudger:
    """Collects lanes and publishes from its own thread, which is started by the first nudge of the process."""

    def __init__(self) -> None:
        self._lanes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def nudge(self, lane: int) -> None:
        self._lanes.put(lane)
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            lanes = {self._lanes.get()}
            while not self._lanes.empty():
                lanes.add(self._lanes.get())
            for lane in sorted(lanes):
                publish(DRAIN_LANE, lane)
            time.sleep(PAUSE)


_nudger = _Nudger()


def nudge(channel_id: int) -> None:
    """Ask for a channel's lane to be drained soon. Never waits, never raises."""
    _nudger.nudge(channel_id)
