"""Pytest plugin, loaded by pyproject.toml: a real PostgreSQL and Redis for every run, a Chromium where there is one.

Before Django's settings load it sets DATABASE_URL and REDIS_URL to fresh throw-away servers that end with the run,
even a killed one. DATABASE_URL / REDIS_URL in the environment are used instead, and with
LABELCRM_TEST_HOME=DIR the PostgreSQL that `make test-services LABELCRM_TEST_HOME=DIR` keeps running is shared. Each
run has a database name of its own, so that several can run side by side.

`make test` spreads the files over a process per core (pytest-xdist). The first process starts the servers; each of the
others finds their URLs in its environment and takes a database of its own in both. The longest files come first, so
that no process is left alone with one in the end.

What is loaded before the first test stays to the end, so the garbage collector need not walk over it again and again:
that took a sixth of all processor time.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import re
import shutil
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

# Before labelcrm.env is imported: a developer's .env must not change what the tests see.
os.environ["LABELCRM_ENV_FILE"] = os.devnull

from labelcrm.env import BASE_DIR, SERVICES_FILE
from labelcrm.launcher import ServiceError
from labelcrm.launcher.throwaway import throwaway_services

FIXED_SETTINGS = {
    "SECRET_KEY": "tests-only-" + "x" * 50,
    "ENCRYPTION_KEY": base64.urlsafe_b64encode(b"tests only, thirty-two bytes lng").decode(),
    "DJANGO_SETTINGS_MODULE": "labelcrm.settings",
    # playwright's synchronous API keeps an event loop on the test's thread, which Django takes for async code
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
}
# By how long they take, those that wait in turn with those that compute. The first needs no database: meanwhile the
# others make theirs.
LONGEST = (
    "launcher/test_run.py", "browser/test_crawl.py", "api/test_openapi.py", "live/test_flood.py",
    "desk/test_other_teams.py", "live/test_gateways.py", "browser/test_connection.py", "browser/test_keyboard.py",
    "live/test_killed_export.py", "browser/test_search.py", "browser/test_home_live.py", "live/test_long_import.py",
    "live/test_long_work.py", "desk/test_every_page.py", "desk/home/test_page.py", "live/test_rule_replay.py",
    "labels/test_projections.py", "labels/test_merging.py", "browser/test_segments.py", "browser/test_days.py",
    "reports/segments/test_against_slow.py", "browser/test_report_pictures.py", "api/test_bad_input.py",
    "odd/test_crawl.py", "adversarial/test_again_from_the_records.py", "adversarial/test_label_names.py",
)  # fmt: skip
GARBAGE = 20_000  # so many new objects, and the collector looks at them; a page makes as many
PLAIN_DRAWING = ("--disable-gpu", "--in-process-gpu")  # else it plays a graphics card, which takes a seventh more
NO_CHROMIUM = "no Chromium found: install one or set CHROMIUM to its program"

_stack = ExitStack()
gc.disable()  # until all tests are collected


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Start the services first: pytest-django loads the settings in this same hook, inside this wrapper."""
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        try:
            _prepare_environment()
        except ServiceError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives a real Chromium; skipped where there is none")
    config.addinivalue_line("markers", "full: only in `make test-full`")
    # Registered here, after the installed plugins, so that its fixtures win over pytest-playwright's.
    config.pluginmanager.register(BrowserFixtures(), "labelcrm-browser")
    if os.environ.get("PYTEST_XDIST_WORKER"):
        config.pluginmanager.register(LongestFirst(), "labelcrm-longest-first")


def pytest_unconfigure() -> None:
    _stack.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip browser tests without a Chromium, except in CI, where that is an error; keep `full` for the full run."""
    browser = [item for item in items if item.get_closest_marker("browser")]
    if browser and find_chromium() is None:
        if os.environ.get("CI"):
            raise pytest.UsageError(f"CI is set and {NO_CHROMIUM}")
        for item in browser:
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))
    if not is_full_run():
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="only in `make test-full`"))


def pytest_collection_finish() -> None:
    """From here on the collector works, on what the tests make."""
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)
    gc.enable()


class LongestFirst:
    """In a process among several: the order in which files are handed out."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        rank = {f"tests/{name}": place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = sum(NO_CHROMIUM in str(report.longrepr) for report in terminalreporter.getreports("skipped"))
    if skipped:
        terminalreporter.write_line(f"Skipped {skipped} browser tests, {NO_CHROMIUM}.")


def find_chromium() -> str | None:
    """The Chromium that browser tests drive: CHROMIUM, else the first on PATH."""
    names = [os.environ.get("CHROMIUM") or "chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, names) if path), None)


def is_full_run() -> bool:
    """Whether this is `make test-full`: long property and scenario counts."""
    return os.environ.get("LABELCRM_TEST_FULL") == "1"


class BrowserFixtures:
    """What browser tests share."""

    @pytest.fixture(scope="session")
    @classmethod
    def chromium_path(cls) -> str:
        """The program of the Chromium found on this machine."""
        path = find_chromium()
        if path is None:
            pytest.skip(NO_CHROMIUM)
        return path

    @pytest.fixture(scope="session")
    @classmethod
    def browser_type_launch_args(cls, chromium_path: str) -> dict[str, Any]:
        """pytest-playwright starts the system's Chromium; as root that runs only without its sandbox."""
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        return {"executable_path": chromium_path, "args": [*arguments, *PLAIN_DRAWING]}


def _prepare_environment() -> None:
    _forget_exported_settings()
    os.environ.update(FIXED_SETTINGS)
    shared = _shared_database_url()
    if shared:
        os.environ.setdefault("DATABASE_URL", shared)
    missing = {"postgres": not os.environ.get("DATABASE_URL"), "redis": not os.environ.get("REDIS_URL")}
    urls = _stack.enter_context(throwaway_services(**missing))
    os.environ.update({name.upper(): url for name, url in urls.items()})
    os.environ["DATABASE_URL"] = _own_name(os.environ["DATABASE_URL"])
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        os.environ["REDIS_URL"] = _own_number(os.environ["REDIS_URL"], 1 + int(worker.removeprefix("gw")))


def _forget_exported_settings() -> None:
    """A PORT or TIME_ZONE in the shell must not change what the tests see either."""
    known = re.findall(r"^#([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), flags=re.MULTILINE)
    for name in set(known) - {"DATABASE_URL", "REDIS_URL", "LABELCRM_SERVICES"}:
        os.environ.pop(name, None)


def _shared_database_url() -> str | None:
    folder = os.environ.get("LABELCRM_TEST_HOME")
    if not folder:
        return None
    try:
        return str(json.loads((Path(folder) / SERVICES_FILE).read_text())["database_url"])
    except FileNotFoundError:
        raise ServiceError(
            f"Nothing runs in LABELCRM_TEST_HOME={folder}: start `make test-services LABELCRM_TEST_HOME={folder}`."
        ) from None


def _own_name(url: str) -> str:
    """The same server, a database name with our process id; Django puts `test_` before it and creates that."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}_{os.getpid()}"))


def _own_number(url: str, number: int) -> str:
    """The same Redis, another of its numbered databases."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
