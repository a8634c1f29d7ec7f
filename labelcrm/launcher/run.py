"""`make run`: PostgreSQL, Redis, web, worker and scheduler together in the foreground, one log, one stop.

`python -m labelcrm.launcher.run [--demo]`. Exit status 0 after SIGINT or SIGTERM, 1 when a child could not be kept
running, 2 when a setting is wrong and nothing was started.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import http.client
import importlib
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labelcrm import env
from labelcrm.env import BASE_DIR, ConfigurationError
from labelcrm.launcher import ServiceError, leftovers
from labelcrm.launcher.account import SystemAccount, account_for
from labelcrm.launcher.embedded import Embedded, plan, private_folder, write_services
from labelcrm.launcher.processes import CELERY_AS_ROOT, PROCESSES, command_line
from labelcrm.launcher.signals import StopRequest
from labelcrm.launcher.supervisor import TICK_SECONDS, Child, Log, Running, Supervisor

SHARED_DATA = Path("/var/lib/labelcrm")
SOCKETS_PREFIX = "labelcrm-"
READY_SECONDS = 120
NOT_OUR_ADDRESS = "HOST must be an address of this machine, not {!r}."
IN_PRIVATE = {"cwd": BASE_DIR, "umask": 0o077}  # exports and logs hold people's data


@dataclass(frozen=True)
class ListenAddress:
    """Where the web server listens."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> ListenAddress:
        return cls(host=env.string("HOST", default="127.0.0.1"), port=env.port("PORT", default=8000))

    @property
    def reachable_host(self) -> str:
        """A name to reach it by from this machine: nobody connects to 0.0.0.0."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def url(self) -> str:
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        return f"http://{host}:{self.port}"


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; see the module's docstring for the exit status."""
    parser = argparse.ArgumentParser(prog="labelcrm.launcher.run", description="Run labelcrm with everything it needs.")
    parser.add_argument("--demo", action="store_true", help="play a small company's traffic, in a home of its own")
    demo = parser.parse_args(arguments).demo
    if demo:
        os.environ.setdefault("LABELCRM_HOME", "var/demo")
    log = Log()
    try:
        address = ListenAddress.from_environment()
        home = _own_home()
        with _locked(home):
            _run(home=home, address=address, demo=demo, log=log, stopping=StopRequest())
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ServiceError as error:
        sys.stderr.write(f"labelcrm stopped: {error}\n")
        return 1
    return 0


def _run(*, home: Path, address: ListenAddress, demo: bool, log: Log, stopping: StopRequest) -> None:
    data, account = _data_folder(home)
    _clear_leftovers(home)
    _check_address(address)
    _write_keys(home, data=data)
    sockets = private_folder(SOCKETS_PREFIX, account)
    _write_urls(home, urls={}, sockets=sockets)
    supervisor = Supervisor(log)
    try:
        servers = _plan_servers(data=data, sockets=sockets, account=account)
        servers.clear_leftovers()
        environment = _environment(home, servers)
        _check_settings(environment)
        _announce(servers, account=account, data=data, log=log)
        _keep_running(_Start(home, address, demo, servers, environment, supervisor, stopping), sockets=sockets)
    finally:
        _ignore_signals()
        if supervisor.pids():
            log.plain("Stopping.")
        supervisor.stop()
        leftovers.end(leftovers.marked(home))
        _write_urls(home, urls={})
        shutil.rmtree(sockets, ignore_errors=True)


@dataclass(frozen=True)
class _Start:
    """What the steps of one start share."""

    home: Path
    address: ListenAddress
    demo: bool
    servers: Embedded
    environment: dict[str, str]
    supervisor: Supervisor
    stopping: Callable[[], bool]

    @property
    def log(self) -> Log:
        return self.supervisor.log


