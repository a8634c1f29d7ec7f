"""Posts as the gateways of the demo's numbers send them: one class per gateway, shapes as in their documentation.

Each method returns a WebhookPost: path, headers and body, signed with the number's secret or with it in the path.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

JSON = "application/json"
HEX = ("#ff9485", "#64c4ff", "#ffd429", "#dfaef0", "#99b6c1", "#55ccb3", "#ff9dff", "#d3a91d", "#6d7cce", "#d7e752",
       "#00d0e2", "#ffc5c7", "#93ceac", "#f74848", "#00a0f2", "#83e422", "#ffaf04", "#b5ebff", "#9ba6ff",
       "#9368cf")  # fmt: skip


class WebhookPost(NamedTuple):
    """One webhook post."""

    path: str
    headers: dict[str, str]
    body: bytes


class ChatAddress(NamedTuple):
    """Whose chat: digits of the phone, and of the LID where the gateway speaks of the chat by that."""

    phone: str
    lid: str = ""


AnyChat = ChatAddress | str  # a text is a JID of another kind, such as a group's


class Tag(NamedTuple):
    """A WhatsApp label of one number."""

    id: str
    name: str
    color: int


class Ad(NamedTuple):
    """The click-to-WhatsApp ad that a first message came from."""

    source_id: str
    headline: str
    click_id: str
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAccount:
    """The number a gateway speaks for. `zone` is the gateway machine's, where its posts carry wall time."""

    key: str
    phone: str
    lid: str
    secret: str
    zone: str = ""


class Sender:
    """What all gateways share. Times are aware."""

    gateway = ""
    server = "s.whatsapp.net"

    def __init__(self, account: GatewayAccount) -> None:
        self.account = account

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        """A label was created, renamed or recoloured."""
        raise NotImplementedError

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        """A label was put on a chat or taken off."""
        raise NotImplementedError

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        """A message came in or went out."""
        raise NotImplementedError

    def status(self, *, state: str, at: datetime) -> WebhookPost:
        """The connection "stopped", waits for "pairing", works again ("working") or was "paired" anew."""
        raise NotImplementedError

    def jid(self, chat: AnyChat) -> str:
        if isinstance(chat, str):
            return chat
        return f"{chat.lid}@lid" if chat.lid else f"{chat.phone}@{self.server}"

    def signed(self, content: Any, *, header: str, algorithm: str, prefix: str = "", **headers: str) -> WebhookPost:
        body = json.dumps(content, ensure_ascii=False).encode()
        digest = hmac.digest(self.account.secret.encode(), body, algorithm).hex()
        path = f"/hooks/{self.gateway}/{self.account.key}/"
        return WebhookPost(path, {"Content-Type": JSON, header: prefix + digest, **headers}, body)

    def with_token(self, content: Any) -> WebhookPost:
        path = f"/hooks/{self.gateway}/{self.account.key}/{self.account.secret}/"
        return WebhookPost(path, {"Content-Type": JSON}, json.dumps(content, ensure_ascii=False).encode())


class Waha(Sender):
    """WAHA, engine NOWEB: events in an envelope with ids of their own, times in milliseconds."""

    gateway = "waha"
    server = "c.us"

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        payload = {"id": tag.id, "name": tag.name, "color": tag.color, "colorHex": HEX[tag.color]}
        return self._event("label.upsert", payload, at)

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        payload = {"labelId": tag.id, "chatId": self.jid(chat), "label": None}
        return self._event("label.chat.added" if on else "label.chat.deleted", payload, at)

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        own, other = f"{self.account.phone}@c.us", self.jid(chat)
        payload = {
            "id": f"{str(from_me).lower()}_{other}_{message_id}", "timestamp": seconds(at),
            "from": own if from_me else other, "to": other if from_me else own, "fromMe": from_me,
            "source": "app", "body": text, "hasMedia": False,
            "media": None, "ack": 1, "ackName": "SERVER", "vCards": [],
            "_data": {"key": {"remoteJid": other.replace("@c.us", "@s.whatsapp.net"), "fromMe": from_me,
                              "id": message_id},
                      "pushName": "CS" if from_me else name, "message": {"extendedTextMessage": _content(text, ad)}},
        }  # fmt: skip
        return self._event("message.any" if from_me else "message", payload, at)

    def status(self, *, state: str, at: datetime) -> WebhookPost:
        word = {"stopped": "STOPPED", "pairing": "SCAN_QR_CODE"}.get(state, "WORKING")
        before = ["SCAN_QR_CODE"] if state == "paired" else ["STARTING"]
        statuses = [{"status": one, "timestamp": milliseconds(at)} for one in (*before, word)]
        return self._event("session.status", {"name": self.account.key, "status": word, "statuses": statuses}, at)

    def _event(self, event: str, payload: Any, at: datetime) -> WebhookPost:
        account = self.account
        own = hashlib.sha256(repr((event, payload, at)).encode()).hexdigest()
        content = {
            "id": f"evt_{own[:26]}", "timestamp": milliseconds(at), "event": event, "session": account.key,
            "metadata": {}, "me": {"id": f"{account.phone}@c.us", "pushName": "CS", "lid": f"{account.lid}@lid",
                                   "jid": f"{account.phone}:12@s.whatsapp.net"},
            "payload": payload, "engine": "NOWEB",
            "environment": {"version": "2026.7.1", "engine": "NOWEB", "tier": "PLUS", "browser": None},
        }  # fmt: skip
        beside = {"X-Webhook-Request-Id": own[26:52], "X-Webhook-Hmac-Algorithm": "sha512"}
        return self.signed(content, header="X-Webhook-Hmac", algorithm="sha512", **beside)


