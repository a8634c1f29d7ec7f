"""A database that is there and does not answer: its processes stopped, or the network between swallowing every byte."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """The processes are frozen while the block runs. Skips where they belong to another machine or user."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
    except (PermissionError, ProcessLookupError):
        pytest.skip("PostgreSQL's processes are not ours to stop")
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Network:
    """A TCP port that leads to the test's database until `freeze`; from then on every byte is lost, both ways."""

    def __init__(self) -> None:
        self._where = dict(connection.settings_dict)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._frozen = threading.Event()
        self._ended = threading.Event()
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def parameters(self) -> dict[str, str]:
        """What leads a connection through here instead of straight to the database."""
        return {"host": "127.0.0.1", "port": str(self.port)}

    def freeze(self) -> None:
        self._frozen.set()

    def close(self) -> None:
        self._ended.set()
        self._listening.close()
        for each in self._pairs:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _address = self._listening.accept()
                far = _to_database(self._where)
                self._pairs += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError, ValueError), selectors.DefaultSelector() as waiting:
            waiting.register(one, selectors.EVENT_READ)
            while not self._ended.is_set():
                if not waiting.select(timeout=0.2):
                    continue
                content = one.recv(65536)
                if self._frozen.is_set():
                    continue
                if not content:
                    other.close()
                    return
                other.sendall(content)


@contextmanager
def network() -> Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.close()


def _to_database(where: dict[str, Any]) -> socket.socket:
    if str(where["HOST"]).startswith("/"):
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{where['HOST']}/.s.PGSQL.{where['PORT'] or 5432}")
        return far
    return socket.create_connection((where["HOST"] or "127.0.0.1", int(where["PORT"] or 5432)))
