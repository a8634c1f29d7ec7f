"""The command lines of web, worker and beat, the same for `make run`, containers and systemd.

`python -m labelcrm.launcher.processes web|worker|slow|beat` becomes that process, with servers of your own.
"""

from __future__ import annotations

import os
import sys

from labelcrm import env
from labelcrm.env import ConfigurationError

# Celery's warning is about pickle, which we never accept.
CELERY_AS_ROOT = "ignore:You're running the worker with superuser privileges"


def web() -> list[str]:
    """granian, WSGI, one process. Its threads mostly wait, for the database or to stream."""
    threads = env.integer("WEB_THREADS", default=48, minimum=1, maximum=1000)
    host, port = env.string("HOST", default="127.0.0.1"), env.port("PORT")
    command = ["granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "1", "--no-ws"]
    # Open event streams would hold a stop up for ever.
    command += ["--blocking-threads", str(threads), "--workers-kill-timeout", "3"]
    return [*command, "labelcrm.wsgi:application"]


def worker() -> list[str]:
    """Celery's prefork worker; it asks nobody about other workers, the database keeps lanes apart."""
    processes = env.integer("WORKER_PROCESSES", default=2, minimum=1, maximum=64)
    return _celery_worker("celery", processes)


def slow() -> list[str]:
    """The worker of long work: one job at a time, so that a drain never waits for it."""
    return _celery_worker("slow", 1)


def _celery_worker(queue: str, processes: int) -> list[str]:
    command = ["celery", "--quiet", "--app", "labelcrm", "worker", "--queues", queue, "--hostname", f"{queue}@%h"]
    return [*command, "--concurrency", str(processes), "--without-gossip", "--without-mingle"]


def beat() -> list[str]:
    """Celery's scheduler. Two at once are harmless: every job takes a lock in the database."""
    schedule = env.home() / "beat-schedule"
    return ["celery", "--quiet", "--app", "labelcrm", "beat", "--schedule", str(schedule), "--pidfile", ""]


PROCESSES = {"web": web, "worker": worker, "slow": slow, "beat": beat}


def command_line(name: str) -> list[str]:
    """The full command of one process, run by this Python."""
    return [sys.executable, "-m", *PROCESSES[name]()]


def main(arguments: list[str]) -> int:
    """Become the named process."""
    if len(arguments) != 1 or arguments[0] not in PROCESSES:
        sys.stderr.write(f"Name one of: {', '.join(PROCESSES)}.\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")
    try:
        import labelcrm.settings  # noqa: F401 - a wrong setting is named before anything starts

        command = command_line(arguments[0])
        os.execv(command[0], command)  # noqa: S606 - no shell wanted
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
