"""Wuzapi's posts, as JSON and as the form it sends by default (wmiau.go, helpers.go)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.webhooks.gateways.payloads.base import AT, FORM, Ad, Payloads, Post, rfc3339, said


class WuzapiPayloads(Payloads):
    gateway = "wuzapi"
    signature_header = "x-hmac-signature"

    def event(self, kind: str, event: dict[str, Any], **flat: Any) -> Post:
        """Any whatsmeow event with the fields Wuzapi copies flat beside it."""
        content = {"event": event, "type": kind, **flat, "instanceName": self.account.session, "userID": "7"}
        return self.post(content)

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT, **more: Any
    ) -> Post:
        action = said(name=name, color=color, **more)
        flat = {"labelId": label_id, "name": name or "", "color": color or 0, "deleted": False}
        return self.event("LabelEdit", self._app_state(at, LabelID=label_id, Action=action), **flat)

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        flat = {"labelId": label_id, "name": "", "color": 0, "deleted": True}
        return self.event("LabelEdit", self._app_state(at, LabelID=label_id, Action={"deleted": True}), **flat)

    def label_on_chat(self, chat: str, label_id: str, *, on: bool, at: datetime = AT) -> Post:
        jid = self.jid(chat)
        event = self._app_state(at, JID=jid, LabelID=label_id, Action={"labeled": on})
        return self.event("LabelAssociationChat", event, labelId=label_id, jid=jid, labeled=on)

    def label_on_message(self, chat: str, label_id: str, message_id: str, *, on: bool, at: datetime = AT) -> Post:
        """A single message was labelled, which says nothing about the chat."""
        jid = self.jid(chat)
        event = self._app_state(at, JID=jid, LabelID=label_id, MessageID=message_id, Action={"labeled": on})
        flat = {"labelId": label_id, "jid": jid, "messageId": message_id, "labeled": on}
        return self.event("LabelAssociationMessage", event, **flat)

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
        **info: Any,
    ) -> Post:
        own = f"{self.account.phone}:12@s.whatsapp.net"
        sender = own if from_me else self.jid(chat).replace("@s.whatsapp.net", ":3@s.whatsapp.net")
        told = {"Chat": self.jid(chat), "Sender": sender, "IsFromMe": from_me, "IsGroup": chat.endswith("@g.us"),
                "AddressingMode": "pn", "SenderAlt": "", "RecipientAlt": "", "ID": message_id, "Type": "text",
                "PushName": "CS" if from_me else name, "Timestamp": rfc3339(at), **info}  # fmt: skip
        return self.event("Message", {"Info": told, "Message": self._content(text, ad), "RawMessage": None})

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        return self.event("Connected" if working else "Disconnected", {})

    def unheard_of(self) -> Post:
        return self.event("LabelSparkled", {})

    def _app_state(self, at: datetime, **fields: Any) -> dict[str, Any]:
        return {"Timestamp": rfc3339(at), "FromFullSync": False, **fields}

    def _content(self, text: str, ad: Ad | None) -> dict[str, Any]:
        if ad is None:
            return {"conversation": text}
        card = {"title": ad.headline, "sourceType": "ad", "sourceID": ad.source_id, "sourceURL": ad.source_url,
                "ctwaClid": ad.click_id, "ref": ad.ref, "mediaType": "IMAGE"}  # fmt: skip
        return {"extendedTextMessage": {"text": text, "contextInfo": {"externalAdReply": card}}}


class WuzapiFormPayloads(WuzapiPayloads):
    """The same as a form, the way Wuzapi sends unless it is told otherwise."""

    def post(self, content: Any, **headers: str) -> Post:
        content = {name: value for name, value in content.items() if name not in ("instanceName", "userID")}
        fields = {"instanceName": self.account.session, "jsonData": json.dumps(content), "userID": "7"}
        return self.sealed(urlencode(sorted(fields.items())).encode(), **{"content-type": FORM, **headers})
