"""P8: memory of each process while posts come in, are processed, and pages are read."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.browsing import Browser
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site
from benchmarks.visible import LISTS, PAGES, connect_number, post_change

SECONDS = 90.0
PER_SECOND = 150  # posts
EVERY = 1.0  # seconds between looks at the memory
LIMITS = {"web": 200, "worker child": 300, "slow child": 300}


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Largest resident memory per kind of process, and how much it grew from the second quarter to the last."""
    connect_number()
    length = seconds or SECONDS
    looks: dict[str, list[float]] = defaultdict(list)
    with site.running("web", "worker", "slow", "beat") as pids:
        stopping = threading.Event()
        working = [threading.Thread(target=work, args=(site, stopping)) for work in (_post, _read)]
        for thread in working:
            thread.start()
        end = time.monotonic() + length
        while time.monotonic() < end:
            for kind, size in look(pids).items():
                looks[kind].append(size)
            time.sleep(EVERY)
        stopping.set()
        for thread in working:
            thread.join()
    return _result(looks, length)


def _result(looks: dict[str, list[float]], seconds: float) -> Result:
    note = f"{seconds:.0f} s of {PER_SECOND} posts/s and pages read without a pause; growth: last quarter less second"
    return Result(bench="P8", title="memory", figures=sizes_and_growth(looks), notes=[note], rounds=[dict(looks)])


def sizes_and_growth(looks: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Per kind of process: the largest resident size, and the last quarter of the looks less the second."""
    figures = []
    for kind, sizes in sorted(looks.items()):
        limit = LIMITS.get(kind)
        goal = ("<=", float(limit)) if limit else None
        figures.append(Figure(name=f"{kind}, largest", value=max(sizes), unit="MiB", goal=goal))
        quarter = max(1, len(sizes) // 4)
        growth = median(sizes[-quarter:]) - median(sizes[quarter : 2 * quarter] or sizes)
        figures.append(Figure(name=f"{kind}, growth", value=growth, unit="MiB"))
    return figures


def _post(site: Site, stopping: threading.Event) -> None:
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    start, number = time.monotonic(), 0
    while not stopping.is_set():
        number += 1
        time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
        post_change(connection, number, chats=20_000)
    connection.close()


def _read(site: Site, stopping: threading.Event) -> None:
    browser = Browser(site.port)
    while not stopping.is_set():
        for path in PAGES:
            browser.page(path)
        for path in LISTS:
            browser.api(path)
    browser.close()


# -- /proc -----------------------------------------------------------------------------------------------------------


def look(pids: dict[str, int]) -> dict[str, float]:
    """Resident MiB: granian's working process, each Celery process, and the largest of its children."""
    web = [_resident(pid) for pid in children(pids["web"])] or [_resident(pids["web"])]
    found = {"web": max(web)} | {name: _resident(pid) for name, pid in pids.items() if name != "web"}
    for name in ("worker", "slow"):
        if sizes := [_resident(pid) for pid in children(pids[name])] if name in pids else []:
            found[f"{name} child"] = max(sizes)
    return found


def children(pid: int) -> list[int]:
    """Process ids of the living children of a process."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
