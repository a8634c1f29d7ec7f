"""The whole system as a person starts it: `python -m labelcrm.launcher.run` in its own home, spoken to over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "kata-sandi-panjang-1"
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY")


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for `condition`; AssertionError naming `what` when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class System:
    """A running labelcrm. `get` and `post` speak to it as a client would."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, check=check, text=True,
            capture_output=True, timeout=300,
        )  # fmt: skip

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answer_to(self, path: str, event: dict[str, Any]) -> tuple[int, http.client.HTTPMessage]:
        """Status and headers, in any case, of one posted event."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(event).encode(), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()

    def api(self, path: str) -> Any:
        status, body = self.request("GET", f"/api/v1/{path}", Authorization=f"Token {self.token}")
        assert status == 200, (status, body[:300])
        return json.loads(body)

    def listed(self, path: str) -> Iterator[dict[str, Any]]:
        """Every row of a list of the API, page by page."""
        following: str | None = f"{path}{'&' if '?' in path else '?'}page_size=1000"
        while following:
            page = self.api(following)
            yield from page["results"]
            following = page["next"].split("/api/v1/")[1] if page["next"] else None

    def connect(self, gateway: str, key: str, *options: str) -> str:
        """Set up a channel; returns the path that its gateway posts to."""
        printed = self.manage("connect_channel", "--gateway", gateway, "--key", key, "--name", key, *options).stdout
        line = next(line for line in printed.splitlines() if line.startswith("URL "))
        return line.removeprefix("URL ").split(f":{self.port}", 1)[1]

    def settled(self) -> bool:
        return self.api("inbox/summary/")["pending"] == 0

    def processes(self, *words: str) -> list[int]:
        """Pids below the launcher whose command line has all `words`."""
        return [pid for pid in _descendants(self.process.pid) if all(word in _command(pid) for word in words)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def home_in_tmp(name: str) -> Iterator[Path]:
    """A home under /tmp, short because a socket's path has at most 100 characters; gone afterwards, with its log."""
    home = Path("/tmp") / f"labelcrm-{name}-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        _log_of(home).unlink(missing_ok=True)


def _log_of(home: Path) -> Path:
    return home.parent / f"{home.name}.log"


@contextmanager
def running(home: Path, **more: str) -> Iterator[System]:
    """A system in `home`, ready to serve, stopped afterwards by SIGINT with nothing left behind.

    `more` is set in its environment: a DATABASE_URL, for one, whose tables are made already.
    """
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
        "LABELCRM_HOME": str(home), "PORT": str(port), "ADMIN_PASSWORD": PASSWORD, **more,
    }  # fmt: skip
    with _log_of(home).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "labelcrm.launcher.run"], cwd=ROOT, env=environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    system = System(home, port, process, environment=environment)
    try:
        wait_until(lambda: _is_up(system), seconds=120, what="the web server answers")
        system.token = system.manage("drf_create_token", "admin").stdout.split()[2]
        yield system
    finally:
        family = _descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert [_command(pid) for pid in family if _command(pid)] == [], "a stopped system leaves no process behind"


def _is_up(system: System) -> bool:
    assert system.process.poll() is None, "the system ended while starting"
    try:
        return system.request("GET", "/healthz")[0] == 200
    except OSError:
        return False
