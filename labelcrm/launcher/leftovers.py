"""Find and end processes that a killed launcher left behind.

Every child carries MARKER=<LABELCRM_HOME> in its environment, which its own children inherit. PostgreSQL and Redis
overwrite theirs, but work in a folder that is theirs alone. Both are read from /proc; where there is none (macOS)
nothing is found, and PostgreSQL's own pid file must do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

MARKER = "LABELCRM_STARTED_BY"


def marked(home: Path) -> list[int]:
    """Processes that a launcher of this LABELCRM_HOME started, ourselves and our parents apart."""
    wanted = f"{MARKER}={home}".encode()
    return [pid for pid in _others() if wanted in _read(pid, "environ").split(b"\0")]


def working_in(folders: Iterable[Path]) -> list[int]:
    """Processes whose current folder is one of `folders`, even where the folder was deleted meanwhile."""
    wanted = {str(folder) for folder in folders}
    wanted |= {f"{folder} (deleted)" for folder in wanted}
    return [pid for pid in _others() if _current_folder(pid) in wanted]


def end(pids: list[int], *, patience: float = 10) -> None:
    """SIGTERM, then after `patience` seconds SIGKILL; returns when they are gone."""
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(_is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    remaining = [pid for pid in pids if _is_alive(pid)]
    _signal(remaining, signal.SIGKILL)
    while any(_is_alive(pid) for pid in remaining) and time.monotonic() < deadline + 5:
        time.sleep(0.05)


def _others() -> list[int]:
    own = {os.getpid(), os.getppid()}
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if int(entry.name) not in own]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # gone, or another user's
        return b""


def _current_folder(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    """Running, not only waiting for its parent to take note of its end."""
    state = _read(pid, "stat").rpartition(b")")[2].split()
    return bool(state) and state[0] not in {b"Z", b"X"}


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
