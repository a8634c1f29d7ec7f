"""Keep children running, show their output as one log, and stop them in the reverse order of their start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labelcrm.launcher import ServiceError

RESTART_SECONDS = 0.5
DEATHS = 5
WINDOW_SECONDS = 60
TICK_SECONDS = 0.1
LINES_KEPT = 200
COLOURS = {"web": 32, "worker": 34, "slow": 36, "beat": 35, "postgres": 90, "redis": 33}


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    `patience` is how many seconds it gets between `stop_signal` and SIGKILL. `before_restart` runs between its death
    and its next start, to clear what the dead one left. Lines with a text of `noise` in them are not shown.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    patience: float = 10
    popen_arguments: Mapping[str, Any] = field(default_factory=dict)
    before_restart: Callable[[], None] | None = None
    noise: tuple[str, ...] = ()


class Log:
    """One readable log on stdout: every line starts with the name of who said it. Silent with `shown=False`."""

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown
        self._lock = threading.Lock()
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def line(self, name: str, text: str) -> None:
        """Print one line as `name | text`. A reader that went away stops the printing, never the children."""
        prefix = f"{name:<8} |"
        if self._coloured:
            prefix = f"\033[{COLOURS.get(name, 37)}m{prefix}\033[0m"
        self.plain(f"{prefix} {text}")

    def plain(self, text: str) -> None:
        """Print a line of our own."""
        if not self._shown:
            return
        with self._lock, contextlib.suppress(OSError, ValueError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


class Running:
    """A started child: its process, the thread that copies its output, and the last lines it said."""

    def __init__(self, child: Child, log: Log) -> None:
        self.child = child
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self._log = log
        # Its own session: a Ctrl-C in the terminal reaches only us, and we stop the children in order.
        self.process = subprocess.Popen(
            child.command,
            env=dict(child.environment) or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **child.popen_arguments,
        )
        self._reader = threading.Thread(target=self._copy_output, daemon=True, name=f"log of {child.name}")
        self._reader.start()

    @property
    def last_line(self) -> str:
        """The last line it said; "" when it said nothing."""
        return self.said[-1] if self.said else ""

    def is_dead(self) -> bool:
        """Whether the process ended; it stays unreaped, so that its group's number cannot be given away."""
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def bury(self) -> str:
        """Kill what is left of its process group, reap it, and say how it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self._reader.join(timeout=1)
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def stop(self) -> None:
        """Ask it to end, wait for `patience` seconds, kill it."""
        child = self.child
        if not self.is_dead():
            self.process.send_signal(child.stop_signal)
        deadline = time.monotonic() + child.patience
        while not self.is_dead() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self.is_dead():
            self._log.line(child.name, f"did not stop within {child.patience:.0f} s and is killed")
        self.bury()

    def _copy_output(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip()
                if line and not any(text in line for text in self.child.noise):
                    self.said.append(line)
                    self._log.line(self.child.name, line)


class Supervisor:
    """Children in the order of their start. Not thread-safe: one thread starts, watches and stops."""

    def __init__(self, log: Log | None = None) -> None:
        self.log = log or Log()
        self._running: dict[str, Running] = {}
        self._deaths: dict[str, deque[float]] = {}
        self._due: dict[str, float] = {}

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self._running[child.name] = Running(child, self.log)
        self._deaths[child.name] = deque(maxlen=DEATHS)

    def is_dead(self, name: str) -> bool:
        """Whether the child is not running at this moment."""
        return self._running[name].is_dead()

    def last_line(self, name: str) -> str:
        """The last line the child said; "" when it said nothing."""
        return self._running[name].last_line

    def pids(self) -> dict[str, int]:
        """The process id of every child."""
        return {name: running.process.pid for name, running in self._running.items()}

    def watch(self, until: Callable[[], bool]) -> None:
        """Restart whoever dies until `until()` is true; ServiceError when one dies 5 times within a minute."""
        while not until():
            self.tend()
            time.sleep(TICK_SECONDS)

    def tend(self) -> None:
        """One round of watching: note deaths, restart whoever's pause is over."""
        now = time.monotonic()
        for name, running in self._running.items():
            if name in self._due:
                if now >= self._due[name]:
                    del self._due[name]
                    self._restart(running, now)
            elif running.is_dead():
                self._note_death(running, now)

    def stop(self) -> None:
        """Stop all children, the last started first."""
        for name, running in reversed(self._running.items()):
            if name not in self._due:
                running.stop()
        self._running.clear()
        self._due.clear()

    def _restart(self, running: Running, now: float) -> None:
        child = running.child
        try:
            if child.before_restart:
                child.before_restart()
            self._running[child.name] = Running(child, self.log)
        except OSError as error:  # no memory or no process left for it, perhaps only now
            self._count_death(running, now, f"could not be started: {error}")

    def _note_death(self, running: Running, now: float) -> None:
        self._count_death(running, now, f"ended with {running.bury()}")

    def _count_death(self, running: Running, now: float, how: str) -> None:
        """Try again in a moment. Raises ServiceError after `DEATHS` within a minute."""
        name = running.child.name
        deaths = self._deaths[name]
        deaths.append(now)
        self._due[name] = now + RESTART_SECONDS
        self.log.line(name, f"{how}; starting it again")
        if len(deaths) == DEATHS and now - deaths[0] < WINDOW_SECONDS:
            said = f"; its last line was: {running.last_line}" if running.last_line else ""
            raise ServiceError(f"{name} ended {DEATHS} times within a minute, the last time it {how}{said}")
