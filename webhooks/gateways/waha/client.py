"""WAHA: `POST /api/sendText` with `X-Api-Key` (waha.devlike.pro, "Send messages").

201 with the message; 422 `{"error": "Session status is not as expected…", "status", "expected"}` while the session does
not work (devlikeapro/waha issues 835 and 1329).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhooks.gateways.sending import GatewayAccess, SendOutcome, TextCall, TextClient


def _call(access: GatewayAccess, phone: str, text: str) -> TextCall:
    return TextCall(
        path="/api/sendText",
        headers={"X-Api-Key": access.api_key},
        content={"session": access.session, "chatId": f"{phone}@c.us", "text": text, "linkPreview": False},
    )


def _meaning(status: int, answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    return (SendOutcome.LATER, "not_connected") if status == 422 and "expected" in answer else None


CLIENT = TextClient(call=_call, meaning=_meaning)
