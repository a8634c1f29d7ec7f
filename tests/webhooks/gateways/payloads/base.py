"""What the builders of all gateways share: an account, a signed post, and the story they can all tell."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

AT = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
CUSTOMER = "6281290001111"
CUSTOMER_LID = "210987654321098@lid"
GROUP = "120363000000000001@g.us"
BROADCAST = "1700000000@broadcast"
NEWSLETTER = "120363000000000002@newsletter"
STATUS = "status@broadcast"

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Post(NamedTuple):
    """One webhook post: headers with names in lower case, and the bytes."""

    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The JSON that was posted."""
        return json.loads(self.body)


class Ad(NamedTuple):
    """A click-to-WhatsApp ad, as a first message carries it."""

    source_id: str = "120200000000000001"
    source_url: str = "https://fb.me/contoh1"
    click_id: str = "ARAk-contoh"
    ref: str = "promo-lebaran"
    headline: str = "Promo Lebaran"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The number a gateway speaks for, the gateway's name for it and the secret it signs with."""

    session: str = "cs1"
    phone: str = "6281200000001"
    lid: str = "110000000000001"
    secret: str = "rahasia-cs1"


class Payloads:
    """Builds posts of one gateway for one account.

    `chat` is a phone number in digits or any JID; times are aware. Every method returns a signed Post.
    Gateways without label events raise NotImplementedError for them.
    """

    gateway: ClassVar[str]
    server: ClassVar[str] = "s.whatsapp.net"
    signature_header: ClassVar[str | None] = None
    signature_prefix: ClassVar[str] = ""
    signature_algorithm: ClassVar[str] = "sha256"

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or Account()

    def label_saved(
        self, label_id: str, *, name: str | None = None, color: int | None = None, at: datetime = AT
    ) -> Post:
        """A label was created, renamed or recoloured."""
        raise NotImplementedError

    def label_deleted(self, label_id: str, *, at: datetime = AT) -> Post:
        """A label was deleted."""
        raise NotImplementedError

    def label_on_chat(self, chat: str, label_id: str, *, on: bool, at: datetime = AT) -> Post:
        """A label was put on a chat or taken off."""
        raise NotImplementedError

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
        """A message came in or went out."""
        raise NotImplementedError

    def status(self, *, working: bool, at: datetime = AT) -> Post:
        """The number's connection works, or has stopped."""
        raise NotImplementedError

    def unheard_of(self) -> Post:
        """An event nobody has documented."""
        raise NotImplementedError

    def jid(self, chat: str) -> str:
        """The gateway's spelling of a phone number; JIDs stay as they are."""
        return chat if "@" in chat else f"{chat}@{self.server}"

    def post(self, content: Any, **headers: str) -> Post:
        """A signed post of any JSON content."""
        return self.sealed(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"), **headers)

    def sealed(self, body: bytes, **headers: str) -> Post:
        """A signed post of any bytes."""
        return Post({"content-type": JSON, **self.signature(body), **headers}, body)

    def signature(self, body: bytes) -> dict[str, str]:
        """The header that signs `body`, none where the URL carries the secret."""
        if self.signature_header is None:
            return {}
        digest = hmac.new(self.account.secret.encode(), body, getattr(hashlib, self.signature_algorithm))
        return {self.signature_header: self.signature_prefix + digest.hexdigest()}


def rfc3339(at: datetime) -> str:
    """Whole seconds with a Z, as Go writes UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def said(**fields: Any) -> dict[str, Any]:
    """Only the fields that have something to say."""
    return {name: value for name, value in fields.items() if value is not None}
