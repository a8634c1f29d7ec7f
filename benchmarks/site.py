"""A whole labelcrm that vanishes with the run: PostgreSQL with fsync on, Redis, and the processes a bench asks for."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labelcrm.env import BASE_DIR
from labelcrm.launcher.embedded import Embedded, plan, private_folder, throwaway_account
from labelcrm.launcher.processes import command_line
from labelcrm.launcher.supervisor import Child, Log, Supervisor

READY_SECONDS = 60
WORKERS_READY_SECONDS = 30


@dataclass(frozen=True)
class Site:
    """Servers that run, and where; the environment of this process points to them."""

    servers: Embedded
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def program(self, name: str) -> str | None:
        """The path of one of PostgreSQL's programs (pgbench, psql), None where this PostgreSQL has none."""
        assert self.servers.cluster
        found = self.servers.cluster.programs.folder / name
        return str(found) if found.exists() else shutil.which(name)

    @contextmanager
    def running(self, *names: str) -> Iterator[dict[str, int]]:
        """Run web, workers or beat as `make run` does; process ids by name. Returns when they answer, or work."""
        supervisor, begun = Supervisor(Log(shown=False)), datetime.now(UTC)
        try:
            for name in names:
                supervisor.start(Child(name, command_line(name), dict(os.environ), popen_arguments={"cwd": BASE_DIR}))
            if "web" in names:
                _wait_for(f"{self.url}/healthz")
            _wait_for_workers({"worker", "slow"}.intersection(names), begun)
            yield supervisor.pids()
        finally:
            supervisor.stop()


@contextmanager
def open_site() -> Iterator[Site]:
    """Fresh servers with a migrated database, Django set up to use them; all of it is gone at the end."""
    account = throwaway_account()
    folder = private_folder("labelcrm-bench-", account)
    supervisor = Supervisor(Log(shown=False))
    try:
        servers = plan(data=folder / "postgres", sockets=folder, account=account, durable=True)
        servers.start(supervisor)
        home = folder / "home"
        home.mkdir(mode=0o700)
        site = Site(servers, folder, _free_port())
        os.environ.update(_environment(site, home))
        _set_up()
        yield site
    finally:
        _close_connections()
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(site: Site, home: Path) -> dict[str, str]:
    return site.servers.environment() | {
        "DJANGO_SETTINGS_MODULE": "labelcrm.settings",
        "LABELCRM_ENV_FILE": os.devnull,
        "LABELCRM_HOME": str(home),
        "SECRET_KEY": "benchmarks-only-" + "x" * 50,
        "ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "HOST": "127.0.0.1",
        "PORT": str(site.port),
        "LOG_LEVEL": "WARNING",
    }


def _set_up() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", "--noinput", verbosity=0)


def _close_connections() -> None:
    from django.db import connections

    from webhooks.receiver import store

    store.pool.close()
    connections.close_all()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_workers(names: AbstractSet[str], begun: datetime) -> None:
    from labelcrm.core.models import Heartbeat

    deadline = time.monotonic() + WORKERS_READY_SECONDS
    while not names <= set(Heartbeat.objects.filter(at__gte=begun).values_list("name", flat=True)):
        assert time.monotonic() < deadline, f"{names} work"
        time.sleep(0.1)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
