"""Wuzapi."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import WuzapiPayloads


class TestWuzapi(GatewayContract):
    gateway = GATEWAYS["wuzapi"]
    payloads = WuzapiPayloads()
