"""Posting to the receiver as a gateway does, through its own WSGI door."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from webhooks.receiver.application import Receiver


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return json.loads(self.body)["error"]["code"]


def _no_django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise AssertionError("the request was for the receiver")


def request(
    path: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    content_type: str | None = "application/json",
    query: str = "",
    length: int | str | None = None,
    **headers: str,
) -> Answer:
    """One request to the receiver; keyword headers are spelled with underscores."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body) if length is None else length),
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    caught: dict[str, Any] = {}

    def start_response(status: str, response_headers: list[tuple[str, str]]) -> None:
        caught["status"], caught["headers"] = int(status.split(maxsplit=1)[0]), dict(response_headers)

    content = b"".join(Receiver(_no_django)(environ, start_response))
    return Answer(caught["status"], caught["headers"], content)
