"""The real web server, in a process of its own, over the database of the test; it can be killed and started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page

from labelcrm.env import BASE_DIR
from labelcrm.launcher.processes import command_line

READY_SECONDS = 60


@dataclass
class Site:
    """A running site. `origin` stays the same over restarts."""

    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                _command(self.environment), env=self.environment, cwd=BASE_DIR, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready()

    def kill(self) -> None:
        """As a crash does: no goodbye to anybody."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post as a gateway does; returns the status."""
        http_connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            http_connection.request("POST", path, body, dict(headers))
            return http_connection.getresponse().status
        finally:
            http_connection.close()

    def post_json(self, path: str, content: Any) -> int:
        return self.post(path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._is_healthy():
                return
            time.sleep(0.1)
        raise AssertionError(f"the web server did not start: {self.log.read_text()[-2000:]}")

    def _is_healthy(self) -> bool:
        health = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            health.request("GET", "/healthz")
            return health.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            health.close()


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Site]:
    """A site over the test's database, with its home in `folder`."""
    port = _free_port()
    own = {"HOST": "127.0.0.1", "PORT": str(port), "LABELCRM_HOME": str(folder), "DATABASE_URL": database_url()}
    site = Site(port, {**os.environ, **own, **more, "PYTHONWARNINGS": "default"}, folder / "web.log")
    site.start()
    try:
        yield site
    finally:
        site.kill()


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests of a file: to start one takes a processor two seconds."""
    with serving(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def site(transactional_db: None, server: Site) -> Site:
    """The file's server, over the test's own rows. It remembers the secrets of a number for two seconds."""
    if server.process is None or server.process.poll() is not None:
        server.restart()
    return server


@contextmanager
def looking(browser: Browser, site: Site, user: Any, **options: Any) -> Iterator[Page]:
    """A tab of somebody who is logged in."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "id-ID", **options})
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site.origin}])
    try:
        yield context.new_page()
    finally:
        context.close()


def _command(environment: dict[str, str]) -> list[str]:
    before = {name: os.environ.get(name) for name in ("HOST", "PORT")}
    os.environ.update({name: environment[name] for name in before})
    try:
        return command_line("web")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def database_url() -> str:
    """DATABASE_URL with the name that Django gave the test's database."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
