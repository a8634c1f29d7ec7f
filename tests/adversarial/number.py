"""A WhatsApp number behind any gateway, told about by that gateway's own signed posts, and what came of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contacts.models import Channel
from contacts.services.channels import connect
from labels.models import LabelAssignment
from tests.services_plugin import is_full_run
from tests.webhooks.gateways.payloads import PAYLOADS, Account, Post, WuzapiFormPayloads
from tests.webhooks.posting import Answer, request
from webhooks.drain import lanes
from webhooks.models import InboundEvent
from webhooks.receiver.store import forget_channels

MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Jakarta
SAO_PAULO = "America/Sao_Paulo"  # where Evolution's container believes to be
BUDI, SITI = "6281290001111", "6281290002222"
BUDI_LID = "210987654321098@lid"
WITH_LABELS = ("waha", "gowa", "wuzapi", "wuzapi-form", "evolution", "wppconnect", "generic")
WITH_DEFINITIONS = tuple(name for name in WITH_LABELS if name != "wppconnect")

Interval = tuple[str, str, datetime, datetime | None]


def minutes(n: float) -> datetime:
    return MON + timedelta(minutes=n)


def phone(n: int) -> str:
    """The n-th customer's number, in digits."""
    return f"62813{n:07}"


def crossed(values: Iterable[Any], gateways: Sequence[str]) -> list[Any]:
    """Every value with every gateway in the full run; else each value with one gateway, all gateways in turn."""
    values = list(values)
    if is_full_run():
        return list(itertools.product(values, gateways))
    turns = itertools.cycle(gateways)
    return [(value, next(turns)) for value in [*values, *values[: max(0, len(gateways) - len(values))]]]


class Number:
    """One connected number. `say` builds its gateway's posts, `hear` lets the receiver have them.

    `gateway` is a key of PAYLOADS or "wuzapi-form". Evolution's machine stands in São Paulo unless `timezone` says
    otherwise ("" is not known).
    """

    def __init__(self, gateway: str, key: str = "cs1", *, own: str = "6281200000001", **options: Any) -> None:
        forget_channels()
        self.gateway = gateway.removesuffix("-form")
        if self.gateway == "evolution":
            options.setdefault("timezone", SAO_PAULO)
        account = Account(session=key, phone=own, lid=f"99{own}", secret=f"rahasia-{key}")
        self.connected = connect(
            gateway=self.gateway, key=key, name=options.pop("name", f"Number {key}"), secret=account.secret, actor=None,
            **options,
        )  # fmt: skip
        self.channel: Channel = self.connected.channel
        builder: Any = WuzapiFormPayloads if gateway == "wuzapi-form" else PAYLOADS[gateway]
        self.say: Any = builder(account)

    def send(self, post: Post, *, path: str | None = None) -> Answer:
        """One post as it stands, headers and all."""
        headers = {name.replace("-", "_"): value for name, value in post.headers.items() if name != "content-type"}
        return request(path or self.connected.path, post.body, content_type=post.headers["content-type"], **headers)

    def hear(self, *posts: Post, received: datetime | None = None) -> None:
        """The receiver gets `posts`; the last one is dated `received` where that is given."""
        for post in posts:
            answer = self.send(post)
            assert answer.status in (200, 202), (answer.status, answer.body)
        if received is not None:
            InboundEvent.objects.filter(pk=InboundEvent.objects.latest("id").pk).update(received_at=received)

    def drain(self) -> None:
        while lanes.drain(self.channel.pk):
            pass  # its time was up before its rows were

    def take(self, *posts: Post, received: datetime | None = None) -> None:
        """`hear` and `drain`."""
        self.hear(*posts, received=received)
        self.drain()

    def label(self, chat: str, label: str, at: datetime, *, on: bool = True, **more: Any) -> None:
        """A label change told at `at`, received in the same moment where the gateway has no clock."""
        post = self.say.label_on_chat(chat, label, on=on, at=at, **more)
        self.hear(post, received=at if self.hears_only else None)

    @property
    def hears_only(self) -> bool:
        """Whether our receipt is the only time there is."""
        return self.gateway == "wppconnect" or (self.gateway == "evolution" and not self.channel.timezone)

    def edited(self, post: Post, change: Callable[[Any], None]) -> Post:
        """`post` with its JSON changed in place, signed again."""
        content = post.content
        change(content)
        return self.say.post(content)

    def intervals(self) -> list[Interval]:
        """(phone or LID, label id, added at, removed at) of this number, in order."""
        rows = LabelAssignment.objects.filter(channel=self.channel).select_related("contact", "channel_label")
        found = [
            (row.contact.phone or row.contact.lid, row.channel_label.external_id, row.added_at, row.removed_at)
            for row in rows
        ]
        return sorted(found, key=lambda row: (row[:3], row[3] or datetime.max.replace(tzinfo=UTC)))

    def spans(self) -> list[tuple[datetime, datetime | None]]:
        return [(added, removed) for _, _, added, removed in self.intervals()]


def states() -> list[str]:
    return list(InboundEvent.objects.order_by("id").values_list("state", flat=True))


def reasons() -> list[tuple[str, str]]:
    return list(InboundEvent.objects.order_by("id").values_list("state", "reason"))
