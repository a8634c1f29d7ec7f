"""Servers that speak HTTP as the gateways do when they are asked to send a text, and keep what came, to the byte."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeGateway:
    """`answer` gives status and body for a request; bytes go out as they are, None breaks the connection off."""

    server: ThreadingHTTPServer
    answer: Callable[[Received], Answer | None]
    received: list[Received] = field(default_factory=list)
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def fake_gateway(answer: Callable[[Received], Answer | None]) -> Iterator[FakeGateway]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.requestline, headers, body)
            found.received.append(received)
            time.sleep(found.delay)
            answered = found.answer(received)
            if answered is None:
                self.connection.close()
                return
            status, content = answered
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | found.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = FakeGateway(server, answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


# What each gateway answers to a text that it sent (sources: the heads of the clients).
SENT: dict[str, Answer] = {
    "waha": (201, {"id": "true_628123456789@c.us_3EB0C0FFEE01", "timestamp": 1767225600, "fromMe": True}),
    "gowa": (200, {"status": 200, "code": "SUCCESS", "message": "Message sent", "results": {"message_id": "3EB0"}}),
    "wuzapi": (200, {"code": 200, "data": {"Details": "Sent", "Id": "3EB0", "Timestamp": 1767225600}, "success": True}),
    "evolution": (
        201,
        {"key": {"remoteJid": "628123456789@s.whatsapp.net", "fromMe": True, "id": "3EB0"}, "status": "PENDING"},
    ),
    "wppconnect": (201, {"status": "success", "response": [{"id": "true_628123456789@c.us_3EB0"}], "mapper": "return"}),
}


def answers_as(gateway: str) -> Callable[[Received], Answer | None]:
    """The answer of a gateway that sends everything."""
    return lambda _received: SENT[gateway]
