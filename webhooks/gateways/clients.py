"""The gateways that can send a text, by name. Whoever sends one goes through `contacts.services.staff_messages`."""

from __future__ import annotations

from webhooks.gateways.evolution.client import CLIENT as EVOLUTION
from webhooks.gateways.gowa.client import CLIENT as GOWA
from webhooks.gateways.sending import TextClient
from webhooks.gateways.waha.client import CLIENT as WAHA
from webhooks.gateways.wppconnect.client import CLIENT as WPPCONNECT
from webhooks.gateways.wuzapi.client import CLIENT as WUZAPI

CLIENTS: dict[str, TextClient] = {
    "waha": WAHA, "gowa": GOWA, "wuzapi": WUZAPI, "evolution": EVOLUTION, "wppconnect": WPPCONNECT,
}  # fmt: skip
