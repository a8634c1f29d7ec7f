"""WPPConnect Server: `POST /api/{session}/send-message` with a Bearer token (its swagger, `messageController.ts`).

201 `{"status": "success"}`. `statusConnection.ts` answers before that: 404 `{"status": "Disconnected"}` while the
session does not run, and 400 `{"status": "Connected"}` for a number without WhatsApp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from webhooks.gateways.sending import GatewayAccess, SendOutcome, TextCall, TextClient

CODES = {
    (404, "Disconnected"): (SendOutcome.LATER, "not_connected"),
    (400, "Connected"): (SendOutcome.REFUSED, "bad_number"),
}


def _call(access: GatewayAccess, phone: str, text: str) -> TextCall:
    return TextCall(
        path=f"/api/{quote(access.session, safe='')}/send-message",
        headers={"Authorization": f"Bearer {access.api_key}"},
        content={"phone": phone, "isGroup": False, "isNewsletter": False, "isLid": False, "message": text},
    )


def _meaning(status: int, answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    return CODES.get((status, str(answer.get("status"))))


CLIENT = TextClient(call=_call, meaning=_meaning)
