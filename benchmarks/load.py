"""A load generator for prepared requests: wrk where it is installed, else one process of ours with as many sockets."""

from __future__ import annotations

import json
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import percentile

SCRIPT = Path(__file__).with_name("replay.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a load met: answers per second, latencies in ms, answers other than 2xx, and who measured."""

    rate: float
    answered: int
    p50: float
    p99: float
    errors: int
    client: str


def raw_post(path: str, headers: dict[str, str], body: bytes, *, port: int) -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def replay(requests: Sequence[bytes], *, port: int, connections: int, seconds: float, folder: Path) -> Load:
    """Send `requests`, each once, over keep-alive connections for `seconds`. There must be enough of them."""
    if wrk := shutil.which("wrk"):
        return _by_wrk(wrk, requests, port=port, connections=connections, seconds=seconds, folder=folder)
    return _by_sockets(requests, port=port, connections=connections, seconds=seconds)


def _by_wrk(wrk: str, requests: Iterable[bytes], *, port: int, connections: int, seconds: float, folder: Path) -> Load:
    prepared = folder / "requests"
    with prepared.open("wb") as file:
        for request in requests:
            file.write(b"%d\n" % len(request))
            file.write(request)
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}"]
    said = subprocess.run([*command, "--", str(prepared)], capture_output=True, text=True, check=True).stdout
    prepared.unlink()
    found = json.loads(said.rpartition("RESULT ")[2])
    elapsed = found["microseconds"] / 1e6
    return Load(
        found["requests"] / elapsed, found["requests"], found["p50"] / 1e3, found["p99"] / 1e3, found["errors"], "wrk"
    )


def replay_all(requests: Sequence[bytes], *, port: int, connections: int) -> Load:
    """Send all `requests`, each once, as fast as they are answered."""
    return _by_sockets(requests, port=port, connections=connections, seconds=float("inf"))


def _by_sockets(requests: Sequence[bytes], *, port: int, connections: int, seconds: float) -> Load:
    """A plain loop over non-blocking sockets: about 20 µs of CPU per request."""
    waiting = iter(requests)
    latencies: list[float] = []
    errors = 0
    start = now = time.perf_counter()
    sent_at: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, connection)
            sent_at[connection] = time.perf_counter()
            connection.sendall(next(waiting))
        while sent_at and (now := time.perf_counter()) < start + seconds:
            for key, _ in selector.select(timeout=1):
                answer = key.data.recv(4096)
                now = time.perf_counter()
                latencies.append(now - sent_at[key.data])
                errors += not answer.startswith(b"HTTP/1.1 2")
                request = next(waiting, None)
                if request is None or not answer:
                    selector.unregister(key.data)
                    key.data.close()
                    del sent_at[key.data]
                else:
                    sent_at[key.data] = now
                    key.data.sendall(request)
        for connection in sent_at:
            connection.close()
    elapsed = now - start
    p50, p99 = percentile(latencies, 0.5) * 1e3, percentile(latencies, 0.99) * 1e3
    return Load(len(latencies) / elapsed, len(latencies), p50, p99, errors, "sockets")
