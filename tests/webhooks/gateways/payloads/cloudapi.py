"""Meta's Cloud API posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.webhooks.gateways.payloads.base import AT, Ad, Payloads, Post, said, seconds


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

    def written_by(
        self, user_id: str, *, parent_id: str | None = None, phone: str | None = None, name: str = "Budi",
        username: str | None = "budi.kopi", message_id: str = "wamid.hidden", at: datetime = AT, **more: Any,
    ) -> Post:  # fmt: skip
        """A message of somebody who goes by a user id; `phone` where Meta still tells it."""
        message = said(
            **{"from": phone}, from_user_id=user_id, from_parent_user_id=parent_id, id=message_id,
            timestamp=str(seconds(at)), **{"type": "text", "text": {"body": "Halo kak"}, **more},
        )  # fmt: skip
        profile = said(name=name, username=username)
        contact = said(profile=profile, wa_id=phone, user_id=user_id, parent_user_id=parent_id)
        return self.changes(self.change("messages", contacts=[contact], messages=[message]))

    def echo_to(self, user_id: str, *, message_id: str = "wamid.echo", at: datetime = AT, text: str = "Siap") -> Post:
        """Something typed in the Business app to somebody without a number."""
        told = {"from": self.account.phone, "to_user_id": user_id, "id": message_id, "timestamp": str(seconds(at))}
        echo = {**told, "type": "text", "text": {"body": text}}
        return self.changes(self.change("smb_message_echoes", message_echoes=[echo]))

    def system(self, kind: str, *, at: datetime = AT, message_id: str = "wamid.system", **told: Any) -> Post:
        """A system message: `from` stands outside of `system`, everything else in `told` inside of it."""
        outside = {key: told.pop(key) for key in ("from", "from_user_id") if key in told}
        message = {"id": message_id, "timestamp": str(seconds(at)), "type": "system", **outside}
        message["system"] = {"type": kind, "body": "User Budi changed from x to y", **told}
        return self.changes(self.change("messages", messages=[message]))

    def history(self, *threads: dict[str, Any], phase: int = 0, chunk: int = 1, **more: Any) -> Post:
        """One chunk of the chats before a number was connected."""
        part = {"metadata": {"phase": phase, "chunk_order": chunk, "progress": 50}, "threads": list(threads)}
        return self.changes(self.change("history", history=[part], **more))

    def thread(self, chat: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """One chat of a history."""
        return {"id": chat, "messages": list(messages), **more}

    def past(
        self, message_id: str, *, sender: str | None = None, at: datetime = AT, text: str = "Dulu", **more: Any
    ) -> dict[str, Any]:
        """One message of a history; without a `sender` it is ours."""
        told = {"from": sender or self.account.phone, "id": message_id, "timestamp": str(seconds(at)), "type": "text"}
        return {**told, "text": {"body": text}, "history_context": {"status": "READ"}, **more}

    def unheard_of(self) -> Post:
        return self.changes(self.change("sparkles"))

    def _referral(self, ad: Ad) -> dict[str, Any]:
        return {"source_url": ad.source_url, "source_id": ad.source_id, "source_type": "ad", "headline": ad.headline,
                "ctwa_clid": ad.click_id, "media_type": "image"}  # fmt: skip