def _keep_running(start: _Start, *, sockets: Path) -> None:
    """Everything from the first server to the stop; ServiceError when one cannot be kept running."""
    start.servers.start(start.supervisor, stopping=start.stopping)
    _write_urls(start.home, urls=start.servers.environment(), sockets=sockets)
    said = _prepare(start)
    if not start.stopping():
        for child in _children(start):
            start.supervisor.start(child)
        _wait_for_web(start)
    if not start.stopping():
        _summarise(start, said=said)
        if start.demo:
            _play_demo(start)
    start.supervisor.watch(until=start.stopping)


# -- Before the start ---------------------------------------------------------------------------------------------


def _own_home() -> Path:
    home = env.home()
    try:
        # Root lets its servers' user pass through, not look in.
        home.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        owner = (home / env.SERVICES_FILE).stat().st_uid
    except FileNotFoundError:
        owner = os.geteuid()
    except OSError as error:
        raise ConfigurationError(f"LABELCRM_HOME={home} cannot be used: {error.strerror}.") from error
    if owner != os.geteuid():
        raise ConfigurationError(f"LABELCRM_HOME={home} belongs to another user: run this as that user.")
    if not os.access(home, os.W_OK | os.X_OK):
        raise ConfigurationError(f"LABELCRM_HOME={home} cannot be written to by this user.")
    return home


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One launcher per LABELCRM_HOME; the system drops the lock of a killed one."""
    folder = os.open(home, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"labelcrm already runs with LABELCRM_HOME={home}: stop it first, or set LABELCRM_HOME to another "
                "folder."
            ) from None
        yield
    finally:
        os.close(folder)


def _data_folder(home: Path) -> tuple[Path, SystemAccount]:
    """PostgreSQL's folder and user. In LABELCRM_HOME, unless root's servers' user cannot get there."""
    inside = home / "postgres"
    account = account_for(inside)
    if inside.exists() or account.can_enter(home):
        return inside, account
    outside = SHARED_DATA / hashlib.sha256(str(home).encode()).hexdigest()[:16] / "postgres"
    return outside, account_for(outside)


def _clear_leftovers(home: Path) -> None:
    """End what a killed launcher of this home left running, and remove its socket folder."""
    found = leftovers.marked(home)
    sockets = Path(env.services().get("sockets") or "/nonexistent")
    if sockets.name.startswith(SOCKETS_PREFIX):
        found += leftovers.working_in([sockets])
    if found:
        print("Ending what an earlier start left running.", flush=True)
        leftovers.end(found)
    if sockets.name.startswith(SOCKETS_PREFIX):
        shutil.rmtree(sockets, ignore_errors=True)


def _check_address(address: ListenAddress) -> None:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(NOT_OUR_ADDRESS.format(address.host)) from error
    family, kind, protocol, _name, where = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise ConfigurationError(NOT_OUR_ADDRESS.format(address.host)) from error
            raise ConfigurationError(
                f"Port {address.port} on {address.host} cannot be used ({error.strerror}): "
                "stop the program that holds it, or choose another with PORT=…"
            ) from error


def _write_keys(home: Path, *, data: Path) -> None:
    """Make SECRET_KEY and the encryption key at the first start; afterwards they are never replaced."""
    services = env.services()
    if data.exists() and "encryption_key" not in services and not os.environ.get("ENCRYPTION_KEY"):
        raise ConfigurationError(
            f"{home / env.SERVICES_FILE} is gone, and with it the key that the gateways' credentials are encrypted "
            "with: restore the file from a backup, or set ENCRYPTION_KEY."
        )
    services.setdefault("secret_key", secrets.token_urlsafe(50))
    services.setdefault("encryption_key", urlsafe_b64encode(secrets.token_bytes(32)).decode())
    write_services(home, services | {"data": str(data)})


def _plan_servers(*, data: Path, sockets: Path, account: SystemAccount) -> Embedded:
    return plan(
        data=data,
        sockets=sockets,
        account=account,
        durable=True,
        postgres=not os.environ.get("DATABASE_URL"),
        redis=not os.environ.get("REDIS_URL"),
    )


