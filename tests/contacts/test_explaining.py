"""What the test box of the rules knows: which rule fires, which others would have, and which nearly do."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from contacts.models import Campaign, CampaignRule, Channel, Message
from contacts.selectors.explaining import Explanation, Lost, Near, explain
from contacts.selectors.recognizing import LONGEST_EVIDENCE, Recognizer
from tests.factories import THEN, CampaignFactory, ChannelFactory

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def rule(pattern: str, *, kind: str = "keyword", name: str = "", archived: bool = False, **values: Any) -> CampaignRule:
    campaign: Campaign = CampaignFactory(name=name or pattern, deleted_at=THEN if archived else None)
    return CampaignRule.objects.create(campaign=campaign, kind=kind, pattern=pattern, **values)


def asked(
    text: str = "", *, channel: Channel | None = None, hide: CampaignRule | None = None, **ad: str
) -> Explanation:
    message = Message(text=text, ad=ad or None, channel=channel, at=MON)
    rules = CampaignRule.objects.select_related("campaign", "channel").exclude(pk=hide.pk if hide else None)
    return explain(message, recognizer=Recognizer.now(), rules=list(rules))


def near(found: Explanation) -> list[tuple[Near, str]]:
    return [(one.why, one.part) for one in found.near]


def test_the_rule_that_fires_is_named_with_what_it_saw() -> None:
    kaos = rule("KAOS2")
    found = asked("mau *kaos2* kak")
    assert (found.rule, found.near, found.lost) == (kaos, [], [])
    assert found.fired is not None
    assert found.fired.evidence == {"keyword": "KAOS2", "text": "kaos2"}


@pytest.mark.parametrize(
    ("pattern", "text", "why", "part"),
    [
        ("KAOS2", "mau KAOS25 kak", Near.PART, "KAOS25"),
        ("promo gajian", "promo gajianmu", Near.PART, "promo gajianmu"),
        ("KAOS2", "mau Kaos 2", Near.APART, "Kaos 2"),
        ("KAOS-2", "mau KAOS2", Near.APART, "KAOS2"),
        ("GAJIAN", "promo gajiaan", Near.TYPO, "gajiaan"),
    ],
)
def test_words_that_nearly_match_say_what_is_missing(pattern: str, text: str, why: Near, part: str) -> None:
    rule(pattern)
    found = asked(text)
    assert found.fired is None
    assert near(found) == [(why, part)]


def test_a_word_of_4000_letters_is_answered_for_many_rules() -> None:
    for n in range(100):
        rule(f"KAOS{n:03}X")
    begun = monotonic()
    assert near(asked("k" * 4_000)) == []
    assert near(asked("k" * 2_000 + "kaos007xk")) == [(Near.PART, ("k" * 2_000 + "kaos007xk")[:LONGEST_EVIDENCE])]
    assert monotonic() - begun < 2


@pytest.mark.parametrize("text", ["mau KAOS3", "baju", "k a", ""])
def test_another_code_is_no_near_miss(text: str) -> None:
    rule("KAOS2")
    assert near(asked(text)) == []


def test_a_pattern_says_that_it_finds_only_a_part_of_a_word() -> None:
    rule(r"kaos\d", kind="regex")
    assert near(asked("mau kaos25")) == [(Near.PART, "kaos25")]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"active": False}, Near.OFF),
        ({"archived": True}, Near.ARCHIVED),
        ({"since": "2026-03-03"}, Near.DAYS),
        ({"until": "2026-03-01"}, Near.DAYS),
    ],
)
@pytest.mark.parametrize("kind", ["keyword", "ad"])
def test_a_rule_that_is_not_asked_says_why(kind: str, values: dict[str, Any], why: Near) -> None:
    rule("promo", kind=kind, **values)
    found = asked("promo", **({"source_id": "promo"} if kind == "ad" else {}))
    assert near(found) == [(why, "promo")]


def test_a_rule_for_another_number_says_so() -> None:
    mine, other = ChannelFactory(), ChannelFactory()
    rule("promo", channel=other)
    assert near(asked("promo", channel=mine)) == [(Near.NUMBER, "promo")]


def test_ids_that_nearly_match_say_what_is_missing() -> None:
    rule("AbC", kind="ad")
    assert near(asked(source_id="abc ")) == [(Near.CASE, "abc ")]
    assert near(asked(source_id="9", ref="AbC")) == [(Near.FIELD, "ref")]


def test_what_would_have_matched_says_why_it_lost() -> None:
    channel = ChannelFactory(default_campaign=CampaignFactory())
    first, later = rule("kaos", priority=1), rule("promo kaos", priority=2)
    rule("kaos merah", kind="keyword", priority=1, match="contains", active=False)
    shorter = rule("promo", priority=1)
    number = rule("", kind="channel", name="nomor", channel=channel)
    found = asked("promo kaos", channel=channel)
    assert found.rule == shorter, "of one priority the longer word counts"
    lost = [(one.rule, one.why) for one in found.lost]
    assert lost == [(first, Lost.EXACT), (later, Lost.PRIORITY), (number, Lost.WORDS), (None, Lost.WORDS)]


def test_words_do_not_count_for_what_came_by_an_ad() -> None:
    kaos = rule("kaos")
    found = asked("kaos", source_id="9")
    assert found.fired is not None
    assert found.fired.campaign_id is None
    assert [(one.rule, one.why) for one in found.lost] == [(kaos, Lost.AD)]


def test_rules_that_the_reader_does_not_see_are_not_named() -> None:
    hidden, kaos = rule("kaos biru", channel=ChannelFactory()), rule("kaos")
    found = asked("kaos biru", channel=hidden.channel, hide=hidden)
    assert found.rule is None
    assert [one.rule for one in found.lost] == [kaos]
    assert asked("kaos biru2", hide=hidden).near == []
