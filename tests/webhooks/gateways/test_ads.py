"""Where ads hide in messages."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.gateways import ads
from webhooks.gateways.events import AdReferral

CARD = {"title": "Promo", "sourceType": "ad", "sourceId": "1202", "sourceUrl": "https://fb.me/x", "ctwaClid": "ARA"}
GO_CARD = {"title": "Promo", "sourceType": "ad", "sourceID": "1202", "sourceURL": "https://fb.me/x", "ctwaClid": "ARA"}
FOUND = AdReferral(source_id="1202", source_url="https://fb.me/x", click_id="ARA", headline="Promo")


@pytest.mark.parametrize(
    "place",
    [
        {"contextInfo": {"externalAdReply": CARD}},
        {"contextInfo": {"externalAdReply": GO_CARD}},
        {"ContextInfo": {"ExternalAdReply": GO_CARD}},
        {"message": {"imageMessage": {"contextInfo": {"externalAdReply": CARD}}}},
        {"message": {"extendedTextMessage": {"text": "Halo", "contextInfo": {"externalAdReply": CARD}}}},
        {"Message": {"videoMessage": {"contextInfo": {"externalAdReply": GO_CARD}}}},
        {"ephemeralMessage": {"message": {"imageMessage": {"contextInfo": {"externalAdReply": CARD}}}}},
        {"conversation": "x", "buttonsMessage": {"contextInfo": {"externalAdReply": {**CARD, "mediaType": 1}}}},
        {"conversation": "x", "listMessage": {"contextInfo": {"externalAdReply": {**CARD, "mediaType": "IMAGE"}}}},
    ],
)
def test_an_ad_is_found_wherever_the_context_is(place: dict[str, Any]) -> None:
    assert ads.from_messages(place) == FOUND


@pytest.mark.parametrize(
    "context",
    [
        {"conversionSource": "FB_Ads"},
        {"conversionData": "AAAA"},
        {"ctwaPayload": "AAAA"},
        {"entryPointConversionSource": "ctwa_ad", "entryPointConversionApp": "instagram"},
    ],
)
def test_a_message_that_began_with_an_ad_counts_without_its_card(context: dict[str, Any]) -> None:
    ad = ads.from_messages({"extendedTextMessage": {"contextInfo": context}})
    assert ad is not None
    assert ad.source_id == ""


@pytest.mark.parametrize(
    "place",
    [
        None, [], "x", {}, {"contextInfo": None}, {"contextInfo": []}, {"contextInfo": {"externalAdReply": "x"}},
        {"contextInfo": {"externalAdReply": {"title": "Sekadar tautan"}}},
        {"contextInfo": {"quotedMessage": {"imageMessage": {"contextInfo": {"externalAdReply": CARD}}}}},
        {"quotedMessage": {"contextInfo": {"externalAdReply": CARD}}},
        {"contextInfo": {"entryPointConversionSource": "click_to_chat_link", "conversionSource": "FB_Ads"}},
        {"contextInfo": {"entryPointConversionSource": "global_search_new_chat"}},
        {"contextInfo": {"conversionSource": "click_to_chat_link"}},
    ],
)  # fmt: skip
def test_what_is_no_ad_of_this_message_is_none(place: Any) -> None:
    assert ads.from_messages(place) is None


@pytest.mark.parametrize("value", [None, [], "x", {}, {"sourceId": ""}, {"title": "x"}, {"source_id": None}])
def test_an_empty_referral_is_none(value: Any) -> None:
    assert ads.from_referral(value) is None


def test_a_referral_without_click_id_counts_by_its_ad() -> None:
    ad = ads.from_referral({"source_id": "1202", "headline": "Promo", "source_app": "instagram"})
    assert ad == AdReferral(source_id="1202", headline="Promo", source_app="instagram")


def test_a_number_as_ad_id_is_written_out() -> None:
    ad = ads.from_referral({"source_id": 120200000000000001})
    assert ad is not None
    assert ad.source_id == "120200000000000001"
