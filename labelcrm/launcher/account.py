"""Which user runs the servers: PostgreSQL refuses to run as root, so root hands them to an ordinary user."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORDINARY_USER = "nobody"


@dataclass(frozen=True)
class SystemAccount:
    """A user of this machine to run a server as."""

    uid: int
    gid: int
    name: str

    def popen_arguments(self) -> dict[str, Any]:
        """Keyword arguments that make subprocess.Popen run as this user; none for the user we already are."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make the user the owner of `path` alone."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether the user can reach files in `folder`, asked of the system, not guessed from mode bits."""
        if self.uid == os.geteuid():
            return True
        command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
        return subprocess.call(command, stderr=subprocess.DEVNULL, cwd="/", **self.popen_arguments()) == 0


def account_for(data: Path) -> SystemAccount:
    """The user to run servers as: ourselves; for root the owner of the existing data folder, else `nobody`."""
    uid = os.geteuid()
    if uid == 0:
        owner = data.stat().st_uid if data.exists() else 0
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam(ORDINARY_USER)
        return SystemAccount(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)
    return SystemAccount(uid=uid, gid=os.getegid(), name="")
