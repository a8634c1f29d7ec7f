"""CloudApi."""

from __future__ import annotations

from webhooks.gateways import GATEWAYS

from .contract import GatewayContract
from .payloads import CloudApiPayloads


class TestCloudApi(GatewayContract):
    gateway = GATEWAYS["cloudapi"]
    payloads = CloudApiPayloads()
    tells_status = False
    tells_lids = False
    ignores_chats = {}
