"""Gowa."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import GowaPayloads


class TestGowa(GatewayContract):
    gateway = GATEWAYS["gowa"]
    payloads = GowaPayloads()
    tells_status = False
