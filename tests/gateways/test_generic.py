"""Generic."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import GenericPayloads


class TestGeneric(GatewayContract):
    gateway = GATEWAYS["generic"]
    payloads = GenericPayloads()