class Gowa(Sender):
    """GOWA: WhatsApp's own times, a LID beside the phone, nothing about its connection."""

    gateway = "gowa"

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        return self._event("label.edit", {"label_id": tag.id, "name": tag.name, "color": tag.color}, at)

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        payload = {"label_id": tag.id, "labeled": on, "chat_id": self.jid(chat)}
        if isinstance(chat, ChatAddress) and chat.lid:
            payload["chat_lid"] = f"{chat.lid}@lid"
        return self._event("label.association", payload, at)

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        payload: dict[str, Any] = {
            "id": message_id, "chat_id": self.jid(chat), "from": self._own if from_me else self.jid(chat),
            "from_name": "CS" if from_me else name, "timestamp": rfc3339(at), "is_from_me": from_me, "body": text,
        }  # fmt: skip
        if ad:
            payload["referral"] = {"ctwa_clid": ad.click_id, "source_id": ad.source_id, "ref": ad.ref,
                                   "source_url": "https://fb.me/kaoskita", "source_app": "facebook",
                                   "media_type": "IMAGE", "ad_title": ad.headline, "ad_type": "CTWA"}  # fmt: skip
        return self._event("message", payload, None)

    def jid(self, chat: AnyChat) -> str:
        return chat if isinstance(chat, str) else f"{chat.phone}@{self.server}"

    @property
    def _own(self) -> str:
        return f"{self.account.phone}@s.whatsapp.net"

    def _event(self, event: str, payload: dict[str, Any], at: datetime | None) -> WebhookPost:
        told = {"timestamp": rfc3339(at)} if at else {}
        content = {"event": event, "device_id": self._own, "session_id": self.account.key, **told, "payload": payload}
        return self.signed(content, header="X-Hub-Signature-256", algorithm="sha256", prefix="sha256=")


class Wuzapi(Sender):
    """Wuzapi, set to JSON: whatsmeow's events with WhatsApp's times; chats may go by LID."""

    gateway = "wuzapi"

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        state = self._app_state(at, LabelID=tag.id, Action={"name": tag.name, "color": tag.color})
        return self._event("LabelEdit", state, labelId=tag.id, name=tag.name, color=tag.color, deleted=False)

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        jid = self.jid(chat)
        state = self._app_state(at, JID=jid, LabelID=tag.id, Action={"labeled": on})
        return self._event("LabelAssociationChat", state, labelId=tag.id, jid=jid, labeled=on)

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        jid, by_lid = self.jid(chat), isinstance(chat, ChatAddress) and bool(chat.lid)
        other = f"{chat.phone}@{self.server}" if isinstance(chat, ChatAddress) and by_lid else ""
        info = {
            "Chat": jid, "Sender": f"{self.account.phone}:12@{self.server}" if from_me else jid, "IsFromMe": from_me,
            "IsGroup": jid.endswith("@g.us"), "AddressingMode": "lid" if by_lid else "pn",
            "SenderAlt": "" if from_me else other, "RecipientAlt": other if from_me else "", "ID": message_id,
            "Type": "text", "PushName": "CS" if from_me else name, "Timestamp": rfc3339(at),
        }  # fmt: skip
        content = {"extendedTextMessage": _content(text, ad)} if ad else {"conversation": text}
        return self._event("Message", {"Info": info, "Message": content, "RawMessage": None})

    def _app_state(self, at: datetime, **fields: Any) -> dict[str, Any]:
        return {"Timestamp": rfc3339(at), "FromFullSync": False, **fields}

    def _event(self, kind: str, event: dict[str, Any], **flat: Any) -> WebhookPost:
        content = {"event": event, "type": kind, **flat, "instanceName": self.account.key, "userID": "7"}
        return self.signed(content, header="X-Hmac-Signature", algorithm="sha256")


