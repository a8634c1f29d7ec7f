"""GOWA: `POST /send/message` with Basic auth and `X-Device-Id` (its docs/openapi.yaml and src/pkg/error).

The key of the channel is `user:password`, as in `APP_BASIC_AUTH`. 200 with `code` SUCCESS; 400 INVALID_JID for a
number without WhatsApp; 404 DEVICE_NOT_FOUND; 429 WA_REACHOUT_TIMELOCK; 500 INVALID_WA_CLI and 401 AUTHENTICATION_ERROR
while the number is not connected, where a wrong password is 401 without JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from webhooks.gateways.sending import GatewayAccess, SendOutcome, TextCall, TextClient

CODES = {
    "INVALID_JID": (SendOutcome.REFUSED, "bad_number"),
    "INVALID_WA_CLI": (SendOutcome.LATER, "not_connected"),
    "AUTHENTICATION_ERROR": (SendOutcome.LATER, "not_connected"),
    "WA_REACHOUT_TIMELOCK": (SendOutcome.LATER, "new_chat_limit"),
}


def _call(access: GatewayAccess, phone: str, text: str) -> TextCall:
    basic = base64.b64encode(access.api_key.encode()).decode()
    device = {"X-Device-Id": access.session} if access.session else {}
    return TextCall(
        path="/send/message",
        headers={"Authorization": f"Basic {basic}", **device},
        content={"phone": f"{phone}@s.whatsapp.net", "message": text},
    )


def _meaning(status: int, answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    return CODES.get(str(answer.get("code"))) if status >= 400 else None


CLIENT = TextClient(call=_call, meaning=_meaning, needs_session=False)
