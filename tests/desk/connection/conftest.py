"""Numbers set up as people set them up, and gateways that post to them with the right or a wrong secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from contacts.models import Channel
from contacts.services.channels import connect
from desk.connection.arrivals import arrivals
from desk.connection.check import Check, check
from tests.factories import UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.gateways.payloads import PAYLOADS
from tests.webhooks.gateways.payloads.base import Account, Payloads, Post
from tests.webhooks.posting import Answer, request
from webhooks.drain import lanes
from webhooks.receiver.store import forget_channels

SECRET = "rahasia-yang-cukup-panjang-untuk-semua"


@pytest.fixture(autouse=True)
def _texts_are_english() -> Iterator[None]:
    with translation.override("en"):
        yield


class Number:
    """One channel and its gateway. `said` builds posts signed with the right secret, `wrongly` with another."""

    def __init__(self, gateway: str, key: str = "cs1", **options: Any) -> None:
        forget_channels()
        done = connect(
            gateway=gateway, key=key, name="CS Rina", agent="rina", team="Sales", secret=SECRET, actor=None, **options
        )
        self.pk = done.channel.pk
        self.path = done.path
        self.said: Payloads = PAYLOADS[gateway](Account(session=key, secret=SECRET))
        self.wrongly: Payloads = PAYLOADS[gateway](Account(session=key, secret="secret"))

    @property
    def channel(self) -> Channel:
        return Channel.objects.get(pk=self.pk)

    def post(self, post: Post, *, path: str | None = None) -> Answer:
        headers = {name.replace("-", "_"): value for name, value in post.headers.items() if name != "content-type"}
        return request(path or self.path, post.body, content_type=post.headers["content-type"], **headers)

    def drain(self) -> None:
        lanes.drain(self.pk)

    def check(self, **options: Any) -> Check:
        channel = self.channel
        return check(channel, arrivals(channel), **options)

    @property
    def verdict(self) -> str:
        return self.check().verdict.code


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(db: None) -> Client:
    return client_of(UserFactory(role="owner", username="owner"))
