"""The receiver stores on connections of its own; a test that runs in a transaction lends it the test's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from webhooks.receiver import store


class _Lent:
    """The test's connection, as the receiver's own would behave: parameters are bound by the server."""

    def __init__(self, connection: Any) -> None:
        self.pgconn, self._connection = connection.pgconn, connection

    closed = False

    def execute(self, statement: str, parameters: Any = None) -> Any:
        return psycopg.Cursor(self._connection).execute(statement, parameters)


class _TestConnection:
    """Stands in for the pool, so that the test's transaction sees what is stored."""

    prepared: Any = None

    @contextmanager
    def connection(self) -> Iterator[Any]:
        from django.db import connection

        connection.ensure_connection()
        if _TestConnection.prepared is not connection.connection:
            store.prepare(connection.connection)
            _TestConnection.prepared = connection.connection
        yield _Lent(connection.connection)


@pytest.fixture(autouse=True)
def _front_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    store.forget_channels()
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and not marker.kwargs.get("transaction"):
        monkeypatch.setattr(store, "pool", _TestConnection())
    yield
    if isinstance(store.pool, store._Pool):
        store.pool.close()
