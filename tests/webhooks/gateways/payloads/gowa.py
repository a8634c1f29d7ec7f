"""GOWA's posts (docs/webhook-payload.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Ad, Payloads, Post, rfc3339, said


class GowaPayloads(Payloads):
    gateway = "gowa"
    signature_header = "x-hub-signature-256"
    signature_prefix = "sha256="

    def event(self, event: str, payload: dict[str, Any], *, at: datetime | None = AT) -> Post:
        """Any GOWA event; messages carry their time inside the payload, so `at` None leaves it out here."""
        return self.post(
            said(
                event=event,
                device_id=f"{self.account.phone}@s.whatsapp.net",
                session_id=self.account.session,
                timestamp=rfc3339(at) if at else None,
                payload=payload,
            )
        )

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT, **more: Any
    ) -> Post:
        return self.event("label.edit", said(label_id=label_id, name=name, color=color, **more), at=at)

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        return self.event("label.edit", {"label_id": label_id, "deleted": True}, at=at)

    def label_on_chat(
        self, chat: str, label_id: str, *, on: bool, at: datetime = AT, chat_lid: str | None = None
    ) -> Post:
        payload = said(label_id=label_id, labeled=on, chat_id=self.jid(chat), chat_lid=chat_lid)
        return self.event("label.association", payload, at=at)

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
        **more: Any,
    ) -> Post:
        payload = said(
            id=message_id,
            chat_id=self.jid(chat),
            **{"from": f"{self.account.phone}@s.whatsapp.net" if from_me else self.jid(chat)},
            from_name="CS" if from_me else name,
            timestamp=rfc3339(at),
            is_from_me=from_me,
            body=text,
            referral=self._referral(ad) if ad else None,
        )
        return self.event("message", {**payload, **more}, at=None)

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        """GOWA tells nothing about its connection."""
        raise NotImplementedError

    def unheard_of(self) -> Post:
        return self.event("label.sparkled", {"label_id": "1"})

    def _referral(self, ad: Ad) -> dict[str, Any]:
        return {"ctwa_clid": ad.click_id, "source_url": ad.source_url, "source_id": ad.source_id, "ref": ad.ref,
                "source_app": "facebook", "media_type": "IMAGE", "ad_title": ad.headline,
                "ad_type": "CTWA"}  # fmt: skip
