"""Whose address a request has, and what follows: who is locked out, and who is not."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.checks import run_checks
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from api.base import TokenThrottle
from labelcrm.core import addresses
from labelcrm.core.addresses import client_address
from tests.browser.serving import _free_port
from tests.factories import UserFactory

PASSWORD = "kata sandi panjang"
PROXY, STRANGER, RATNA = "10.0.0.1", "203.0.113.66", "198.51.100.7"


def address(said: str | None = None, *, own: str = PROXY) -> str | None:
    headers = {} if said is None else {"x-forwarded-for": said}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=own))


@pytest.mark.parametrize(
    ("proxies", "said", "expected"),
    [
        (0, None, PROXY),
        (0, "203.0.113.66", PROXY),
        (1, None, PROXY),
        (1, "203.0.113.66", "203.0.113.66"),
        (1, "1.1.1.1, 203.0.113.66", "203.0.113.66"),
        (1, "1.1.1.1,2.2.2.2,203.0.113.66", "203.0.113.66"),
        (2, "1.1.1.1, 203.0.113.66, 10.0.0.2", "203.0.113.66"),
        (2, "203.0.113.66", PROXY),
        (1, "203.0.113.66:51234", "203.0.113.66"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "::ffff:203.0.113.66", "203.0.113.66"),
        (1, "[::ffff:203.0.113.66]:80", "203.0.113.66"),
        (1, "unknown", PROXY),
        (1, "", PROXY),
        (1, "1.1.1.1,", PROXY),
        (1, "203.0.113.66, _hidden", PROXY),
        (1, "1.2.3.4.5", PROXY),
        (1, "²03.0.113.66", PROXY),
        (1, "x" * 100_000, PROXY),
        (3, "1.1.1.1, , 203.0.113.66", "1.1.1.1"),
    ],
)
def test_the_setting_says_which_entry_is_the_client(
    settings: Any, proxies: int, said: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address(said) == expected


@pytest.mark.parametrize(
    ("own", "expected"), [("::ffff:10.0.0.1", "10.0.0.1"), ("::1", "::1"), ("", None), ("@socket", None)]
)
def test_the_address_of_a_connection_is_written_one_way(own: str, expected: str | None) -> None:
    assert address(own=own) == expected


class TestLogin:
    """Behind one proxy: everybody's connection comes from it, and it adds who called it."""

    @pytest.fixture(autouse=True)
    def _one_proxy(self, settings: Any, db: None) -> None:
        settings.TRUSTED_PROXIES = 1
        UserFactory(username="ratna")

    def login(self, *, at: str, password: str, forged: str = "") -> int:
        said = f"{forged}, {at}" if forged else at
        form = {"username": "ratna", "password": password}
        headers = {"x-forwarded-for": said}
        return Client(REMOTE_ADDR=PROXY).post(reverse("admin:login"), form, headers=headers).status_code

    def guess(self, times: int, **options: Any) -> list[int]:
        return [self.login(at=STRANGER, password=f"salah {n}", **options) for n in range(times)]

    def test_a_stranger_locks_out_nobody_else(self) -> None:
        assert self.guess(10)[-1] == 429
        assert self.login(at=RATNA, password=PASSWORD) == 302

    def test_the_stranger_stays_locked_out_with_the_right_password(self) -> None:
        self.guess(10)
        assert self.login(at=STRANGER, password=PASSWORD) == 429

    def test_a_forged_header_does_not_evade_the_lockout(self) -> None:
        for n in range(10):
            self.login(at=STRANGER, password="salah", forged=f"192.0.2.{n}")
        assert self.login(at=STRANGER, password=PASSWORD, forged="192.0.2.99") == 429

    def test_a_forged_header_locks_out_nobody_else(self) -> None:
        self.guess(10, forged=RATNA)
        assert self.login(at=RATNA, password=PASSWORD) == 302

    def test_a_failed_login_is_recorded_with_the_clients_address(self) -> None:
        self.guess(1, forged=RATNA)
        assert AccessAttempt.objects.get().ip_address == STRANGER


def test_without_proxies_a_forged_header_changes_nothing(db: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    UserFactory(username="ratna")
    for n in range(10):
        form = {"username": "ratna", "password": "salah"}
        answer = Client(REMOTE_ADDR=STRANGER).post(
            reverse("admin:login"), form, headers={"x-forwarded-for": f"192.0.2.{n}"}
        )
    assert answer.status_code == 429
    assert AccessAttempt.objects.get().ip_address == STRANGER


def test_throttles_of_the_api_count_by_the_same_address(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    asked = Request(RequestFactory().get("/", headers={"x-forwarded-for": f"{RATNA}, {STRANGER}"}, REMOTE_ADDR=PROXY))
    assert TokenThrottle().get_ident(asked) == STRANGER


def test_throttles_of_the_framework_trust_no_header_by_default() -> None:
    asked = Request(RequestFactory().get("/", headers={"x-forwarded-for": RATNA}, REMOTE_ADDR=PROXY))

    class ByAddress(SimpleRateThrottle):
        rate = "1/min"

        def get_cache_key(self, request: Any, view: Any) -> str:
            return self.get_ident(request)

    assert ByAddress().get_cache_key(asked, None) == PROXY


def test_a_proxy_nobody_told_us_about_is_named_once_in_the_log(settings: Any, caplog: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    addresses._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING, "labelcrm.core.addresses"):
        for _ in range(3):
            address(STRANGER)
    assert [record.message.count("TRUSTED_PROXIES is 0") for record in caplog.records] == [1]


@pytest.mark.parametrize(("proxies", "warned"), [(0, True), (1, False)])
def test_check_deploy_warns_of_a_tls_proxy_that_is_not_counted(settings: Any, proxies: int, warned: bool) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = proxies
    found = {message.id for message in run_checks(tags=["security"], include_deployment_checks=True)}
    assert ("labelcrm.W001" in found) == warned


# -- What the web server hands on ------------------------------------------------------------------------------------

ECHO = """
import json

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR")]).encode()]
"""


@contextmanager
def _echoing(folder: Path) -> Iterator[int]:
    """Granian with an application that says what it was told."""
    (folder / "echo.py").write_text(ECHO)
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--workers", "1", "echo:application"], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            _ask(port)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the web server did not start")


def _ask(port: int, *said: str) -> list[str | None]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.putrequest("GET", "/")
        for value in said:
            connection.putheader("X-Forwarded-For", value)
        connection.endheaders()
        answer: list[str | None] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def test_the_web_server_hands_on_the_connection_and_every_header(tmp_path: Path) -> None:
    with _echoing(tmp_path) as port:
        own, said = _ask(port, "192.0.2.1", "192.0.2.2, 192.0.2.3")
        assert own == "127.0.0.1"
        assert [entry.strip() for entry in str(said).split(",")] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        assert _ask(port) == ["127.0.0.1", None]
