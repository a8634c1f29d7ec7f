"""Waha."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import WahaPayloads


class TestWaha(GatewayContract):
    gateway = GATEWAYS["waha"]
    payloads = WahaPayloads()
