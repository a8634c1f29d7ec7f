"""The receiver's few statements, on connections of its own that live as long as the process.

Autocommit: one round trip stores one event durably. A connection that broke is replaced at once, so that the
receiver is back with the database's first breath. One whose server does not answer is cut off after `PATIENCE`
seconds by a thread of its own, and the gateway is asked to come again: limits of libpq and of the server end neither
a frozen server nor one behind a socket, and waiting in Python costs every post 4 to 8 µs.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connections
from django.utils import timezone
from psycopg.pq import ExecStatus, Format

from labelcrm.core.encryption import decrypt

CONNECTIONS = 16
WAIT_SECONDS = 2.0  # for a free connection, before the gateway is asked to come again
PATIENCE = 4.0  # seconds for the database's answer, before the same
TICK = 0.25  # seconds between two looks for who waits longer
# The server gives up first where it is alive, so that no backend is left behind waiting for a lock, such as that of a
# migration: cut off, it would not notice.
STATEMENT_SECONDS = 3.5
CHANNEL_TTL = 2.0  # seconds a channel's secrets are remembered
UNKNOWN_ROWS = 100


# Prepared once on every connection.
INSERT = b"insert_event"
_INSERT_STATEMENT = b"""
INSERT INTO webhooks_inboundevent (channel_id, dedupe_key, headers, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (channel_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
"""
_INSERT_FORMATS = [Format.TEXT, Format.TEXT, Format.TEXT, Format.BINARY]


OUT_OF_TIME = (psycopg.errors.QueryCanceled, psycopg.errors.ConnectionTimeout)


class Overload(Exception):
    """No connection became free in time, or the database did not answer in time."""


class _Held:
    """A connection and a second handle on its socket, by which another thread can cut it off.

    Of its own, because the number of the first may belong to somebody else by the time the other thread uses it.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.is_cut = self._is_ready = False
        self._line = socket.socket(fileno=os.dup(connection.pgconn.socket))

    @property
    def is_broken(self) -> bool:
        return self.is_cut or self.connection.closed

    def make_ready(self) -> None:
        """Give a new connection its statement and its limit, which is work that may wait as well."""
        if not self._is_ready:
            self.connection.execute(f"SET statement_timeout = {int(STATEMENT_SECONDS * 1000)}")
            prepare(self.connection)
            self._is_ready = True

    def cut(self) -> None:
        """End whatever waits for the server, with the error of a broken connection."""
        self.is_cut = True
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.connection.close()
        self._line.close()


class _Pool:
    """At most `CONNECTIONS` connections, the warmest first, opened when first needed."""

    def __init__(self) -> None:
        self._slots: queue.LifoQueue[_Held | None] = queue.LifoQueue()
        self._busy: dict[_Held, float] = {}  # since when; monotonic seconds
        self._starting = threading.Lock()
        self._watch: threading.Thread | None = None
        for _ in range(CONNECTIONS):
            self._slots.put(None)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection for one piece of work. Raises Overload; what broke the connection goes through."""
        try:
            held = self._slots.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise Overload("all database connections of the receiver are busy") from None
        try:
            if held is not None and held.is_broken:
                held.close()
                held = None
            if held is None:
                self._watch_over()
                held = _Held(_connect())
            self._busy[held] = time.monotonic()
            held.make_ready()
            yield held.connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            broken, held = held, None
            if broken is None:
                raise
            self._drop(broken)
            if broken.is_cut:
                raise Overload(f"the database has not answered for {PATIENCE:g} s") from error
            raise
        finally:
            if held is not None:
                self._busy.pop(held, None)
            self._slots.put(held)

    def close(self) -> None:
        """Close what is idle; connections are opened again when needed."""
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._slots.get_nowait())
        for held in idle:
            if held is not None:
                held.close()
            self._slots.put(None)

    def _drop(self, held: _Held) -> None:
        self._busy.pop(held, None)
        held.close()

    def _watch_over(self) -> None:
        with self._starting:
            if self._watch is None or not self._watch.is_alive():
                self._watch = threading.Thread(target=self._cut_off, name="receiver-watch", daemon=True)
                self._watch.start()

    def _cut_off(self) -> None:
        """Cut off whoever waits too long. The post before may just have ended: then the next one finds it broken."""
        while True:
            time.sleep(TICK)
            late = time.monotonic() - PATIENCE
            for held, since in list(self._busy.items()):
                if since < late:
                    held.cut()


def _connect() -> psycopg.Connection[Any]:
    parameters = connections["default"].get_connection_params()
    ours = {name: value for name, value in parameters.items() if name not in ("context", "cursor_factory")}
    return psycopg.connect(**(ours | {"autocommit": True, "prepare_threshold": 0, "connect_timeout": 2}))


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make a connection ready for `insert`."""
    connection.pgconn.prepare(INSERT, _INSERT_STATEMENT)


pool = _Pool()


def _retried(work: Callable[[psycopg.Connection[Any]], Any]) -> Any:
    """`work` on a connection; where that proves broken, once more on a fresh one. Never where time ran out."""
    for attempt in (1, 2):
        try:
            with pool.connection() as connection:
                return work(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if attempt == 2 or isinstance(error, OUT_OF_TIME):
                raise
    return None


def _fetch(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = _retried(lambda connection: connection.execute(statement, parameters).fetchall())
    return found


def _run(statement: str, parameters: Any) -> None:
    _retried(lambda connection: connection.execute(statement, parameters))


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What the receiver must know of a channel."""

    id: int
    secrets: tuple[str, ...]
    verify_token: str


_channels: dict[tuple[str, str], tuple[float, ChannelRow]] = {}
_channels_lock = threading.Lock()

_FIND = """
SELECT channel.id, channel.verify_token,
       ARRAY(SELECT value FROM contacts_channelsecret secret WHERE secret.channel_id = channel.id
             AND (secret.expires_at IS NULL OR secret.expires_at > now()) ORDER BY secret.id DESC)
  FROM contacts_channel channel
 WHERE channel.gateway = %s AND channel.key = %s AND channel.deleted_at IS NULL
"""


def find_channel(gateway: str, key: str, *, fresh: bool = False) -> ChannelRow | None:
    """The living channel of a hook address, remembered for `CHANNEL_TTL` seconds unless `fresh`; None if unknown."""
    remembered = _channels.get((gateway, key))
    if remembered is not None and not fresh and time.monotonic() < remembered[0]:
        return remembered[1]
    if "\x00" in key:
        return None
    rows = _fetch(_FIND, [gateway, key])
    with _channels_lock:
        if not rows:
            _channels.pop((gateway, key), None)
            return None
        pk, verify_token, secrets = rows[0]
        found = ChannelRow(pk, tuple(map(decrypt, secrets)), decrypt(verify_token) if verify_token else "")
        _channels[gateway, key] = (time.monotonic() + CHANNEL_TTL, found)
    return found


def forget_channels() -> None:
    """Forget what is remembered; the next post of every channel asks the database."""
    _channels.clear()


def insert(*, channel_id: int, dedupe_key: str | None, headers: dict[str, str], body: bytes) -> bool:
    """Commit one raw event; False when the same one is stored already."""
    key = None if dedupe_key is None else dedupe_key.encode()
    parameters = [b"%d" % channel_id, key, json.dumps(headers).encode(), body]
    return bool(_retried(lambda connection: _insert(connection, parameters)))


def _insert(connection: psycopg.Connection[Any], parameters: Sequence[bytes | None]) -> int:
    """Rows stored: 1 or 0. Straight to libpq: psycopg's cursor around it was measured at five times the CPU."""
    answer = connection.pgconn.exec_prepared(INSERT, parameters, _INSERT_FORMATS)  # type: ignore[arg-type]  # None is NULL
    if answer.status == ExecStatus.COMMAND_OK:
        return answer.command_tuples or 0
    if connection.closed:
        raise psycopg.OperationalError(answer.get_error_message())
    raise psycopg.errors.error_from_result(answer)


def count(channel_id: int, outcome: str) -> None:
    """Count a post that leaves no row of its own, on the business day that it came on."""
    _run(
        "INSERT INTO webhooks_postcounter AS c (channel_id, day, outcome, count, last_at)"
        " VALUES (%s, %s, %s, 1, now())"
        " ON CONFLICT (channel_id, day, outcome) DO UPDATE SET count = c.count + 1, last_at = now()",
        [channel_id, timezone.localdate(), outcome],
    )


def remember_unknown(gateway: str, key: str) -> None:
    """Keep (gateway, key, count, last time) of a channel nobody set up, the latest `UNKNOWN_ROWS` of them."""
    if len(key) > 60 or "\x00" in key:
        return
    _run(
        "WITH forgotten AS (DELETE FROM webhooks_unknownchannel WHERE id IN ("
        " SELECT id FROM webhooks_unknownchannel WHERE (gateway, key) <> (%(gateway)s::varchar, %(key)s::varchar)"
        " ORDER BY last_at DESC, id DESC OFFSET %(others)s))"
        " INSERT INTO webhooks_unknownchannel AS u (gateway, key, count, first_at, last_at)"
        " VALUES (%(gateway)s::varchar, %(key)s::varchar, 1, now(), now())"
        " ON CONFLICT (gateway, key) DO UPDATE SET count = u.count + 1, last_at = now()",
        {"gateway": gateway, "key": key, "others": UNKNOWN_ROWS - 1},
    )
