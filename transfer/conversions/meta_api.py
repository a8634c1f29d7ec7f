"""One call to Meta's Conversions API for business messaging, and what its answer means.

`POST https://graph.facebook.com/<version>/<dataset>/events` with `{"data": [event, …], "test_event_code"?}` and the
token in the `Authorization` header. An event: `event_name`, `event_time` (seconds), `event_id`, `action_source:
business_messaging`, `messaging_channel: whatsapp`, `user_data: {ctwa_clid, whatsapp_business_account_id or page_id}`,
`custom_data: {currency, value}` (Meta for Developers: "Conversions API for Business Messaging: Onboarding Guide",
"Automatic Events API", "Using the API"). Ids of Meta's own are sent in clear, and nothing else about a person: no
number, no name. One bad event makes Meta refuse the whole batch, of at most 1,000. Events of the same `event_id` and
name count once.

Meta's errors are `{"error": {"message", "code", "error_subcode", "is_transient", "error_user_msg"}}`. Which codes mean
"later" and which mean the token or its rights is from memory (Graph API, "Handling Errors").
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import httpx

from labelcrm.core.outbound import is_allowed
from transfer.conversions.conversion_lines import CURRENCY
from transfer.conversions.models import MetaConnection

SECONDS = 15.0  # for a whole call
LONGEST_ANSWER = 64 * 1024
TOLD = 300  # characters that are kept of what Meta says
LATER_CODES = frozenset({1, 2, 4, 17, 32, 341, 368, 613, 80004})
DOOR_CODES = frozenset({10, 102, 190, 803, *range(200, 300)})


class CallOutcome(Enum):
    """What became of a call: `STOP` says that no other would fare better until a person did something."""

    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class MetaAnswer:
    """The outcome, a code of ours that says why, and what Meta said."""

    outcome: CallOutcome
    code: str = ""
    told: str = ""


def event_of(conversion: Any, connection: MetaConnection) -> dict[str, Any]:
    """A conversion, whose event is loaded, as Meta wants it."""
    user = {"ctwa_clid": conversion.click_id}
    if connection.business_account_id:
        user["whatsapp_business_account_id"] = connection.business_account_id
    if connection.page_id:
        user["page_id"] = connection.page_id
    event: dict[str, Any] = {
        "event_name": conversion.event.meta_name,
        "event_time": int(conversion.occurred_at.timestamp()),
        "event_id": conversion.key,
        "action_source": "business_messaging",
        "messaging_channel": "whatsapp",
        "user_data": user,
    }
    if conversion.value is not None:
        event["custom_data"] = {"currency": CURRENCY, "value": int(conversion.value)}
    return event


def call(events: Sequence[Mapping[str, Any]], connection: MetaConnection) -> MetaAnswer:
    """Tell Meta these events. Never raises for what the network or Meta does."""
    url = f"{connection.address.rstrip('/')}/{connection.version}/{connection.dataset_id}/events"
    if not is_allowed(url):
        return MetaAnswer(CallOutcome.STOP, "host_not_allowed")
    body: dict[str, Any] = {"data": list(events)}
    if connection.test_event_code:
        body["test_event_code"] = connection.test_event_code
    try:
        response, content = _post(url, body, connection.access_token)
    except httpx.TimeoutException:
        return MetaAnswer(CallOutcome.LATER, "timeout")
    except httpx.HTTPError as error:
        return MetaAnswer(CallOutcome.LATER, "unreachable", _safe(str(error), connection))
    return _meaning(response, _json(content), len(events), connection)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities this machine trusts, read once: that takes longer than a call."""
    return ssl.create_default_context()


def _post(url: str, body: Mapping[str, Any], token: str) -> tuple[httpx.Response, bytes]:
    """The answer and as much of its content as is read, within SECONDS also from a server that sends byte by byte."""
    deadline = time.monotonic() + SECONDS
    with (
        httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False, verify=_trusted()) as client,
        client.stream("POST", url, json=body, headers={"Authorization": f"Bearer {token}"}) as response,
    ):
        content = b""
        for piece in response.iter_bytes():
            content += piece
            if len(content) > LONGEST_ANSWER:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("too slow")
    return response, content


def _meaning(response: httpx.Response, answer: dict[str, Any], count: int, connection: MetaConnection) -> MetaAnswer:
    error = answer.get("error") if isinstance(answer.get("error"), dict) else None
    told = _safe(_said(error), connection) if error else f"HTTP {response.status_code}"
    code = error.get("code") if error else None
    if response.status_code == 429 or response.status_code >= 500 or code in LATER_CODES or _is_transient(error):
        return MetaAnswer(CallOutcome.LATER, "busy", told)
    if response.status_code in (401, 403) or code in DOOR_CODES:
        return MetaAnswer(CallOutcome.STOP, "not_let_in", told)
    if response.is_success and not error:
        received = answer.get("events_received")
        return MetaAnswer(CallOutcome.SENT) if received == count else MetaAnswer(CallOutcome.LATER, "unclear", told)
    if response.is_redirect or response.status_code == 404:
        return MetaAnswer(CallOutcome.STOP, "wrong_address", told)
    return MetaAnswer(CallOutcome.REFUSED, "refused", told)


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content[: LONGEST_ANSWER + 1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_transient(error: Mapping[str, Any] | None) -> bool:
    return error is not None and error.get("is_transient") is True


def _said(error: Mapping[str, Any]) -> str:
    """What Meta says to people, else to programs, with its codes."""
    words = str(error.get("error_user_msg") or error.get("message") or "")
    codes = "/".join(str(error[name]) for name in ("code", "error_subcode") if error.get(name))
    return f"{words} ({codes})" if codes else words


def _safe(text: str, connection: MetaConnection) -> str:
    """Without the token, whoever quotes it, and no longer than we keep."""
    clean = text.replace(connection.access_token, "…") if connection.access_token else text
    return clean.replace("\x00", "")[:TOLD]
