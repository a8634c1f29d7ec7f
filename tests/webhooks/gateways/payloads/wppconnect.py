"""WPPConnect server's posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Ad, Payloads, Post, said, seconds


class WppConnectPayloads(Payloads):
    gateway = "wppconnect"
    server = "c.us"

    def event(self, event: str, **data: Any) -> Post:
        return self.post({"event": event, "session": self.account.session, **data})

    def label_on_chat(self, chat: str, label_id: str, *, on: bool, at: datetime = AT) -> Post:
        """The event has no time; `at` is only there so that all builders look alike."""
        del at
        return self.labels_on_chat(
            chat, [{"id": label_id, "name": "Hot", "color": 4294199368, "colorIndex": 13}], on=on
        )

    def labels_on_chat(self, chat: str, labels: list[dict[str, Any]], *, on: bool) -> Post:
        """Several labels in one post, as the app does when a person ticks more than one."""
        user, server = self.jid(chat).split("@", 1)
        return self.event(
            "onupdatelabel",
            chat={"id": {"server": server, "user": user, "_serialized": f"{user}@{server}"}, "isGroup": False},
            ids=[label["id"] for label in labels],
            labels=labels,
            type="add" if on else "remove",
        )

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
        **data: Any,
    ) -> Post:
        own, other = f"{self.account.phone}@c.us", self.jid(chat)
        told = said(
            id=f"{str(from_me).lower()}_{other}_{message_id}",
            body=text,
            type="chat",
            t=seconds(at),
            timestamp=seconds(at),
            fromMe=from_me,
            isGroupMsg=chat.endswith("@g.us"),
            to=other if from_me else own,
            notifyName="CS" if from_me else name,
            sender={"id": own if from_me else other, "pushname": name},
            ctwaContext=self._context(ad) if ad else None,
        )
        told["from"] = own if from_me else other
        return self.event("onselfmessage" if from_me else "onmessage", **{**told, **data})

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        del at
        return self.event("status-find", status="inChat" if working else "browserClose")

    def unheard_of(self) -> Post:
        return self.event("onlabelsparkled")

    def _context(self, ad: Ad) -> dict[str, Any]:
        return {"conversionSource": "FB_Ads", "sourceUrl": ad.source_url, "sourceId": ad.source_id,
                "sourceApp": "instagram", "title": ad.headline, "mediaType": 1}  # fmt: skip