def _environment(home: Path, servers: Embedded) -> dict[str, str]:
    own = {
        "DJANGO_SETTINGS_MODULE": "labelcrm.settings",
        "LABELCRM_HOME": str(home),
        leftovers.MARKER: str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), CELERY_AS_ROOT])),
    }
    return dict(os.environ) | own | servers.environment()


def _check_settings(environment: dict[str, str]) -> None:
    """Read the settings as the children will, so that a wrong one is named before anything starts."""
    os.environ.update(environment)
    importlib.import_module("labelcrm.settings")
    for name in PROCESSES:
        command_line(name)


def _announce(servers: Embedded, *, account: SystemAccount, data: Path, log: Log) -> None:
    if servers.cluster and account.popen_arguments():
        log.plain(f"Running as root: PostgreSQL and Redis run as {account.name}, with the data in {data}.")


# -- The start ----------------------------------------------------------------------------------------------------


def _prepare(start: _Start) -> list[str]:
    """Bring database and seeds up to date, or stop at our stop; what `setup` said belongs into the summary."""
    if start.stopping():
        return []
    running = Running(_one_off(start, "setup", "-m", "labelcrm.launcher.prepare"), Log(shown=False))
    while not running.is_dead() and not start.stopping():
        time.sleep(TICK_SECONDS / 4)
    if start.stopping():
        running.stop()
        return []
    how = running.bury()
    if running.process.returncode:
        for line in running.said:
            start.log.line("setup", line)
        raise ServiceError(f"bringing the database up to date ended with {how}: {running.last_line}")
    return list(running.said)


def _one_off(start: _Start, name: str, *arguments: str) -> Child:
    command = [sys.executable, *arguments]
    return Child(name=name, command=command, environment=start.environment, popen_arguments=IN_PRIVATE)


def _children(start: _Start) -> list[Child]:
    """Web, the two workers and beat, in the order of their start."""
    return [
        _child(start, "web", patience=10, noise=("Configuration allows spawning up to",)),
        _child(start, "worker", patience=20),
        _child(start, "slow", patience=20),
        _child(start, "beat", patience=5),
    ]


def _child(start: _Start, name: str, *, patience: float, noise: tuple[str, ...] = ()) -> Child:
    return Child(
        name=name,
        command=command_line(name),
        environment=start.environment,
        patience=patience,
        popen_arguments=IN_PRIVATE,
        noise=noise,
    )


def _wait_for_web(start: _Start) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not start.stopping() and not _is_healthy(start.address):
        start.supervisor.tend()
        if time.monotonic() > deadline:
            raise ServiceError(f"web did not answer on {start.address.url}/healthz within {READY_SECONDS} s")
        time.sleep(TICK_SECONDS)


def _is_healthy(address: ListenAddress) -> bool:
    connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _summarise(start: _Start, *, said: list[str]) -> None:
    lines = [f"labelcrm is ready at {start.address.url}/", *said]
    lines += [f"Data: {start.home} · Stop: Ctrl-C"]
    start.log.plain("\n" + "\n".join(f"  {line}" for line in lines) + "\n")


def _play_demo(start: _Start) -> None:
    """Play the demo's traffic against the running site; the site stays whatever comes of it."""
    child = _one_off(start, "demo", str(BASE_DIR / "manage.py"), "play_demo", "--url", start.address.url)
    running = Running(child, start.log)
    start.supervisor.watch(until=lambda: start.stopping() or running.is_dead())
    if not running.is_dead():
        running.stop()
    elif how := running.bury():
        start.log.line("demo", f"ended with {how}")


# -- The end --------------------------------------------------------------------------------------------------------


def _ignore_signals() -> None:
    """Stopping is under way and bounded in time; a second Ctrl-C must not leave half of it undone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _write_urls(home: Path, *, urls: dict[str, str], sockets: Path | None = None) -> None:
    services = {name: value for name, value in env.services().items() if name not in {"database_url", "redis_url"}}
    services |= {name.lower(): url for name, url in urls.items()} | {"sockets": str(sockets or "")}
    write_services(home, services)


if __name__ == "__main__":
    sys.exit(main())
