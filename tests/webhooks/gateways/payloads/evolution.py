"""Evolution API's posts (2.3.7, Baileys)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Ad, Payloads, Post, said, seconds


class EvolutionPayloads(Payloads):
    """`wall_offset_hours` is the gateway machine's zone; its wall time is sent with a Z that is not true."""

    gateway = "evolution"
    wall_offset_hours = -3

    def event(self, event: str, data: Any, *, at: datetime = AT) -> Post:
        wall = (at.astimezone(UTC) + timedelta(hours=self.wall_offset_hours)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return self.post(
            {
                "event": event,
                "instance": self.account.session,
                "data": data,
                "destination": "https://crm.example/hooks/evolution/cs1/",
                "date_time": f"{wall}Z",
                "sender": f"{self.account.phone}@s.whatsapp.net",
                "server_url": "https://evo.example",
                "apikey": "KUNCI-INSTANSI",
            }
        )

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT
    ) -> Post:
        data = said(id=label_id, name=name, color=color, deleted=False, instance=self.account.session)
        return self.event("labels.edit", data, at=at)

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        return self.event("labels.edit", {"id": label_id, "deleted": True, "instance": self.account.session}, at=at)

    def label_on_chat(self, chat: str, label_id: str, *, on: bool, at: datetime = AT) -> Post:
        data = {"instance": self.account.session, "type": "add" if on else "remove", "chatId": self.jid(chat),
                "labelId": label_id}  # fmt: skip
        return self.event("labels.association", data, at=at)

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
        event: str = "messages.upsert",
        **data: Any,
    ) -> Post:
        told = said(
            key={"remoteJid": self.jid(chat), "fromMe": from_me, "id": message_id},
            pushName="Você" if from_me else name,
            status="DELIVERY_ACK",
            message={"conversation": text},
            contextInfo=self._context(ad) if ad else None,
            messageType="conversation",
            messageTimestamp=seconds(at),
            instanceId="00000000-0000-4000-8000-000000000001",
            source="android",
        )
        return self.event(event, {**told, **data}, at=at)

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        data = {"instance": self.account.session, "state": "open" if working else "close", "statusReason": 200}
        return self.event("connection.update", data, at=at)

    def unheard_of(self) -> Post:
        return self.event("labels.sparkled", {"id": "1"})

    def _context(self, ad: Ad) -> dict[str, Any]:
        card = {"title": ad.headline, "sourceType": "ad", "sourceId": ad.source_id, "sourceUrl": ad.source_url,
                "ctwaClid": ad.click_id, "ref": ad.ref}  # fmt: skip
        return {"externalAdReply": card, "entryPointConversionSource": "ctwa_ad", "entryPointConversionApp": "facebook"}
