"""Evolution API 2: `POST /message/sendText/{instance}` with `apikey` (doc.evolution-api.com, "Send Plain Text").

201 with the message's key; 400 `{"response": {"message": [{"exists": false, "number", "jid"}]}}` for a number without
WhatsApp; 404 for an instance that does not exist; 500 "Connection Closed" while it is not connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from webhooks.gateways.sending import GatewayAccess, SendOutcome, TextCall, TextClient


def _call(access: GatewayAccess, phone: str, text: str) -> TextCall:
    return TextCall(
        path=f"/message/sendText/{quote(access.session, safe='')}",
        headers={"apikey": access.api_key},
        content={"number": phone, "text": text, "linkPreview": False},
    )


def _meaning(status: int, answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    response = answer.get("response")
    said = response.get("message") if isinstance(response, dict) else None
    listed = said if isinstance(said, list) else [said]
    if status == 400 and any(isinstance(one, dict) and one.get("exists") is False for one in listed):
        return SendOutcome.REFUSED, "bad_number"
    if status >= 500 and any("connection closed" in str(one).lower() for one in listed):
        return SendOutcome.LATER, "not_connected"
    return None


CLIENT = TextClient(call=_call, meaning=_meaning)
