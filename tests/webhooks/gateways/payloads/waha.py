"""WAHA's posts (documentation: events, labels, sessions)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Ad, Payloads, Post, milliseconds, said, seconds

HEX = (
    "#ff9485", "#64c4ff", "#ffd429", "#dfaef0", "#99b6c1", "#55ccb3", "#ff9dff", "#d3a91d", "#6d7cce", "#d7e752",
    "#00d0e2", "#ffc5c7", "#93ceac", "#f74848", "#00a0f2", "#83e422", "#ffaf04", "#b5ebff", "#9ba6ff", "#9368cf",
)  # fmt: skip


class WahaPayloads(Payloads):
    gateway = "waha"
    server = "c.us"
    signature_header = "x-webhook-hmac"
    signature_algorithm = "sha512"

    def event(self, event: str, payload: Any, *, at: datetime = AT, event_id: str | None = None) -> Post:
        """Any WAHA event in its envelope; without `event_id` one is made of the content."""
        known = hashlib.sha256(repr((event, payload, at)).encode("utf-8", "surrogatepass")).hexdigest()[:26]
        return self.post(
            {
                "id": event_id or f"evt_{known}",
                "timestamp": milliseconds(at),
                "event": event,
                "session": self.account.session,
                "metadata": {"team": "sales"},
                "me": {
                    "id": f"{self.account.phone}@c.us",
                    "pushName": "CS",
                    "lid": f"{self.account.lid}@lid",
                    "jid": f"{self.account.phone}:12@s.whatsapp.net",
                },
                "payload": payload,
                "engine": "NOWEB",
                "environment": {"version": "2026.7.1", "engine": "NOWEB", "tier": "PLUS", "browser": None},
            }
        )

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT
    ) -> Post:
        hexed = HEX[color] if color is not None and 0 <= color < len(HEX) else None
        return self.event("label.upsert", said(id=label_id, name=name, color=color, colorHex=hexed), at=at)

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        return self.event("label.deleted", {"id": label_id, "name": "", "color": 0, "colorHex": "#ff9485"}, at=at)

    def label_on_chat(
        self, chat: str, label_id: str, *, on: bool, at: datetime = AT, label: dict[str, Any] | None = None
    ) -> Post:
        event = "label.chat.added" if on else "label.chat.deleted"
        return self.event(event, {"labelId": label_id, "chatId": self.jid(chat), "label": label}, at=at)

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
        event: str | None = None,
        source: str = "app",
    ) -> Post:
        """Own messages come as `message.any`; inbound ones as both, `event` chooses."""
        own, other = f"{self.account.phone}@c.us", self.jid(chat)
        payload = {
            "id": f"{str(from_me).lower()}_{other}_{message_id}",
            "timestamp": seconds(at),
            "from": own if from_me else other,
            "to": other if from_me else own,
            "fromMe": from_me,
            "source": source,
            "body": text,
            "hasMedia": False,
            "media": None,
            "ack": 1,
            "ackName": "SERVER",
            "vCards": [],
            "_data": self._data(other, text, message_id, from_me=from_me, name=name, ad=ad),
        }
        return self.event(event or ("message.any" if from_me else "message"), payload, at=at)

    def status(self, *, working: bool, at: datetime = AT, came_from: tuple[str, ...] = ("STARTING",)) -> Post:
        status = "WORKING" if working else "STOPPED"
        statuses = [{"status": one, "timestamp": milliseconds(at)} for one in (*came_from, status)]
        return self.event("session.status", {"name": "cs", "status": status, "statuses": statuses}, at=at)

    def unheard_of(self) -> Post:
        return self.event("label.sparkled", {"id": "1"})

    def _data(
        self, other: str, text: str, message_id: str, *, from_me: bool, name: str, ad: Ad | None
    ) -> dict[str, Any]:
        content: dict[str, Any] = {"text": text}
        if ad:
            card = {"title": ad.headline, "sourceType": "ad", "sourceId": ad.source_id, "sourceUrl": ad.source_url,
                    "ctwaClid": ad.click_id, "ref": ad.ref, "sourceApp": "instagram", "mediaType": 1}  # fmt: skip
            content["contextInfo"] = {"externalAdReply": card, "entryPointConversionSource": "ctwa_ad"}
        return {
            "key": {"remoteJid": other.replace("@c.us", "@s.whatsapp.net"), "fromMe": from_me, "id": message_id},
            "pushName": name,
            "message": {"extendedTextMessage": content},
        }
