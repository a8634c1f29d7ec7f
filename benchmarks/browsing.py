"""Reading the site as people and scripts do: pages with a session, the API with tokens."""

from __future__ import annotations

import copy
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any
from urllib.parse import urlencode

READERS = 12  # each with a token of its own, because one token may ask 1,200 times a minute


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, body, and the milliseconds it took."""

    status: int
    body: bytes
    ms: float


class Browser:
    """One kept connection of an owner of everything; API calls take turns with the tokens."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        users = [reader(number) for number in range(READERS)]
        self.cookie = session(users[0])
        self._tokens: Iterator[str] = itertools.cycle([_token(user) for user in users])

    def twin(self) -> Browser:
        """The same reader on a connection of its own."""
        twin = copy.copy(self)
        twin._connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        return twin

    def page(self, path: str) -> Answer:
        return self._get(path, {"Cookie": self.cookie, "Accept": "text/html"})

    def submit(self, path: str, fields: list[tuple[str, str]], *, to: str = "") -> Answer:
        """Send a form of the page at `path`, which is read first, there or `to` elsewhere; follow to where it leads."""
        page, jar = self._form(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, f"{path} has a form"
        body = urlencode([("csrfmiddlewaretoken", token[1]), *fields])
        headers = {"Cookie": jar, "Content-Type": "application/x-www-form-urlencoded", "Referer": path}
        start = time.perf_counter()
        self._connection.request("POST", to or path, body=body, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status == HTTPStatus.FOUND:
            followed = self.page(answer.headers["Location"])
            return Answer(followed.status, followed.body, (time.perf_counter() - start) * 1e3)
        raise AssertionError(f"{path} answered {answer.status}")

    def _form(self, path: str) -> tuple[str, str]:
        self._connection.request("GET", path, headers={"Cookie": self.cookie, "Accept": "text/html"})
        answer = self._connection.getresponse()
        set_cookies = answer.headers.get_all("Set-Cookie") or []
        return answer.read().decode(), "; ".join([self.cookie, *(cookie.split(";")[0] for cookie in set_cookies)])

    def api(self, path: str) -> Answer:
        return self._get(f"/api/v1/{path}", {"Authorization": f"Token {next(self._tokens)}"})

    def close(self) -> None:
        self._connection.close()

    def _get(self, path: str, headers: dict[str, str]) -> Answer:
        start = time.perf_counter()
        try:
            status, body = self._ask(path, headers)
        except RemoteDisconnected:  # the server tired of an idle connection
            self._connection.close()
            status, body = self._ask(path, headers)
        return Answer(status, body, (time.perf_counter() - start) * 1e3)

    def _ask(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def reader(number: int) -> Any:
    """The number-th user who may read everything."""
    from labelcrm.core.models import User

    user, _ = User.objects.get_or_create(username=f"reader{number}", defaults={"is_staff": True, "is_superuser": True})
    return user


def _token(user: Any) -> str:
    from rest_framework.authtoken.models import Token

    return str(Token.objects.get_or_create(user=user)[0].key)


def session(user: Any) -> str:
    """A cookie header of `user`, logged in."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user, backend="contacts.access.StaffBackend")
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
