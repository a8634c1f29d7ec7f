"""Fast servers for tests that vanish with the process that asked for them, however that ends.

`with throwaway_services() as urls:` starts `python -m labelcrm.launcher.throwaway`, which starts the servers, prints
their URLs as one line of JSON and waits for the end of its standard input. A killed test run closes that pipe too.
With `--home DIR` it writes services.json there and runs until SIGINT or SIGTERM, for several runs to share.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelcrm.env import BASE_DIR, SERVICES_FILE, ConfigurationError
from labelcrm.launcher import ServiceError
from labelcrm.launcher.embedded import plan, private_folder, throwaway_account, write_services
from labelcrm.launcher.supervisor import Log, Supervisor


@contextmanager
def throwaway_services(*, postgres: bool = True, redis: bool = True) -> Iterator[dict[str, str]]:
    """{"database_url", "redis_url", "labelcrm_home"} of fresh, empty servers and a folder for LABELCRM_HOME.

    All of it is gone at the end; a server not wanted has no URL. Raises ServiceError.
    """
    wanted = [name for name, asked in (("postgres", postgres), ("redis", redis)) if asked]
    process = subprocess.Popen(
        [sys.executable, "-m", "labelcrm.launcher.throwaway", "--only", ",".join(wanted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=BASE_DIR,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    try:
        answer = process.stdout.readline()
        if not answer:
            raise ServiceError(process.stderr.read().strip() or "The test services ended without a word.")
        yield json.loads(answer)
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()
        process.stderr.close()


def main() -> int:
    """Start the servers, say where they are, and stop them when nobody needs them any more."""
    parser = argparse.ArgumentParser(description="Fast PostgreSQL and Redis for tests; nothing is kept.")
    parser.add_argument("--only", default="postgres,redis", help="postgres, redis or both")
    parser.add_argument("--home", type=Path, help="write services.json here and run until interrupted")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve(wanted=arguments.only.split(","), home=arguments.home)
    except KeyboardInterrupt:
        return 0
    except (ServiceError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _serve(*, wanted: list[str], home: Path | None) -> None:
    account = throwaway_account()
    folder = private_folder("labelcrm-test-", account)
    supervisor = Supervisor(Log(shown=False))
    try:
        servers = plan(
            data=folder / "postgres",
            sockets=folder,
            account=account,
            durable=False,
            postgres="postgres" in wanted,
            redis="redis" in wanted,
        )
        servers.start(supervisor)
        own_home = folder / "home"
        own_home.mkdir(mode=0o700)
        urls = {name.lower(): url for name, url in servers.environment().items()}
        _wait(urls | {"labelcrm_home": str(own_home)}, home=home)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)
        if home:
            (home / SERVICES_FILE).unlink(missing_ok=True)


def _wait(urls: dict[str, str], *, home: Path | None) -> None:
    print(json.dumps(urls), flush=True)
    if home is None:
        sys.stdin.read()  # ends when the process that started us does
        return
    home.mkdir(parents=True, exist_ok=True)
    write_services(home, urls)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
