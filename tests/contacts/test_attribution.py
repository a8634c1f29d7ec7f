"""What brought a contact here: ads, codes, channels, and which of them came first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from contacts.models import Campaign, CampaignRule, CampaignTouch, Channel, Contact
from contacts.services.campaign_rules import create_rule
from contacts.services.campaigns import archive_campaign, restore_campaign
from tests.factories import CampaignFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BUDI = "6281200000001"


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


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
    @pytest.mark.parametrize("words_first", [True, False])
    def test_of_two_messages_in_one_second_the_words_count_whichever_is_stored_first(
        self, bridge: Bridge, words_first: bool
    ) -> None:
        texts = ["Mau PROMO-IG09", "Halo kak"]
        for number, text in enumerate(texts if words_first else reversed(texts)):
            bridge.post("message", chat=BUDI, at=MON, message={"id": f"S{number}", "text": text, "from_me": False})
            bridge.drain()
        assert campaign_of_budi() == "Lebaran"
        assert CampaignTouch.objects.get().method == "keyword"

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


def rule(name: str, pattern: str, *, kind: str = "keyword", **values: Any) -> Campaign:
    """A campaign with a rule, for words where nothing else is said."""
    campaign = CampaignFactory(name=name)
    CampaignRule.objects.create(campaign=campaign, kind=kind, pattern=pattern, **values)
    return campaign


class TestWords:
    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("KAOS2", "mau KAOS2 kak"),
            ("KAOS2", "kaos2"),
            ("KAOS2", "(kaos2)"),
            ("KAOS2", "*KAOS2*, ya"),
            ("KAOS2", "_KAOS2_"),
            ("KAOS2", "KAOS2🔥🔥"),
            ("KAOS2", "promo:KAOS2!"),
            ("KAOS2", "halo\nKAOS2"),
            ("KAOS2", "KAOS\u200b2"),
            ("KAOS2", "\u202aKAOS2\u202c"),
            ("KAOS2", "ＫＡＯＳ２"),
            ("KAOS2", "𝗞𝗔𝗢𝗦𝟮"),
            ("KAOS2", "KAOS2️⃣"),
            ("(LBR26)", "Halo kak (LBR26)"),
            ("kaos-2", "KAOS 2"),
            ("KAOS 2", "kaos-2"),
            ("promo gajian", "Halo, mau Promo  Gajian-nya dong"),
            ("ibu rumah tangga", "paket Ibu\nRumah, Tangga"),
            ("jum'at berkah", "JUM'AT BERKAH"),
            ("ÉTÉ", "l’été"),
            ("straße", "STRASSE"),
            ("промо", "код ПРОМО"),
            ("ลด", "ลด 50%"),
            ("DP", "sudah dp-nya? ADP"),
            ("🔥", "mau🔥"),
            ("👉🏽KAOS", "kak 👉🏽 kaos dong"),
            ("#KAOS-2", "kode: #kaos-2."),
            ("#KAOS-2", "KAOS 2 ya kak"),
            ("Diskon s/d 50%", "saya mau diskon S/D 50 persen"),
            ("gak jadi", "GAK... jadi?"),
            ("cafe\u0301", "promo CAFÉ"),
        ],
    )
    def test_whole_words_match_whatever_their_case_and_punctuation(
        self, bridge: Bridge, pattern: str, text: str
    ) -> None:
        rule("Kaos", pattern)
        message(bridge, text, minute=1)
        assert campaign_of_budi() == "Kaos"

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("KAOS2", "mau KAOS25"),
            ("KAOS2", "XKAOS2"),
            ("KAOS2", "kaos 2 pcs"),
            ("KAOS2", "kaos-2 pcs"),
            ("promo gajian", "promo akhir gajian"),
            ("promo gajian", "gajian promo"),
            ("promo gajian", "promo gajianmu"),
            ("IG", "tolong kirim yg tinggi, digital"),
            ("ลด", "ลดา"),
            ("🔥", "mau 💧"),
            ("#KAOS-2", "#KAOS-25"),
            ("#KAOS-2", "#KAOS2"),
            ("café", "promo cafe"),
            ("beli", "pembelian, membeli, belikan"),
        ],
    )
    def test_what_only_begins_like_a_code_is_not_it(self, bridge: Bridge, pattern: str, text: str) -> None:
        rule("Kaos", pattern)
        message(bridge, text, minute=1)
        assert campaign_of_budi() is None

    def test_a_rule_may_say_anywhere_in_the_text(self, bridge: Bridge) -> None:
        rule("Kaos", "AOS-2", match="contains")
        message(bridge, "mau kaos-25 kak", minute=1)
        assert campaign_of_budi() == "Kaos"

    @pytest.mark.parametrize("longer_first", [True, False])
    @pytest.mark.parametrize(
        ("short", "long", "text"),
        [
            ({"pattern": "KAOS"}, {"pattern": "KAOS-2"}, "mau kaos-2"),
            ({"pattern": "KAOS", "match": "contains"}, {"pattern": "KAOS"}, "mau kaos"),
            ({"pattern": "PROMO KAOS", "match": "contains"}, {"pattern": "KAOS"}, "promo kaos"),
            ({"pattern": "promo"}, {"pattern": "promo kaos"}, "promo kaos"),
        ],
    )
    def test_of_equal_rules_the_exacter_one_counts(
        self, bridge: Bridge, short: dict[str, str], long: dict[str, str], text: str, longer_first: bool
    ) -> None:
        for name, values in sorted({"Pendek": short, "Panjang": long}.items(), reverse=not longer_first):
            rule(name, **values)
        message(bridge, text, minute=1)
        assert campaign_of_budi() == "Panjang"

    def test_a_rule_for_one_number_goes_before_the_same_for_all(self, bridge: Bridge) -> None:
        rule("Semua", "KAOS")
        rule("Nomor ini", "KAOS", channel=Channel.objects.get())
        message(bridge, "kaos", minute=1)
        assert campaign_of_budi() == "Nomor ini"

    def test_priority_goes_before_exactness(self, bridge: Bridge) -> None:
        rule("Panjang", "promo kaos", priority=100)
        rule("Penting", "promo", priority=50)
        message(bridge, "promo kaos", minute=1)
        assert campaign_of_budi() == "Penting"


class TestIds:
    @pytest.mark.parametrize("kind", ["ad", "ref", "click"])
    @pytest.mark.parametrize("told", ["12023", "x1202", "1202-3", "1202 a"])
    def test_ids_of_ads_are_compared_exactly(self, bridge: Bridge, kind: str, told: str) -> None:
        campaign = CampaignFactory(name="Iklan")
        CampaignRule.objects.create(campaign=campaign, kind=kind, pattern="1202")
        field = {"ad": "source_id", "ref": "ref", "click": "click_id"}[kind]
        message(bridge, "Halo", minute=1, ad={"source_id": "9", field: told})
        assert campaign_of_budi() is None


class TestPatterns:
    def test_a_pattern_is_looked_for_in_the_first_message(self, bridge: Bridge) -> None:
        rule("Kaos", r"kaos ?\d{2}", kind="regex")
        message(bridge, "Halo, mau KAOS 25", minute=1)
        assert campaign_of_budi() == "Kaos"
        assert CampaignTouch.objects.get().evidence == {"regex": r"kaos ?\d{2}", "text": "kaos 25"}

    def test_words_go_before_a_pattern_of_the_same_priority(self, bridge: Bridge) -> None:
        rule("Pola", r"kaos\d+", kind="regex")
        rule("Kata", "kaos25")
        message(bridge, "kaos25", minute=1)
        assert campaign_of_budi() == "Kata"

    def test_a_pattern_that_could_run_away_is_refused_in_words(self) -> None:
        draft = CampaignRule(campaign=CampaignFactory(), kind="regex", pattern="(a+)+b")
        with pytest.raises(ValidationError, match="could take for ever"):
            draft.full_clean()


class TestNumbers:
    """A rule that says what one of our numbers is for."""

    def test_a_number_speaks_when_nothing_else_does(self, bridge: Bridge) -> None:
        rule("Spanduk", "", kind="channel", channel=Channel.objects.get())
        message(bridge, "Halo", minute=1)
        assert campaign_of_budi() == "Spanduk"

    def test_words_go_before_the_number_whatever_their_priority(self, bridge: Bridge) -> None:
        rule("Spanduk", "", kind="channel", channel=Channel.objects.get(), priority=1)
        rule("Kata", "halo", priority=900)
        message(bridge, "Halo", minute=1)
        assert campaign_of_budi() == "Kata"

    def test_its_rule_goes_before_the_default_campaign_and_only_in_its_days(self, bridge: Bridge) -> None:
        Channel.objects.update(default_campaign=CampaignFactory(name="Biasa"))
        rule("Spanduk", "", kind="channel", channel=Channel.objects.get(), until="2026-03-01")
        message(bridge, "Halo", minute=1)
        assert campaign_of_budi() == "Biasa"

    def test_a_number_has_a_rule_for_no_other_one(self) -> None:
        draft = CampaignRule(campaign=CampaignFactory(), kind="channel")
        with pytest.raises(ValidationError, match="Choose the WhatsApp number"):
            draft.full_clean()


class TestDays:
    """MON is Monday, 2 March, 10:00 in Jakarta; a rule's days are the business's and both count."""

    @pytest.mark.parametrize(
        ("since", "until", "hours", "holds"),
        [
            ("2026-03-02", None, -10, True),  # midnight in Jakarta, Sunday in London
            ("2026-03-02", None, -10.01, False),
            (None, "2026-03-02", 13.99, True),
            (None, "2026-03-02", 14, False),
            ("2026-03-02", "2026-03-02", 0, True),
            ("2026-03-03", "2026-03-09", 0, False),
        ],
    )
    @pytest.mark.parametrize("kind", ["keyword", "ad"])
    def test_a_rule_holds_in_its_days(
        self, bridge: Bridge, kind: str, since: str | None, until: str | None, hours: float, holds: bool
    ) -> None:
        rule("Promo", "promo", kind=kind, since=since, until=until)
        ad = {"source_id": "promo"} if kind == "ad" else None
        message(bridge, "promo", minute=round(hours * 60), ad=ad)
        assert campaign_of_budi() == ("Promo" if holds else None)

    def test_outside_its_days_the_next_rule_is_asked(self, bridge: Bridge) -> None:
        rule("Lama", "promo", priority=1, until="2026-02-28")
        rule("Baru", "promo", priority=2)
        message(bridge, "promo", minute=1)
        assert campaign_of_budi() == "Baru"


class TestEvidence:
    def test_a_touch_says_which_rule_and_which_part_of_the_text(self, bridge: Bridge) -> None:
        rule("Kaos", "kaos 2")
        message(bridge, "Halo kak, *KAOS-2* ya", minute=1)
        touch = CampaignTouch.objects.get()
        assert touch.rule == CampaignRule.objects.get()
        assert touch.evidence == {"keyword": "kaos 2", "text": "KAOS-2"}

    def test_a_recorded_touch_stays_when_its_rule_is_changed(self, bridge: Bridge) -> None:
        kaos = rule("Kaos", "kaos")
        message(bridge, "kaos", minute=1)
        CampaignRule.objects.update(pattern="baju", campaign=CampaignFactory(name="Baju"))
        message(bridge, "lagi", minute=5)
        assert campaign_of_budi() == "Kaos"
        assert CampaignTouch.objects.get().campaign == kaos

    def test_the_rules_of_an_archived_campaign_sleep(self, bridge: Bridge) -> None:
        kaos = rule("Kaos", "kaos")
        archive_campaign(kaos, actor=None, origin="test")
        message(bridge, "kaos", minute=5)
        assert campaign_of_budi() is None
        restore_campaign(kaos, actor=None, origin="test")
        message(bridge, "kaos", minute=1)
        assert campaign_of_budi() == "Kaos"


def test_a_campaign_has_a_rule_once() -> None:
    campaign = rule("Kaos", "kaos")
    values = {"campaign": campaign, "kind": "keyword", "pattern": "kaos"}
    with pytest.raises(ValidationError, match="has this rule already"):
        create_rule(actor=None, origin="test", **values)
    create_rule(actor=None, origin="test", **values, since=date(2026, 3, 1))
