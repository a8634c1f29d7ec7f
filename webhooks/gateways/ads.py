"""The ad a chat came from, in all the places and spellings gateways put it.

Sources: WAProto ContextInfo (Baileys spells sourceId, Go sourceID), GOWA `referral`, WPPConnect `ctwaContext`,
Cloud API `referral`. Callers pass inbound messages only; quoted messages are never looked into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhooks.gateways import shapes
from webhooks.gateways.events import AdReferral

_LONGEST = 2_000  # no browser and no ad manager writes longer addresses
_DEEPEST_MESSAGE = 6  # a message in a view-once in an ephemeral wrapper, with room to spare
_MARKS = ("sourceid", "sourceurl", "ctwaclid", "ref", "sourcetype")
_CONTEXT_MARKS = ("conversionsource", "conversiondata", "ctwapayload")
_LINKS = ("link", "contact", "search")  # ways into a chat that are no ad: click_to_chat_link, contact_card


def from_referral(value: Any) -> AdReferral | None:
    """Return the ad of a flat object: GOWA's and Meta's `referral`, WPPConnect's `ctwaContext`, the bridge's `ad`."""
    fields = shapes.keys_folded(value)
    if not any(fields.get(mark) for mark in (*_MARKS, "conversionsource")):
        return None
    return _referral(fields, fields)


def from_messages(*places: Any) -> AdReferral | None:
    """Return the first ad in the messages `places`: each a protobuf-shaped object that has a `contextInfo` somewhere.

    Ads without any identifier still count when WhatsApp says that the chat began with one; then only
    `entry_point` is set.
    """
    for context in (found for place in places for found in _contexts(place, _DEEPEST_MESSAGE)):
        card = shapes.keys_folded(context.get("externaladreply"))
        if any(card.get(mark) for mark in _MARKS) or _began_with_an_ad(context):
            return _referral(card, context)
    return None


def _contexts(value: Any, levels: int) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict) or levels == 0:
        return
    fields = shapes.keys_folded(value)
    if isinstance(fields.get("contextinfo"), dict):
        yield shapes.keys_folded(fields["contextinfo"])
    for key, item in fields.items():
        if key.endswith("message") and key != "quotedmessage":
            yield from _contexts(item, levels - 1)


def _began_with_an_ad(context: dict[str, Any]) -> bool:
    point = shapes.text(context.get("entrypointconversionsource")).lower()
    if point:
        return point == "ad" or point.endswith("_ad") or point.startswith("ctwa")
    source = shapes.text(context.get("conversionsource")).lower()
    return any(context.get(mark) for mark in _CONTEXT_MARKS) and not any(word in source for word in _LINKS)


def _referral(card: dict[str, Any], context: dict[str, Any]) -> AdReferral:
    return AdReferral(
        source_id=shapes.identifier(card.get("sourceid")) or "",
        source_url=_said(card, "sourceurl"),
        click_id=_said(card, "ctwaclid"),
        ref=_said(card, "ref"),
        headline=_said(card, "adtitle", "headline", "title"),
        source_app=_said(card, "sourceapp") or _said(context, "entrypointconversionapp"),
        entry_point=_said(context, "entrypointconversionsource", "conversionsource"),
    )


def _said(fields: dict[str, Any], *names: str) -> str:
    return next((found for name in names if (found := shapes.text(fields.get(name)).strip()[:_LONGEST])), "")
