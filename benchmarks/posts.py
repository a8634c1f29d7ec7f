"""WAHA posts for a load: each unique, in the shape and size that WAHA sends (about 700 bytes), correctly signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime

SECRET = "rahasia-untuk-pengukuran"
_BODY = (
    '{"id": "%s", "timestamp": %d, "event": "label.chat.%s", "session": "%s", "metadata": {"team": "sales"}, '
    '"me": {"id": "6281100000001@c.us", "pushName": "CS", "lid": "110000000000001@lid", '
    '"jid": "6281100000001:12@s.whatsapp.net"}, "payload": {"labelId": "%s", "chatId": "%s@c.us", "label": null}, '
    '"engine": "NOWEB", "environment": {"version": "2026.7.1", "engine": "NOWEB", "tier": "PLUS", "browser": null, '
    '"platform": "linux/amd64", "worker": {"id": "waha-1"}}}'
)


def label_body(number: int, *, session: str, on: bool, label: str, phone: str, at: datetime) -> bytes:
    """A label put on (`on`) or taken off a chat. `number` makes the event id, and the post, unique."""
    event_id = f"evt_{number:026x}"
    word = "added" if on else "deleted"
    return (_BODY % (event_id, round(at.timestamp() * 1000), word, session, label, phone)).encode()


def signed(body: bytes) -> dict[str, str]:
    """The headers WAHA sends with `body`."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Webhook-Request-Id": hashlib.sha256(body).hexdigest()[:26],
        "X-Webhook-Timestamp": "1767225600000",
        "X-Webhook-Hmac": digest,
        "X-Webhook-Hmac-Algorithm": "sha512",
    }


def unique_bodies(count: int, *, first: int, session: str, at: datetime) -> Iterator[bytes]:
    """`count` adds, numbered from `first`, over 20 labels and 50,000 chats."""
    for number in range(first, first + count):
        yield label_body(
            number, session=session, on=True, label=str(number % 20), phone=f"62812{number % 50_000:07d}", at=at
        )
