"""Posting as a patient gateway does: again after a 503, never after a refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from demo.playing import DemoError, _deliver
from demo.senders import WebhookPost

POST = WebhookPost("/hooks/waha/toko/", {"Content-Type": "application/json"}, b"{}")


class Site(BaseHTTPRequestHandler):
    """Answers with the next of `answers`."""

    protocol_version = "HTTP/1.1"
    answers: list[int] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.answers.pop(0))
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def connection() -> Iterator[HTTPConnection]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    connection = HTTPConnection("127.0.0.1", server.server_address[1])
    yield connection
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_not_stored_is_posted_again(connection: HTTPConnection) -> None:
    Site.answers = [503, 503, 202]
    _deliver(connection, POST)
    assert Site.answers == []


def test_a_repeat_is_as_good_as_stored(connection: HTTPConnection) -> None:
    Site.answers = [200]
    _deliver(connection, POST)


def test_a_refusal_ends_the_demo_with_a_sentence(connection: HTTPConnection) -> None:
    Site.answers = [401, 202]
    with pytest.raises(DemoError, match="answered 401"):
        _deliver(connection, POST)
    assert Site.answers == [202]
