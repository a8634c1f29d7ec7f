"""Nobody waits for ever for the database: pages, workers and jobs each for as long as suits them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, close_old_connections, connection, connections

from labelcrm import celery, wsgi
from labelcrm.core.postgresql import base
from labelcrm.core.postgresql.base import BoundedConnection, wait_at_most
from labelcrm.env import LIFE_SIGNS, database
from tests.freezing import network, stopped

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_connection(transactional_db: None) -> Iterator[None]:
    """Each test makes its connection under its own limit, and leaves none behind."""
    before = base._Process.patience
    connection.close()
    yield
    wait_at_most(before)
    connection.close()


def ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_frozen_server_costs_a_request_its_patience_and_no_more() -> None:
    wait_at_most(0.5)
    begun = time.monotonic()
    with stopped(ask("SELECT pg_backend_pid()")), pytest.raises(OperationalError, match="not answered for"):
        ask("SELECT 1")
    assert time.monotonic() - begun < 5


def test_the_request_after_it_has_a_connection_that_answers() -> None:
    wait_at_most(0.5)
    with stopped(ask("SELECT pg_backend_pid()")):
        with pytest.raises(OperationalError):
            ask("SELECT 1")
        close_old_connections()  # as at the end of every request
        assert ask("SELECT 1") == 1


def test_a_kept_connection_is_checked_within_the_same_patience() -> None:
    wait_at_most(0.5)
    with stopped(ask("SELECT pg_backend_pid()")):
        connection.health_check_done = False  # as at the beginning of a request
        assert ask("SELECT 1") == 1


def test_a_network_that_swallows_every_byte_costs_no_more_either(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_at_most(0.5)
    with network() as between:
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(between.port))
        assert ask("SELECT 1") == 1
        between.freeze()
        with pytest.raises(OperationalError, match="not answered for"):
            ask("SELECT 1")


def test_the_server_gives_up_a_moment_before_we_do() -> None:
    wait_at_most(60)
    assert ask("SELECT current_setting('statement_timeout')") == "55s"


def test_commands_such_as_migrate_take_their_time() -> None:
    wait_at_most(None)
    assert ask("SELECT current_setting('statement_timeout')") == "0"
    assert connection.connection.patience is None


def test_every_process_has_its_limit() -> None:
    assert wsgi.WEB_SECONDS < celery.WORKER_SECONDS
    celery._worker_begins()
    assert base._Process.patience == celery.WORKER_SECONDS
    celery._beat_is_up()
    assert base._Process.patience == celery.BEAT_SECONDS


def test_the_kernel_looks_after_connections_over_tcp() -> None:
    with network() as between:
        parameters = connections["default"].get_connection_params() | between.parameters
        with BoundedConnection.connect(**parameters) as over_tcp:
            line = socket.socket(fileno=over_tcp.fileno())
            try:
                assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == int(LIFE_SIGNS["keepalives_idle"])
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            finally:
                line.detach()


def test_a_limit_in_the_address_of_the_database_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://crm@db/crm?connect_timeout=9&sslmode=require")
    assert database()["OPTIONS"] == LIFE_SIGNS | {"connect_timeout": "9", "sslmode": "require"}
