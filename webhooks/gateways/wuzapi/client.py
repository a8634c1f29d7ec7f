"""Wuzapi: `POST /chat/send/text` with the user's `Token` (its API.md, "Send Text Message", and handlers.go).

Answers are `{"code", "success", "data" or "error"}`; 500 "no session" while the user is not connected. The token alone
says which number sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhooks.gateways.sending import GatewayAccess, SendOutcome, TextCall, TextClient


def _call(access: GatewayAccess, phone: str, text: str) -> TextCall:
    return TextCall(
        path="/chat/send/text", headers={"Token": access.api_key}, content={"Phone": phone, "Body": text}
    )  # fmt: skip


def _meaning(status: int, answer: Mapping[str, Any]) -> tuple[SendOutcome, str] | None:
    error = str(answer.get("error", "")).lower()
    if status == 500 and ("no session" in error or "not connected" in error or "not logged in" in error):
        return SendOutcome.LATER, "not_connected"
    return (SendOutcome.REFUSED, "refused") if status == 200 and answer.get("success") is False else None


CLIENT = TextClient(call=_call, meaning=_meaning, needs_session=False)
