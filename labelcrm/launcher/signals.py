"""Notice that somebody wants us to stop, also when `make` alone was told."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from types import FrameType

SIGINT_BIT = 1 << (signal.SIGINT - 1)


class StopRequest:
    """True once SIGINT, SIGTERM or a closed terminal asked for the end; polled, because a handler that raised could
    strike between the start of a child and the note of its process id."""

    def __init__(self) -> None:
        self._requested = False
        self._make = os.getppid() if _catches_interrupt(os.getppid()) else 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # SIGHUP ignored means nohup: the terminal may go. SIGINT ignored only means a script's background job.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def __call__(self) -> bool:
        return self._requested or self._make_was_stopped()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._requested = True

    def _make_was_stopped(self) -> bool:
        """GNU make passes SIGTERM on, but not SIGINT: it stops catching that and waits for us for ever."""
        if not self._make:
            return False
        return os.getppid() != self._make or not _catches_interrupt(self._make)


def _catches_interrupt(pid: int) -> bool:
    """Whether the process is a `make` with a handler for SIGINT, from /proc; False where there is none."""
    with contextlib.suppress(OSError):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return status["Name"].strip() == "make" and bool(int(status["SigCgt"], 16) & SIGINT_BIT)
    return False
