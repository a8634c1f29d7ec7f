"""One PostgreSQL cluster of our own: created once, listening on a socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from labelcrm.env import socket_database_url
from labelcrm.launcher import ServiceError
from labelcrm.launcher.account import SystemAccount
from labelcrm.launcher.binaries import PostgresPrograms
from labelcrm.lib.numbers import whole_number

DATABASE = "labelcrm"
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "jit": "off",
    # After a checkpoint each page is written whole once more: a large import made every page whole six times.
    "max_wal_size": "4GB",
    "log_checkpoints": "off",
    "log_line_prefix": "",
    "log_min_error_statement": "panic",  # statements carry people's names and numbers
    "log_timezone": "UTC",
}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    # Between two tests tables are empty; plans for empty tables take minutes for the thousands of rows of the next one.
    "autovacuum": "off",
}
MIB = 2**20
# A container's own limit of memory, of either kind of cgroups; "max", or a number beyond all memory, is none.
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Cluster:
    """A data folder, the programs that read it, the folder of its socket, and the user it runs as."""

    programs: PostgresPrograms
    data: Path
    sockets: Path
    account: SystemAccount
    durable: bool = True

    @property
    def url(self) -> str:
        """The URL of our database in it."""
        return socket_database_url(self.sockets, user=SUPERUSER, name=DATABASE)

    def create(self) -> None:
        """Make the data folder unless it is there. It appears whole or not at all: initdb fills a draft beside it."""
        if (self.data / "PG_VERSION").exists():
            return
        draft = self.data.with_name(self.data.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        command = [self.programs.program("initdb"), "-D", str(draft), "-U", SUPERUSER, "-A", "trust"]
        command += ["--locale=C.UTF-8", "-E", "UTF8", *([] if self.durable else ["--no-sync"])]
        answer = self._call(command)
        if answer.returncode:
            raise ServiceError(f"PostgreSQL could not create {self.data}: {_last_line(answer.stderr)}")
        draft.rename(self.data)

    def command(self) -> list[str]:
        """The command line of the server, in the foreground."""
        machine = settings_for(memory=memory_here(), processors=os.cpu_count() or 1)
        settings = SETTINGS | machine | ({} if self.durable else THROWAWAY_SETTINGS)
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs.program("postgres"), "-D", str(self.data), "-k", str(self.sockets), *options]

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        """Make our database unless it is there."""
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def stop_leftover(self) -> None:
        """Stop a server that a killed launcher left running on this data folder."""
        if (self.data / "postmaster.pid").exists():
            self._call([self.programs.program("pg_ctl"), "stop", "-D", str(self.data), "-m", "fast", "-t", "60"])

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        # From "/": the programs complain about a current folder that their user may not read. In a session of their
        # own: a Ctrl-C lets them finish.
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            start_new_session=True,
            **self.account.popen_arguments(),
        )


def settings_for(*, memory: int, processors: int) -> dict[str, str]:
    """What depends on the machine, of `memory` bytes.

    The web server, the workers and the system's own cache of files live beside PostgreSQL, so it takes an eighth of the
    memory. A query is helped by workers as long as there are processors for them: of more, each waits for the others.
    """
    buffers = min(max(memory // 8 // MIB, 128), 1024)
    return {"shared_buffers": f"{buffers}MB", "max_parallel_workers_per_gather": str(min(processors - 1, 2))}


def memory_here() -> int:
    """Bytes of memory that this machine, or the container we run in, has."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in MEMORY_LIMITS:
        limit = whole_number(path.read_text().strip()) if path.exists() else None
        found += [limit] if limit is not None else []
    return min(found)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."
