"""The gateways we can hear. A new one is a folder with the same file names and one line here."""

from __future__ import annotations

from .base import Gateway
from .cloudapi.parse import GATEWAY as CLOUDAPI
from .evolution.parse import GATEWAY as EVOLUTION
from .generic.parse import GATEWAY as GENERIC
from .gowa.parse import GATEWAY as GOWA
from .waha.parse import GATEWAY as WAHA
from .wppconnect.parse import GATEWAY as WPPCONNECT
from .wuzapi.parse import GATEWAY as WUZAPI

GATEWAYS: dict[str, Gateway] = {
    gateway.name: gateway for gateway in (WAHA, GOWA, WUZAPI, EVOLUTION, WPPCONNECT, CLOUDAPI, GENERIC)
}
