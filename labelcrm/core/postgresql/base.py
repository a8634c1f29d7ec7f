"""Django's PostgreSQL backend with a limit on how long a connection waits for an answer.

The kernel notices a server that has vanished (`LIFE_SIGNS`, set in `labelcrm.env`), but not one that is there and does
not answer, because it or its disk is frozen. So each process sets how long it waits (`wait_at_most`), and a block may
set less (`waiting_at_most`). After that the connection is closed, and the statement fails as if it had broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe
from psycopg.errors import _WaitTimeout

INTERVAL = 0.1  # seconds between two looks for a Ctrl-C, psycopg's own
# What the server gets less than we wait, so that it gives up first where it is only slow or waits for a lock.
HEAD_START = 5.0
_block_limit: ContextVar[float | None] = ContextVar("block_limit", default=None)


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits at most `patience` seconds for each answer; None waits for ever."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """As psycopg's. Raises OperationalError and closes the connection when the server does not answer in time."""
        patience = self.patience if _block_limit.get() is None else _block_limit.get()
        try:
            return super().wait(gen, interval, patience if timeout is None else timeout)
        except _WaitTimeout as error:
            if timeout is not None:  # whoever called asked for it, to wait for notifications
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the database has not answered for {patience:g} s") from error


class _Process:
    """What holds for every connection that this process makes from now on."""

    patience: float | None = None


def wait_at_most(seconds: float | None) -> None:
    """Let this process wait at most `seconds` for an answer. To be called before it makes its first connection."""
    _Process.patience = seconds


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Within the block, wait at most `seconds` for an answer: for a page that must soon say that there is none."""
    token = _block_limit.set(seconds)
    try:
        yield
    finally:
        _block_limit.reset(token)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections of Django's that know how long this process waits."""

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection = BoundedConnection.connect(**conn_params)
        connection.patience = _Process.patience
        return connection

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if _Process.patience is not None:
            milliseconds = int(max(_Process.patience - HEAD_START, _Process.patience / 2) * 1000)
            self.connection.execute(f"SET statement_timeout = {milliseconds}")
