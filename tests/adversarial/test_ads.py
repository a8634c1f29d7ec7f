"""Cases 46 and 47: which ad brought somebody, wherever a gateway puts it, and what is no ad at all."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Campaign, CampaignRule, CampaignTouch, Contact, Message
from tests.adversarial.number import BUDI, BUDI_LID, Number, crossed, minutes
from tests.factories import CampaignFactory
from tests.webhooks.gateways.payloads import Ad

pytestmark = pytest.mark.django_db
EVERY = ("waha", "gowa", "wuzapi", "wuzapi-form", "evolution", "wppconnect", "cloudapi", "generic")
AD = Ad()


@pytest.fixture
def campaign() -> Campaign:
    """Lebaran, which claims the ad of `AD` by its id."""
    found = CampaignFactory(code="lebaran", name="Lebaran")
    CampaignRule.objects.create(campaign=found, kind="ad", pattern=AD.source_id)
    return found


def arrives(number: Number, message_id: str = "A1", *, at: float = 1, chat: str = BUDI, **more: Any) -> None:
    number.take(number.say.message(chat, message_id=message_id, at=minutes(at), **more))


def touches() -> list[tuple[str | None, str]]:
    return list(CampaignTouch.objects.order_by("at", "id").values_list("campaign__code", "method"))


@pytest.mark.parametrize("gateway", EVERY)
def test_case_46_an_ad_is_recognised_by_its_id(gateway: str, campaign: Campaign) -> None:
    arrives(Number(gateway), ad=AD)
    assert touches() == [("lebaran", "ad")]
    assert Contact.objects.get().campaign == campaign


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution"])
@pytest.mark.parametrize(("kind", "pattern"), [("ref", AD.ref), ("click", AD.click_id)])
def test_case_46_where_no_id_is_claimed_the_ref_or_the_click_counts(gateway: str, kind: str, pattern: str) -> None:
    rule = CampaignRule.objects.create(campaign=CampaignFactory(code="promo"), kind=kind, pattern=pattern)
    arrives(Number(gateway), ad=AD)
    assert touches() == [("promo", kind)]
    assert Contact.objects.get().campaign == rule.campaign


def test_case_46_the_id_comes_before_the_ref_and_the_ref_before_the_click(campaign: Campaign) -> None:
    for kind, pattern in (("click", AD.click_id), ("ref", AD.ref)):
        CampaignRule.objects.create(campaign=CampaignFactory(code=kind), kind=kind, pattern=pattern, priority=1)
    arrives(Number("gowa"), ad=AD)
    CampaignRule.objects.filter(kind="ad").delete()
    arrives(Number("gowa", "cs2"), chat="6281290003333", ad=AD)
    assert touches() == [(campaign.code, "ad"), ("ref", "ref")]


@pytest.mark.parametrize("gateway", EVERY)
def test_case_46_an_ad_that_nobody_claims_is_an_ad_of_an_unknown_campaign(gateway: str) -> None:
    arrives(Number(gateway), ad=AD)
    assert touches() == [(None, "ad")]
    assert Contact.objects.get().campaign is None


# Where engines put it: Baileys beside the message, in any kind of message, in Go's spelling, in wrappers.
CARD = {"sourceId": AD.source_id, "sourceType": "ad", "mediaType": 1}
GO_CARD = {"sourceID": AD.source_id, "sourceURL": AD.source_url, "sourceType": "ad", "mediaType": "IMAGE"}
IN_MESSAGE = {
    "extended": {"extendedTextMessage": {"text": "Halo", "contextInfo": {"externalAdReply": CARD}}},
    "image": {"imageMessage": {"caption": "Halo", "contextInfo": {"externalAdReply": CARD}}},
    "video": {"videoMessage": {"contextInfo": {"externalAdReply": CARD}}},
    "ephemeral": {"ephemeralMessage": {"message": {"extendedTextMessage": {"contextInfo": {"externalAdReply": CARD}}}}},
    "go spelling": {"extendedTextMessage": {"text": "Halo", "contextInfo": {"externalAdReply": GO_CARD}}},
    "number": {"extendedTextMessage": {"contextInfo": {"externalAdReply": {**CARD, "sourceId": int(AD.source_id)}}}},
}


@pytest.mark.parametrize(("where", "gateway"), crossed(IN_MESSAGE, ("waha", "evolution", "wuzapi")))
@pytest.mark.usefixtures("campaign")
def test_case_46_an_ad_is_found_wherever_the_engine_puts_it(where: str, gateway: str) -> None:
    number = Number(gateway)

    def put(content: Any) -> None:
        place = {"waha": ("payload", "_data"), "evolution": ("data",), "wuzapi": ("event",)}[gateway]
        for step in place:
            content = content[step]
        content["Message" if gateway == "wuzapi" else "message"] = IN_MESSAGE[where]

    number.take(number.edited(number.say.message(BUDI, at=minutes(1)), put))
    assert touches() == [("lebaran", "ad")]


@pytest.mark.parametrize(
    "context",
    [
        {"conversionSource": "FB_Ads", "conversionData": "AbC="},
        {"entryPointConversionSource": "ctwa_ad", "entryPointConversionApp": "instagram"},
        {"ctwaPayload": "QUJD", "conversionSource": "ctwa"},
    ],
    ids=repr,
)
def test_case_46_an_ad_whose_card_is_missing_is_still_an_ad(context: dict[str, str]) -> None:
    number = Number("evolution")
    post = number.say.message(BUDI, at=minutes(1))
    number.take(number.edited(post, lambda content: content["data"].update(contextInfo=context)))
    assert touches() == [(None, "ad")]


@pytest.mark.parametrize("source", ["contact_card", "click_to_chat_link", "contact_search", "global_search_new_chat"])
def test_case_46_other_ways_into_a_chat_are_no_ads(source: str) -> None:
    number = Number("evolution")
    post = number.say.message(BUDI, at=minutes(1))
    context = {"entryPointConversionSource": source, "conversionSource": source, "conversionData": "QUJD"}
    number.take(number.edited(post, lambda content: content["data"].update(contextInfo=context)))
    assert touches() == []


@pytest.mark.parametrize("gateway", EVERY)
def test_case_46_the_first_touch_stays_whatever_comes_later(gateway: str, campaign: Campaign) -> None:
    later = CampaignFactory(code="akhir-tahun")
    CampaignRule.objects.create(campaign=later, kind="ad", pattern="99")
    number = Number(gateway)
    arrives(number, "A1", at=1, ad=AD)
    arrives(number, "A2", at=2)
    arrives(number, "A3", at=3, ad=AD._replace(source_id="99", ref="lain", click_id="lain"))
    arrives(number, "A4", at=4, from_me=True)
    assert touches() == [("lebaran", "ad"), ("akhir-tahun", "ad")]
    assert Contact.objects.get().campaign == campaign


def test_case_46_an_earlier_ad_that_arrives_late_becomes_the_first_touch(campaign: Campaign) -> None:
    later = CampaignFactory(code="akhir-tahun")
    CampaignRule.objects.create(campaign=later, kind="ad", pattern="99")
    number = Number("gowa")
    arrives(number, "A3", at=3, ad=AD._replace(source_id="99"))
    arrives(number, "A1", at=1, ad=AD)
    assert Contact.objects.get().campaign == campaign


def test_case_46_the_touches_of_a_lid_and_its_phone_become_one_persons(campaign: Campaign) -> None:
    number = Number("gowa")
    arrives(number, "A1", at=1, chat=BUDI_LID, ad=AD)
    arrives(number, "A2", at=2, chat=BUDI)
    arrives(number, "A3", at=3, chat=BUDI, from_lid=BUDI_LID)
    person = Contact.objects.get()
    assert (person.campaign, person.phone) == (campaign, f"+{BUDI}")
    assert CampaignTouch.objects.get().contact == person


@pytest.mark.parametrize("gateway", EVERY)
@pytest.mark.usefixtures("campaign")
def test_case_47_an_ad_on_our_own_message_brought_nobody(gateway: str) -> None:
    arrives(Number(gateway), ad=AD, from_me=True)
    assert touches() == []
    assert Message.objects.get().ad is None


@pytest.mark.parametrize("gateway", ["waha", "evolution", "wuzapi"])
@pytest.mark.usefixtures("campaign")
def test_case_47_an_ad_inside_a_quoted_message_brought_nobody(gateway: str) -> None:
    number = Number(gateway)
    quoted = {"extendedTextMessage": {"text": "Promo", "contextInfo": {"externalAdReply": CARD}}}
    reply = {"extendedTextMessage": {"text": "Masih ada?", "contextInfo": {"quotedMessage": quoted, "stanzaId": "A0"}}}

    def put(content: Any) -> None:
        for step in {"waha": ("payload", "_data"), "evolution": ("data",), "wuzapi": ("event",)}[gateway]:
            content = content[step]
        content["Message" if gateway == "wuzapi" else "message"] = reply

    number.take(number.edited(number.say.message(BUDI, at=minutes(1)), put))
    assert touches() == []
    assert Message.objects.get().text


def test_case_47_an_ad_in_a_group_brought_nobody() -> None:
    arrives(Number("gowa"), chat="120363000000000001@g.us", ad=AD)
    assert not CampaignTouch.objects.exists()
