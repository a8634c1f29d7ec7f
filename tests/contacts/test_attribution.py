"""What brought a contact here: ads, codes, channels, and which of them came first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.models import Campaign, CampaignRule, CampaignTouch, Channel, Contact
from tests.factories import CampaignFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BUDI = "6281200000001"


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


@pytest.fixture
def lebaran() -> Campaign:
    campaign = CampaignFactory(name="Lebaran")
    CampaignRule.objects.create(campaign=campaign, kind="ad", pattern="1202")
    CampaignRule.objects.create(campaign=campaign, kind="keyword", pattern="PROMO-IG09")
    return campaign


def message(bridge: Bridge, text: str, *, minute: int, ad: dict[str, str] | None = None, from_me: bool = False) -> None:
    told: dict[str, Any] = {"id": f"M{minute}", "text": text, "from_me": from_me}
    bridge.post("message", chat=BUDI, at=MON + timedelta(minutes=minute), message=told | ({"ad": ad} if ad else {}))
    bridge.drain()


def campaign_of_budi() -> str | None:
    campaign = Contact.objects.get().campaign
    return campaign.name if campaign else None


@pytest.mark.usefixtures("lebaran")
class TestFirstTouch:
    def test_an_ad_is_known_by_its_id(self, bridge: Bridge) -> None:
        message(bridge, "Halo", minute=1, ad={"source_id": "1202"})
        assert campaign_of_budi() == "Lebaran"
        assert CampaignTouch.objects.get().method == "ad"

    def test_an_ad_nobody_claims_is_a_touch_without_a_campaign(self, bridge: Bridge) -> None:
        message(bridge, "Halo", minute=1, ad={"source_id": "9999"})
        assert campaign_of_budi() is None
        assert CampaignTouch.objects.get().evidence == {"ad": "9999"}

    def test_a_code_in_the_first_message_counts_in_any_case(self, bridge: Bridge) -> None:
        message(bridge, "halo kak, kode promo-ig09 ya", minute=1)
        assert campaign_of_budi() == "Lebaran"

    def test_a_code_in_a_later_message_or_from_us_does_not(self, bridge: Bridge) -> None:
        message(bridge, "Halo", minute=1)
        message(bridge, "PROMO-IG09", minute=2)
        message(bridge, "PROMO-IG09", minute=3, from_me=True)
        assert campaign_of_budi() is None

    def test_an_earlier_message_that_arrives_late_takes_the_touch(self, bridge: Bridge) -> None:
        message(bridge, "PROMO-IG09", minute=5)
        message(bridge, "Halo", minute=1)
        assert campaign_of_budi() is None
        assert not CampaignTouch.objects.exists()

    def test_the_first_touch_stays_when_an_ad_follows(self, bridge: Bridge) -> None:
        other = CampaignFactory(name="Gajian")
        CampaignRule.objects.create(campaign=other, kind="ad", pattern="77")
        message(bridge, "PROMO-IG09", minute=1)
        message(bridge, "Halo lagi", minute=9, ad={"source_id": "77"})
        assert campaign_of_budi() == "Lebaran"
        assert CampaignTouch.objects.count() == 2

    def test_a_numbers_default_campaign_counts_when_nothing_else_speaks(self, bridge: Bridge) -> None:
        Channel.objects.update(default_campaign=CampaignFactory(name="Spanduk"))
        message(bridge, "Halo", minute=1)
        assert campaign_of_budi() == "Spanduk"
