"""Posts of the generic bridge: our own shape."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Account, Ad, Payloads, Post, rfc3339, said


class GenericPayloads(Payloads):
    gateway = "generic"

    def __init__(self, account: Account | None = None) -> None:
        super().__init__(account)
        self._numbers = itertools.count(1)

    def event(self, kind: str, *, at: datetime | str | None = AT, **fields: Any) -> Post:
        """Any bridge post; every one gets an id of its own unless `id` is given."""
        told = rfc3339(at) if isinstance(at, datetime) else at
        return self.post(said(**{"id": f"n8n-{next(self._numbers)}", "type": kind, "at": told, **fields}))

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT
    ) -> Post:
        return self.event("label.saved", at=at, label=said(id=label_id, name=name, color=color))

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        return self.event("label.deleted", at=at, label={"id": label_id})

    def label_on_chat(self, chat: str, label_id: str, *, on: bool, at: datetime = AT) -> Post:
        return self.event("label.added" if on else "label.removed", at=at, chat=chat, label={"id": label_id})

    def message(
        self,
        chat: str,
        *,
        text: str = "Halo kak",
        from_me: bool = False,
        message_id: str = "3EB0C0FFEE00000001",
        at: datetime = AT,
        name: str = "Budi",
        ad: Ad | None = None,
    ) -> Post:
        message = said(id=message_id, text=text, from_me=from_me, ad=ad._asdict() if ad else None)
        return self.event("message", at=at, chat=chat, name=name, message=message)

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        return self.event("status", at=at, status="working" if working else "stopped")

    def unheard_of(self) -> Post:
        return self.event("label.sparkled", label={"id": "1"})
