"""`make chaos`: the whole system is loaded while its processes are killed and frozen at random; then it must be right.

Every event that was accepted must be in the database once and have had its effect; intervals must equal an
independent computation; `rebuild_labels --check` must find nothing. Prints what it did as JSON, exits 1 when a
promise was broken. `--minutes` (3) and `--seed` choose the run: the same seed kills in the same order.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.system import System, running, wait_until
from tests.live.test_flood import assigned, make_events, oracle, post_until_accepted

# What to look for on a command line, and how: at most four deaths a minute, so that the launcher never gives up.
VICTIMS = {
    "web": ("granian",),
    "worker": ("celery", "worker"),
    "beat": ("celery", "beat"),
    "redis": ("valkey-server",),
    "postgres": ("postgres", "-D"),
}
PAUSE = (15.0, 22.0)
RATE = 40  # events a second, in all
CHANNELS = 4


@dataclass
class Nemesis:
    """Kills or freezes one process after another until told to stop."""

    system: System
    source: random.Random
    deeds: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.wait(self.source.uniform(*PAUSE)):
            name = self.source.choice(list(VICTIMS))
            pids = self.system.processes(*VICTIMS[name]) or self.system.processes("redis-server")
            if self.source.random() < 0.6:
                self._each(pids[:1], signal.SIGKILL)
                self.deeds[f"killed {name}"] += 1
            else:
                self._each(pids, signal.SIGSTOP)
                time.sleep(self.source.uniform(1, 5))
                self._each(pids, signal.SIGCONT)
                self.deeds[f"froze {name}"] += 1

    def _each(self, pids: list[int], what: signal.Signals) -> None:
        for pid in pids:
            try:
                os.kill(pid, what)
            except ProcessLookupError:
                continue


def post_slowly(system: System, path: str, events: list[dict[str, Any]], source: random.Random) -> int:
    """Post events one to three times each at this channel's share of the rate; returns the number of refusals."""
    refused = 0
    for event in events:
        for _ in range(source.choice([1, 1, 1, 2, 3])):
            refused += post_until_accepted(system, path, event)
        time.sleep(CHANNELS / RATE)
    return refused


def run(*, minutes: float, seed: int) -> dict[str, Any]:
    """One run; the result names every promise and whether it was kept."""
    source = random.Random(seed)
    home = Path("/tmp") / f"labelcrm-chaos-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        with running(home) as system:
            return _under_attack(system, source, count=int(minutes * 60 * RATE / CHANNELS))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _under_attack(system: System, source: random.Random, *, count: int) -> dict[str, Any]:
    told = {f"chaos-{n}": make_events(count, seed=source.randrange(10**6)) for n in range(CHANNELS)}
    paths = {key: system.connect("generic", key) for key in told}
    nemesis = Nemesis(system, source)
    attack = threading.Thread(target=nemesis.run)
    attack.start()
    with ThreadPoolExecutor(CHANNELS) as pool:
        jobs = [
            pool.submit(post_slowly, system, paths[key], events, random.Random(key)) for key, events in told.items()
        ]
        refused = sum(job.result() for job in jobs)
    nemesis.stop.set()
    attack.join()
    began = time.monotonic()
    wait_until(lambda: _ready(system) and system.settled(), seconds=180, what="everything is settled after the attack")
    summary = system.api("inbox/summary/")
    check = system.manage("rebuild_labels", "--check", check=False)
    return {
        "events": sum(map(len, told.values())),
        "deeds": dict(nemesis.deeds),
        "asked_to_come_again": refused,
        "settled_after_seconds": round(time.monotonic() - began, 1),
        "nothing_lost_nothing_twice": len(list(system.listed("inbox/"))) == sum(map(len, told.values())),
        "intervals_equal_the_oracle": assigned(system) == oracle(told),
        "nothing_parked": summary["parked"] == 0,
        "rebuild_finds_nothing": check.returncode == 0,
    }


def _ready(system: System) -> bool:
    try:
        return system.request("GET", "/readyz")[0] == 200
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    result = run(**vars(parser.parse_args()))
    print(json.dumps(result, indent=2))
    return 0 if all(value for value in result.values() if isinstance(value, bool)) else 1


if __name__ == "__main__":
    sys.exit(main())
