"""Posts as gateways send them, with invented people. One builder class per gateway, all with the same methods."""

from __future__ import annotations

from tests.webhooks.gateways.payloads.base import Account, Ad, Payloads, Post
from tests.webhooks.gateways.payloads.cloudapi import CloudApiPayloads
from tests.webhooks.gateways.payloads.evolution import EvolutionPayloads
from tests.webhooks.gateways.payloads.generic import GenericPayloads
from tests.webhooks.gateways.payloads.gowa import GowaPayloads
from tests.webhooks.gateways.payloads.waha import WahaPayloads
from tests.webhooks.gateways.payloads.wppconnect import WppConnectPayloads
from tests.webhooks.gateways.payloads.wuzapi import WuzapiFormPayloads, WuzapiPayloads

PAYLOADS: dict[str, type[Payloads]] = {
    "waha": WahaPayloads,
    "gowa": GowaPayloads,
    "wuzapi": WuzapiPayloads,
    "evolution": EvolutionPayloads,
    "wppconnect": WppConnectPayloads,
    "cloudapi": CloudApiPayloads,
    "generic": GenericPayloads,
}

__all__ = [
    "PAYLOADS",
    "Account",
    "Ad",
    "CloudApiPayloads",
    "EvolutionPayloads",
    "GenericPayloads",
    "GowaPayloads",
    "Payloads",
    "Post",
    "WahaPayloads",
    "WppConnectPayloads",
    "WuzapiFormPayloads",
    "WuzapiPayloads",
]
