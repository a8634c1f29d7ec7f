"""A database that does not answer: gateways are asked to come again within seconds, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from tests.freezing import network, stopped
from tests.webhooks.generic import Bridge
from tests.webhooks.posting import Answer, request
from webhooks.models import InboundEvent
from webhooks.receiver import store

pytestmark = pytest.mark.django_db(transaction=True)

LATEST = store.WAIT_SECONDS + store.PATIENCE + 2  # seconds for an answer, whatever happens


@pytest.fixture
def bridge(transactional_db: None) -> Iterator[Bridge]:
    made = Bridge("b1")
    store.find_channel("generic", "b1")
    yield made
    store.pool.close()


def post(bridge: Bridge, number: int) -> Answer:
    body = b'{"id": "e%d", "type": "status", "status": "working"}' % number
    return request(bridge.connected.path, body)


def receivers_backends() -> list[int]:
    """Process ids of every connection to the test's database but Django's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def stored() -> set[str]:
    return set(InboundEvent.objects.values_list("dedupe_key", flat=True))


def test_a_frozen_connection_is_answered_with_come_again_within_seconds(bridge: Bridge) -> None:
    assert post(bridge, 1).status == 202
    begun = time.monotonic()
    with stopped(*receivers_backends()):
        answer = post(bridge, 2)
    assert time.monotonic() - begun < LATEST
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


def test_the_next_post_finds_a_connection_that_answers(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.3)
    assert post(bridge, 1).status == 202
    with stopped(*receivers_backends()):
        assert post(bridge, 2).status == 503
        assert post(bridge, 2).status == 202, "the frozen connection was left alone"
    assert len(stored()) == 2


def test_many_posts_at_once_are_all_answered_within_seconds(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PATIENCE", 1.0)
    monkeypatch.setattr(store, "WAIT_SECONDS", 0.5)
    together = threading.Barrier(store.CONNECTIONS)
    warm = [threading.Thread(target=_after, args=(together, bridge, n)) for n in range(store.CONNECTIONS)]
    for thread in warm:
        thread.start()
    for thread in warm:
        thread.join()
    answers: list[Answer] = []
    many = [
        threading.Thread(target=lambda n=n: answers.append(post(bridge, 100 + n))) for n in range(2 * store.CONNECTIONS)
    ]
    with stopped(*receivers_backends()):
        for thread in many:
            thread.start()
        for thread in many:
            thread.join(timeout=20)
    assert len(answers) == 2 * store.CONNECTIONS
    assert {answer.status for answer in answers} <= {202, 503}


def _after(together: threading.Barrier, bridge: Bridge, number: int) -> None:
    together.wait(timeout=20)
    post(bridge, number)


def test_a_network_that_swallows_every_byte_is_answered_the_same(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.5)
    real = connections["default"].get_connection_params
    with network() as between:
        monkeypatch.setattr(connections["default"], "get_connection_params", lambda: real() | between.parameters)
        store.pool.close()
        assert post(bridge, 1).status == 202
        between.freeze()
        begun = time.monotonic()
        assert post(bridge, 2).status == 503
        assert time.monotonic() - begun < 5
        monkeypatch.undo()
        assert post(bridge, 2).status == 202


def test_a_lock_that_is_held_too_long_leaves_no_backend_waiting_behind(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STATEMENT_SECONDS", 0.3)
    store.pool.close()
    assert post(bridge, 1).status == 202
    with psycopg.connect(**_parameters()) as holder:
        holder.execute("LOCK TABLE webhooks_inboundevent IN ACCESS EXCLUSIVE MODE")
        assert post(bridge, 2).status == 503
        waiting = holder.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE NOT granted AND datname = current_database()"
        ).fetchone()
        holder.rollback()
    assert waiting == (0,)
    assert post(bridge, 2).status == 202


def test_a_body_that_a_frozen_server_does_not_take_is_given_up_too(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.5)
    assert post(bridge, 1).status == 202
    large = b'{"id": "large", "type": "status", "x": "%s"}' % (b"y" * 900_000)
    with stopped(*receivers_backends()):
        assert request(bridge.connected.path, large).status == 503


def _parameters() -> dict[str, Any]:
    told = connection.get_connection_params()
    return {name: value for name, value in told.items() if name not in ("context", "cursor_factory")}
