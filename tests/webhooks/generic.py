"""A number connected over the generic bridge, and what it tells."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

from contacts.models import Channel
from contacts.services.channels import connect
from tests.webhooks.posting import Answer, request
from webhooks.drain import lanes
from webhooks.receiver.store import forget_channels

_ids = itertools.count(1)


class Bridge:
    """Posts generic events for one channel; `drain()` processes what waits."""

    def __init__(self, key: str = "cs1", **options: Any) -> None:
        forget_channels()
        self.connected = connect(
            gateway="generic", key=key, name=options.pop("name", f"Number {key}"), actor=None, **options
        )
        self.channel: Channel = self.connected.channel

    def post(self, kind: str, **fields: Any) -> Answer:
        at = fields.pop("at", None)
        body = {"id": fields.pop("id", f"e{next(_ids)}"), "type": kind, **fields}
        if at is not None:
            body["at"] = at.isoformat() if isinstance(at, datetime) else at
        return request(self.connected.path, json.dumps(body).encode())

    def label(self, kind: str, label: str, chat: str, **fields: Any) -> Answer:
        return self.post(f"label.{kind}", chat=chat, label={"id": label}, **fields)

    def save(self, label: str, name: str, **fields: Any) -> Answer:
        return self.post("label.saved", label={"id": label, "name": name, "color": fields.pop("color", 0)}, **fields)

    def drain(self) -> None:
        lanes.drain(self.channel.pk)
