"""A server that speaks HTTP to the byte as Meta's does, and keeps what it was told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = Callable[[dict[str, Any]], tuple[int, Any]]


class FakeMeta:
    """`answers` gives status and body for each request; a body of bytes goes out as it is."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.requests: list[dict[str, Any]] = []
        self.delay = 0.0
        self.answers: Answers = lambda body: (200, {"events_received": len(body["data"]), "fbtrace_id": "A1"})
        self.headers: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def told(self) -> list[str]:
        """The ids of the events of all requests, in order."""
        return [event["event_id"] for request in self.requests for event in request["body"]["data"]]


def error(status: int, code: int, message: str, **more: Any) -> tuple[int, Any]:
    """An error as the Graph API writes it."""
    return status, {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"} | more}


@contextmanager
def fake_meta() -> Iterator[FakeMeta]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            found.requests.append({"path": self.path, "headers": dict(self.headers), "body": body, "raw": raw})
            time.sleep(found.delay)
            status, answer = found.answers(body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | found.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = FakeMeta(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
