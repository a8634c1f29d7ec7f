"""Make `.venv` and install pinned requirements: `python3 labelcrm/launcher/install.py requirements.txt …`.

Run by the Makefile with the machine's Python before anything is installed, so: standard library only, no import of
labelcrm, and no syntax that a Python too old to run labelcrm would stumble over before it can say so.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
OLDEST_PYTHON = (3, 11)


def main(names: list[str]) -> int:
    """Bring .venv in step with the named requirement files, all of them installed in one go."""
    python = os.path.join(VENV, "bin", "python")
    whole = _runs(python)
    problem = _problem_with_python(needs_venv=not whole)
    if problem:
        sys.stderr.write(problem + "\n")
        return 2
    os.makedirs(VENV, exist_ok=True)
    with open(os.path.join(VENV, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once must not install over each other
        if not whole and not _runs(python):  # the other `make` may have made it meanwhile
            sys.stderr.write("Creating .venv\n")
            code = subprocess.call([sys.executable, "-m", "venv", "--clear", VENV])
            if code:
                sys.stderr.write("Creating .venv failed; the lines above say why.\n")
                return code
        return install(names, python=python)


def install(names: list[str], *, python: str) -> int:
    """Install requirement files with hashes into `python`'s venv unless their stamp says that they are there."""
    missing = [name for name in names if _read(_stamp(name, python)) != _fingerprint(name, python)]
    if not missing:
        return 0
    sys.stderr.write(f"Installing {' and '.join(missing)}\n")
    command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--no-compile"]  # what is imported is compiled then: a fifth of what is installed
    for name in missing:
        command += ["-r", os.path.join(ROOT, name)]
    code = subprocess.call(command, stdout=sys.stderr)
    if code:
        sys.stderr.write(f"Installing {' and '.join(missing)} failed; the lines above say why.\n")
        return code
    for name in missing:
        with open(_stamp(name, python), "w") as stamp:
            stamp.write(_fingerprint(name, python))
    return 0


def _problem_with_python(*, needs_venv: bool) -> str | None:
    if sys.version_info < OLDEST_PYTHON:
        return (
            "labelcrm needs Python 3.11 or newer and this is {}.{}: install one and name it, "
            "for example `make run PYTHON=python3.12`."
        ).format(*sys.version_info[:2])
    # Debian ships them apart from python3.
    if needs_venv and not (_can_import("venv") and _can_import("ensurepip")):
        return "This Python cannot create a virtual environment: install python3-venv (apt install python3-venv)."
    return None


def _can_import(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _runs(python: str) -> bool:
    """Whether the venv is whole: a copied folder or an upgraded system Python leaves one that is not."""
    try:
        return subprocess.call([python, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _stamp(name: str, python: str) -> str:
    return os.path.join(os.path.dirname(os.path.dirname(python)), f".installed-{name}")


def _fingerprint(name: str, python: str) -> str:
    with open(os.path.join(ROOT, name), "rb") as requirements:
        return f"{hashlib.sha256(requirements.read()).hexdigest()} {os.path.realpath(python)}"


def _read(path: str) -> str:
    try:
        with open(path) as stamp:
            return stamp.read()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
