"""Posts as gateways send them, with invented people. One builder class per gateway, all with the same methods."""

from __future__ import annotations

from .base import Account, Ad, Payloads, Post
from .cloudapi import CloudApiPayloads
from .evolution import EvolutionPayloads
from .generic import GenericPayloads
from .gowa import GowaPayloads
from .waha import WahaPayloads
from .wppconnect import WppConnectPayloads
from .wuzapi import WuzapiFormPayloads, WuzapiPayloads

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
