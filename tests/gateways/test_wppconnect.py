"""WppConnect."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import WppConnectPayloads


class TestWppConnect(GatewayContract):
    gateway = GATEWAYS["wppconnect"]
    payloads = WppConnectPayloads()
