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


@pytest.fixture(scope="module")
def rows_of_the_file(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For a fixture of scope "module" that writes a world which all tests of a file read: it is written once.

    What a test writes itself is taken back after it, as ever; what it changes on Python objects of the world is not.
    In SQL it is `now()` since the first test of the file.
    """
    from django.db import transaction

    around = transaction.atomic()
    around._from_testcase = True  # durable blocks may stand in it, as in a test's own
    with django_db_blocker.unblock(), around, pytest.MonkeyPatch.context() as patch:
        store.forget_channels()
        patch.setattr(store, "pool", _TestConnection())
        yield
        transaction.set_rollback(True)
