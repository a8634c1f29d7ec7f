"""Posts as gateways send them, with invented people. One builder class per gateway, all with the same methods."""

from __future__ import annotations

from tests.gateways.payloads.base import Account, Ad, Payloads, Post
from tests.gateways.payloads.cloudapi import CloudApiPayloads
from tests.gateways.payloads.evolution import EvolutionPayloads
from tests.gateways.payloads.generic import GenericPayloads
from tests.gateways.payloads.gowa import GowaPayloads
from tests.gateways.payloads.waha import WahaPayloads
from tests.gateways.payloads.wppconnect import WppConnectPayloads
from tests.gateways.payloads.wuzapi import WuzapiFormPayloads, WuzapiPayloads

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