class Evolution(Sender):
    """Evolution API: the machine's wall time with a Z that is not true, and the secret in the address."""

    gateway = "evolution"

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        data = {"id": tag.id, "name": tag.name, "color": tag.color, "deleted": False, "instance": self.account.key}
        return self._event("labels.edit", data, at)

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        data = {"instance": self.account.key, "type": "add" if on else "remove", "chatId": self.jid(chat),
                "labelId": tag.id}  # fmt: skip
        return self._event("labels.association", data, at)

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        data: dict[str, Any] = {
            "key": {"remoteJid": self.jid(chat), "fromMe": from_me, "id": message_id},
            "pushName": "Você" if from_me else name, "status": "DELIVERY_ACK",
            "message": {"conversation": text}, "messageType": "conversation",
            "messageTimestamp": seconds(at), "instanceId": "00000000-0000-4000-8000-000000000001", "source": "android",
        }  # fmt: skip
        if ad:
            data["contextInfo"] = _content(text, ad)["contextInfo"]
        return self._event("messages.upsert", data, at)

    def status(self, *, state: str, at: datetime) -> WebhookPost:
        word, reason = ("close", 428) if state == "stopped" else ("open", 200)
        data = {"instance": self.account.key, "state": word, "statusReason": reason}
        return self._event("connection.update", data, at)

    def _event(self, event: str, data: Any, at: datetime) -> WebhookPost:
        wall = at.astimezone(ZoneInfo(self.account.zone)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return self.with_token({
            "event": event, "instance": self.account.key, "data": data, "destination": "http://127.0.0.1/hooks",
            "date_time": f"{wall}Z", "sender": f"{self.account.phone}@s.whatsapp.net", "server_url": "https://evo.example",
            "apikey": "KUNCI-INSTANSI",
        })  # fmt: skip


class Generic(Sender):
    """The bridge's own shape, as an n8n flow would post it."""

    gateway = "generic"

    def label_saved(self, *, tag: Tag, at: datetime) -> WebhookPost:
        return self._event("label.saved", at, label={"id": tag.id, "name": tag.name, "color": tag.color})

    def label_on_chat(self, *, chat: AnyChat, tag: Tag, on: bool, at: datetime) -> WebhookPost:
        word = "label.added" if on else "label.removed"
        return self._event(word, at, chat=self.jid(chat), label={"id": tag.id})

    def message(
        self, *, chat: AnyChat, text: str, from_me: bool, message_id: str, name: str, ad: Ad | None, at: datetime
    ) -> WebhookPost:
        message: dict[str, Any] = {"id": message_id, "text": text, "from_me": from_me}
        if ad:
            message["ad"] = {"source_id": ad.source_id, "ref": ad.ref, "headline": ad.headline}
        named = {} if from_me else {"name": name}
        return self._event("message", at, chat=self.jid(chat), message=message, **named)

    def status(self, *, state: str, at: datetime) -> WebhookPost:
        return self._event("status", at, status="stopped" if state == "stopped" else "working")

    def _event(self, kind: str, at: datetime, **fields: Any) -> WebhookPost:
        told = at.astimezone(UTC).isoformat(timespec="milliseconds")
        own = hashlib.sha256(repr((kind, told, fields)).encode()).hexdigest()[:24]
        return self.with_token({"id": f"n8n-{own}", "type": kind, "at": told, **fields})


SENDERS: dict[str, type[Sender]] = {sender.gateway: sender for sender in (Waha, Gowa, Wuzapi, Evolution, Generic)}


def _content(text: str, ad: Ad | None) -> dict[str, Any]:
    """A text message as WhatsApp's protobuf has it, with the ad in its context."""
    content: dict[str, Any] = {"text": text}
    if ad:
        card = {"title": ad.headline, "sourceType": "ad", "sourceId": ad.source_id, "ctwaClid": ad.click_id,
                "sourceUrl": "https://fb.me/kaoskita", "ref": ad.ref, "sourceApp": "instagram"}  # fmt: skip
        content["contextInfo"] = {"externalAdReply": card, "entryPointConversionSource": "ctwa_ad"}
    return content


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
