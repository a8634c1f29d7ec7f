"""Evolution."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import EvolutionPayloads


class TestEvolution(GatewayContract):
    gateway = GATEWAYS["evolution"]
    payloads = EvolutionPayloads()
