"""Sending one text through a gateway: what a client says of its API, the call itself, and what became of it.

A gateway's `client.py` is a row of facts: how its request looks, and which of its answers mean something else than
their status says. `send_text` makes the call, once. It never raises for what the network or the gateway does, and sorts
what happened by what may follow: a text that certainly did not go out may be sent again, one that perhaps did may not.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

import httpx

CONNECTING = 5.0  # seconds
SECONDS = 15.0  # for a whole call
LONGEST_ANSWER = 64 * 1024
LATER_STATUSES = frozenset({408, 425, 429})
# A proxy before the gateway answers so when it passed the request on and heard nothing, or nothing it understood.
UNKNOWN_STATUSES = frozenset({502, 504, 520, 524})
WAITED_IN_VAIN = ("timed out", "timeout")  # what a gateway says that handed the text to WhatsApp and heard nothing
REACHOUT_LIMIT = "463"  # WhatsApp's error of a number that may not begin new chats for a while


class SendOutcome(Enum):
    """What became of a text. LATER: it certainly did not go out. UNKNOWN: perhaps it did; never send it again."""

    SENT = "sent"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAccess:
    """Where a gateway is and what it lets us in with; `session` is its name for the number that sends."""

    base_url: str
    api_key: str = field(repr=False)
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCall:
    """A POST: the path below the gateway's address, headers besides those of JSON, and the body's content."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """The outcome, a code of ours that says why, and the HTTP status, 0 where there was none.

    Codes: host_not_allowed, unreachable, too_slow, broken_off, redirected, not_let_in, not_found, not_connected,
    bad_number, new_chat_limit, busy, gateway_error, refused.
    """

    outcome: SendOutcome
    code: str = ""
    status: int = 0


Meaning = Callable[[int, Mapping[str, Any]], tuple[SendOutcome, str] | None]


def as_the_status_says(_status: int, _answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    """For gateways whose status codes mean what HTTP says."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextClient:
    """How one gateway is asked to send a text.

    `call(access, phone, text)` takes the phone in E.164 digits without the plus. `meaning(status, answer)` gives
    outcome and code of an answer that means something else than its status says, else None.
    """

    call: Callable[[GatewayAccess, str, str], TextCall]
    meaning: Meaning = as_the_status_says
    needs_session: bool = True


def send_text(
    client: TextClient, access: GatewayAccess, *, phone: str, text: str, is_allowed: Callable[[str], bool]
) -> SendAnswer:
    """Ask a gateway to send `text` to `phone` (E.164), once; nothing leaves for an address that is not allowed.

    Takes at most about SECONDS.
    """
    call = client.call(access, phone.removeprefix("+"), text)
    url = access.base_url.rstrip("/") + call.path
    if not is_allowed(url):
        return SendAnswer(SendOutcome.REFUSED, "host_not_allowed")
    body = json.dumps(call.content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    try:
        status, content = _post(url, body, call.headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        return SendAnswer(SendOutcome.LATER, "unreachable")
    except httpx.TimeoutException:
        return SendAnswer(SendOutcome.UNKNOWN, "too_slow")
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL):
        return SendAnswer(SendOutcome.REFUSED, "refused")
    except httpx.HTTPError:  # from here on the gateway may have the request
        return SendAnswer(SendOutcome.UNKNOWN, "broken_off")
    outcome, code = client.meaning(status, _json(content)) or _meaning(status, content)
    return SendAnswer(outcome, code, status)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities this machine trusts, read once: that takes longer than a call."""
    return ssl.create_default_context()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and content, within SECONDS also from a server that sends byte by byte; follows no redirect."""
    deadline = time.monotonic() + SECONDS
    timeout = httpx.Timeout(SECONDS, connect=CONNECTING)
    verify = _trusted() if url.startswith("https:") else False
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    with (
        httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, verify=verify) as client,
        client.stream("POST", url, content=body, headers=sent) as response,
    ):
        content = b""
        for piece in response.iter_bytes():
            content += piece
            if len(content) > LONGEST_ANSWER:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("too slow")
    return response.status_code, content


def _meaning(status: int, content: bytes) -> tuple[SendOutcome, str]:
    """What any gateway's status means, where its client says nothing else."""
    if 200 <= status < 300:
        return SendOutcome.SENT, ""
    if status < 400:
        return SendOutcome.REFUSED, "redirected"
    said = content[:LONGEST_ANSWER].decode("utf-8", "replace").lower()
    if f"error {REACHOUT_LIMIT}" in said:
        return SendOutcome.LATER, "new_chat_limit"
    if status in LATER_STATUSES:
        return SendOutcome.LATER, "busy"
    if status in (401, 403):
        return SendOutcome.REFUSED, "not_let_in"
    if status < 500:
        return SendOutcome.REFUSED, "not_found" if status == 404 else "refused"
    if status in UNKNOWN_STATUSES or any(words in said for words in WAITED_IN_VAIN):
        return SendOutcome.UNKNOWN, "too_slow"
    return SendOutcome.LATER, "gateway_error"


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content[: LONGEST_ANSWER + 1])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
