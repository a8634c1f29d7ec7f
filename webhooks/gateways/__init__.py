"""The gateways we can hear. A new one is a folder with the same file names and one line here."""

from __future__ import annotations

from .base import Gateway
from .generic.parse import GATEWAY as GENERIC
from .waha.parse import GATEWAY as WAHA

GATEWAYS: dict[str, Gateway] = {gateway.name: gateway for gateway in (WAHA, GENERIC)}
