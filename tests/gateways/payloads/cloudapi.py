"""Meta's Cloud API posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .base import AT, Ad, Payloads, Post, said, seconds


class CloudApiPayloads(Payloads):
    """`account.session` stands for Meta's phone_number_id."""

    gateway = "cloudapi"
    signature_header = "x-hub-signature-256"
    signature_prefix = "sha256="

    def change(self, field: str, **value: Any) -> dict[str, Any]:
        """One change, to be put into an entry."""
        metadata = {"display_phone_number": self.account.phone, "phone_number_id": self.account.session}
        return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}

    def changes(self, *changes: dict[str, Any]) -> Post:
        """A post with one entry and any number of changes."""
        return self.post({"object": "whatsapp_business_account", "entry": [{"id": "1000", "changes": list(changes)}]})

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
        told = said(id=message_id, timestamp=str(seconds(at)), type="text", text={"body": text})
        if from_me:
            echo = {**told, "from": self.account.phone, "to": chat, **more}
            return self.changes(self.change("smb_message_echoes", message_echoes=[echo]))
        message = {**told, "from": chat, **more, **({"referral": self._referral(ad)} if ad else {})}
        contacts = [{"wa_id": chat, "profile": {"name": name}}]
        return self.changes(self.change("messages", contacts=contacts, messages=[message]))

    def unheard_of(self) -> Post:
        return self.changes(self.change("sparkles"))

    def _referral(self, ad: Ad) -> dict[str, Any]:
        return {"source_url": ad.source_url, "source_id": ad.source_id, "source_type": "ad", "headline": ad.headline,
                "ctwa_clid": ad.click_id, "media_type": "image"}  # fmt: skip
