"""A real system under load: nothing lost, nothing twice, and the same answer as a slow computation gives."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPMessage
from typing import Any

import pytest

from tests.live.system import System, home_in_tmp, running, wait_until
from tests.services_plugin import is_full_run

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
EVENTS = 20_000 if is_full_run() else 2_000
Key = tuple[str, str, str]  # channel, label, phone


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with home_in_tmp("live") as home, running(home) as found:
        yield found


def make_events(count: int, *, seed: int, keys: int = 150) -> list[dict[str, Any]]:
    """Adds and removes over a few hundred keys, whole seconds apart, so that times tie now and then."""
    source = random.Random(seed)
    return [
        {
            "id": f"{seed}-{n}",
            "type": source.choice(["label.added", "label.added", "label.removed"]),
            "at": (START + timedelta(seconds=source.randrange(40_000))).isoformat(),
            "chat": f"62812{source.randrange(keys):07}",
            "label": {"id": str(source.randrange(3))},
        }
        for n in range(count)
    ]


def oracle(events: dict[str, list[dict[str, Any]]]) -> dict[Key, list[tuple[str, str | None]]]:
    """Intervals by walking each key's seconds: adds first, then removes. Knows nothing of our code."""
    by_key: dict[Key, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for channel, told in events.items():
        for event in told:
            by_key[channel, event["label"]["id"], "+" + event["chat"]][event["at"]].add(event["type"])
    found: dict[Key, list[tuple[str, str | None]]] = {}
    for key, seconds in by_key.items():
        since: str | None = None
        rows: list[tuple[str, str | None]] = []
        for at in sorted(seconds):
            if "label.added" in seconds[at] and since is None:
                since = at
            if "label.removed" in seconds[at] and since is not None:
                rows.append((since, at))
                since = None
        if since is not None:
            rows.append((since, None))
        if rows:
            found[key] = rows
    return found


def post_until_accepted(system: System, path: str, event: dict[str, Any]) -> int:
    """As a gateway does: again until it is accepted; returns how often it was asked to come again."""
    refused = 0
    while True:
        try:
            status, body = system.request("POST", path, json.dumps(event).encode(), Content_Type="application/json")
        except OSError:
            status, body = 0, b""
        if status in (200, 202):
            return refused
        assert status in (0, 503), (status, body)
        refused += 1
        time.sleep(0.2)


def post_all(system: System, posts: list[tuple[str, dict[str, Any]]], *, connections: int = 8) -> int:
    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(lambda post: post_until_accepted(system, *post), posts))


def utc(text: str | None) -> str | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).isoformat()


def assigned(system: System) -> dict[Key, list[tuple[str, str | None]]]:
    found: dict[Key, list[tuple[str, str | None]]] = defaultdict(list)
    for row in system.listed("assignments/"):
        key = (row["channel"], row["external_label_id"], row["phone"])
        found[key].append((utc(row["added_at"]) or "", utc(row["removed_at"])))
    return {key: sorted(rows, key=lambda row: (row[0], row[1] or "9")) for key, rows in found.items()}


def test_shuffled_and_repeated_events_give_the_intervals_of_a_slow_computation(system: System) -> None:
    paths = {key: system.connect("generic", key, "--agent", key) for key in ("flood-1", "flood-2")}
    told = {key: make_events(EVENTS // 2, seed=n) for n, key in enumerate(paths)}
    posts = [(paths[key], event) for key, events in told.items() for event in events]
    posts += random.Random(9).sample(posts, len(posts) // 10)
    random.Random(7).shuffle(posts)
    post_all(system, posts)
    wait_until(system.settled, seconds=120, what="the inbox is drained")
    assert assigned(system) == oracle(told)
    summary = system.api("inbox/summary/")
    assert (summary["parked"], summary["ignored"]) == (0, 0)
    assert summary["applied"] + summary["duplicate"] == len(posts)
    check = system.manage("rebuild_labels", "--check", check=False)
    assert (check.returncode, check.stdout) == (0, "0 differences\n")


def test_a_frozen_and_then_a_killed_redis_cost_no_webhook(system: System) -> None:
    path = system.connect("generic", "no-redis")
    told = make_events(400, seed=41)
    [redis] = [*system.processes("valkey-server"), *system.processes("redis-server")]
    os.kill(redis, signal.SIGSTOP)
    try:
        slowest = _slowest_post(system, path, told[:200])
    finally:
        os.kill(redis, signal.SIGKILL)
    slowest = max(slowest, _slowest_post(system, path, told[200:]))
    assert slowest < 10, "nobody waited for Redis, which would have been for ever"
    wait_until(system.settled, seconds=90, what="everything is applied once Redis is back")
    expected = oracle({"no-redis": told})
    assert {key: rows for key, rows in assigned(system).items() if key[0] == "no-redis"} == expected


def _slowest_post(system: System, path: str, events: list[dict[str, Any]]) -> float:
    slowest = 0.0
    for event in events:
        began = time.monotonic()
        assert post_until_accepted(system, path, event) == 0
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def test_without_a_database_gateways_are_asked_to_come_again_and_nothing_is_lost(system: System) -> None:
    path = system.connect("generic", "no-database")
    told = make_events(300, seed=43)
    post_all(system, [(path, event) for event in told[:50]])
    _kill_postgres(system)
    # A backend that outlives its postmaster for a moment may still commit and say 202, so this waits for the refusal.
    headers, took = _first_refusal(system, path, told[50:])
    assert headers["Retry-After"] == "5"
    assert took < 10, "refused at once, not after a time-out of the gateway"
    post_all(system, [(path, event) for event in told], connections=4)
    wait_until(lambda: system.request("GET", "/readyz")[0] == 200, seconds=60, what="ready again without a restart")
    wait_until(system.settled, seconds=90, what="the inbox is drained")
    assert {k: rows for k, rows in assigned(system).items() if k[0] == "no-database"} == oracle({"no-database": told})


def test_a_database_that_restarts_while_nobody_works_is_used_again_by_all(system: System) -> None:
    path = system.connect("generic", "idle-database")
    told = make_events(60, seed=47)
    post_all(system, [(path, event) for event in told[:30]])
    wait_until(system.settled, seconds=90, what="the worker has its connections and nothing to do")
    _kill_postgres(system)
    wait_until(lambda: system.request("GET", "/readyz")[0] == 200, seconds=60, what="the database is back")
    post_all(system, [(path, event) for event in told[30:]])
    wait_until(system.settled, seconds=90, what="the inbox is drained")
    assert {k: rows for k, rows in assigned(system).items() if k[0] == "idle-database"} == oracle(
        {"idle-database": told}
    )


def _first_refusal(system: System, path: str, events: list[dict[str, Any]]) -> tuple[HTTPMessage, float]:
    """Headers of the first 503 and the seconds it took; whatever else is answered before it must be an acceptance."""
    for event in events:
        began = time.monotonic()
        status, headers = system.answer_to(path, event)
        if status == 503:
            return headers, time.monotonic() - began
        assert status in (200, 202)
    raise AssertionError("PostgreSQL was killed and every event was accepted")


def _kill_postgres(system: System) -> None:
    for pid in system.processes("postgres", "-D"):
        os.kill(pid, signal.SIGKILL)
