"""The gateways we can hear. A new one is a folder with the same file names and one line here."""

from __future__ import annotations

from webhooks.gateways.base import Gateway
from webhooks.gateways.cloudapi.parse import GATEWAY as CLOUDAPI
from webhooks.gateways.evolution.parse import GATEWAY as EVOLUTION
from webhooks.gateways.generic.parse import GATEWAY as GENERIC
from webhooks.gateways.gowa.parse import GATEWAY as GOWA
from webhooks.gateways.waha.parse import GATEWAY as WAHA
from webhooks.gateways.wppconnect.parse import GATEWAY as WPPCONNECT
from webhooks.gateways.wuzapi.parse import GATEWAY as WUZAPI

GATEWAYS: dict[str, Gateway] = {
    gateway.name: gateway for gateway in (WAHA, GOWA, WUZAPI, EVOLUTION, WPPCONNECT, CLOUDAPI, GENERIC)
}
