"""What a gateway is to the receiver and the drain: a row of facts and two pure functions."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhooks.gateways.events import Event

Headers = Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """An HMAC over the raw body, in hex, in one header.

    `algorithm` is ours to choose, never the sender's: a header that names another one changes nothing.
    """

    header: str
    algorithm: str
    prefix: str = ""

    def matches(self, *, body: bytes, headers: Headers, secrets: Iterable[str]) -> bool:
        """True when the header carries the HMAC of `body` under one of `secrets`; hex in either case."""
        sent = headers.get(self.header, "").strip()
        if sent[: len(self.prefix)].lower() != self.prefix:
            return False
        given = sent[len(self.prefix) :].lower().encode("utf-8", "replace")
        # Every secret is tried, so that the time taken says nothing about which one matched.
        return any([hmac.compare_digest(given, self._digest(body, secret)) for secret in secrets])  # noqa: C419

    def _digest(self, body: bytes, secret: str) -> bytes:
        return hmac.digest(secret.encode(), body, self.algorithm).hex().encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this gateway can and cannot do, shown on the connection page and obeyed by the rest.

    `label_time` is "whatsapp", "gateway" or "received"; `ad_referral` is True where ads are handed on.
    """

    labels: bool = True
    label_definitions: bool = True
    label_time: str = "gateway"
    lists_labels: bool = False  # a full pull is possible
    writes_labels: bool = False
    learns_lids: bool = False
    ad_referral: bool = True
    replays_on_pairing: bool = False


def no_dedupe(_headers: Headers, _body: Any) -> str | None:
    """For gateways that never send twice: three identical-looking posts are three truths."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway.

    `parse(headers, body)` takes the stored JSON bytes and returns events; it never raises. `dedupe_key`
    takes the headers and the decoded JSON and returns a text of at most 200 characters, or None where
    the gateway says nothing that would tell a repeat from a new truth. `signature` None means the URL
    carries the channel's secret instead.
    """

    name: str
    title: str
    parse: Callable[[Headers, bytes], list[Event]]
    dedupe_key: Callable[[Headers, Any], str | None] = no_dedupe
    signature: Signature | None = None
    form_field: str | None = None  # accepts form bodies whose JSON is in this field
    form_beside: tuple[str, ...] = ()  # form fields that this gateway's JSON bodies carry inside
    signed_payloads: Callable[[bytes], list[bytes]] = field(default=lambda body: [body])
    kept_headers: tuple[str, ...] = ()  # stored beside the body, lower case; never credentials
    secret_fields: tuple[str, ...] = ()  # body keys whose values are credentials
    weak_secrets: frozenset[str] = frozenset()
    event_in_url: bool = False  # may write the event's name behind the address it was given
    session_is_an_id: bool = False  # given by the provider, not chosen by people: the first one heard is the channel's
    capabilities: Capabilities = Capabilities()

    @property
    def token_in_url(self) -> bool:
        return self.signature is None

    def is_authentic(self, *, body: bytes, headers: Headers, token: str | None, secrets: Iterable[str]) -> bool:
        """True when the post proves that its sender knows one of the channel's `secrets`."""
        secrets = [secret for secret in secrets if secret]  # a channel without a secret trusts nobody
        if self.signature is None:
            given = (token or "").encode("utf-8", "replace")
            return any([hmac.compare_digest(given, secret.encode()) for secret in secrets])  # noqa: C419
        return any(
            self.signature.matches(body=payload, headers=headers, secrets=secrets)
            for payload in self.signed_payloads(body)
        )
