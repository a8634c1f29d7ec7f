"""First messages that no campaign claims: how they are put together, and whose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Channel, Contact, ContactChannel, Message
from contacts.selectors.first_messages import DAYS, Unclaimed, suggested_word, unclaimed
from contacts.selectors.viewing import viewer_of
from tests.factories import CampaignFactory, ChannelFactory, ContactFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory()


def wrote(channel: Channel, text: str, *, days: float = 1, ad: Any = None, **values: Any) -> Contact:
    """A contact whose first message this was."""
    at = timezone.now() - timedelta(days=days)
    contact = ContactFactory(first_inbound_at=at, **values)
    ContactChannel.objects.create(contact=contact, channel=channel, first_seen_at=at, first_inbound_at=at)
    for number, (words, later) in enumerate(((text, 0), ("lagi", 1))):
        Message.objects.create(
            contact=contact, channel=channel, external_id=f"{contact.pk}-{number}", from_me=False, text=words,
            at=at + timedelta(minutes=later), at_source="whatsapp", received_at=at, ad=ad if not number else None,
        )  # fmt: skip
    return contact


def seen_by(user: Any) -> Unclaimed:
    return unclaimed(viewer=viewer_of(user))


@pytest.fixture
def owner() -> Any:
    return UserFactory(role="owner")


def texts(found: Unclaimed) -> list[tuple[str, int]]:
    return [(group.text, group.contacts) for group in found.texts]


def test_messages_that_differ_in_case_signs_and_amounts_are_one_group(channel: Channel, owner: Any) -> None:
    people = [
        wrote(channel, text, days=days)
        for days, text in enumerate(("Halo kak, 2 pcs ya!", "halo KAK 12 pcs ya 🔥", "halo  kak -- 3 pcs ya"), start=1)
    ]
    wrote(channel, "kode KAOS2")
    wrote(channel, "kode KAOS3")
    found = seen_by(owner)
    assert texts(found)[0] == ("halo kak # pcs ya", 3)
    assert {text for text, _ in texts(found)[1:]} == {"kode kaos2", "kode kaos3"}, "a code is no amount"
    first = found.texts[0]
    assert (first.share, first.examples) == (3 / 5, [contact.pk for contact in people])
    assert first.last_at == people[0].first_inbound_at
    assert (found.wrote, found.contacts, found.without_text) == (5, 5, 0)


def test_only_first_messages_without_a_campaign_of_the_last_days_count(channel: Channel, owner: Any) -> None:
    wrote(channel, "baru")
    wrote(channel, "lama", days=DAYS + 1)
    wrote(channel, "berkampanye", campaign=CampaignFactory())
    wrote(channel, "diarsipkan", deleted_at=timezone.now())
    wrote(channel, "")
    found = seen_by(owner)
    assert texts(found) == [("baru", 1)]
    assert (found.wrote, found.contacts, found.without_text) == (3, 2, 1)


def test_ads_that_no_campaign_claims_stand_apart(channel: Channel, owner: Any) -> None:
    for _ in range(2):
        wrote(channel, "Halo", ad={"source_id": "120", "headline": "Diskon"})
    wrote(channel, "Halo", ad={"source_id": "", "click_id": "x"})
    found = seen_by(owner)
    assert [(ad.ad_id, ad.title, ad.contacts) for ad in found.ads] == [("120", "Diskon", 2)]
    assert found.texts == []


def test_a_team_sees_the_first_messages_of_its_own_numbers(channel: Channel) -> None:
    other = ChannelFactory()
    shared = wrote(other, "rahasia tim lain")
    ContactChannel.objects.create(contact=shared, channel=channel, first_seen_at=timezone.now())
    wrote(other, "bukan kita")
    wrote(channel, "punya kita")
    found = seen_by(UserFactory(role="cs_lead", teams=[channel.team]))
    assert texts(found) == [("punya kita", 1)]
    assert (found.wrote, found.contacts) == (2, 2)


def test_any_number_of_groups_costs_the_same_queries(
    channel: Channel, owner: Any, django_assert_num_queries: Any
) -> None:
    viewer = viewer_of(owner)
    for number in range(12):
        wrote(channel, f"pesan {'x' * number}", ad={"source_id": str(number)} if number % 2 else None)
    with django_assert_num_queries(4):
        assert len(unclaimed(viewer=viewer).texts) == 6


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Halo kak, kode LBR26 ya", "LBR26"),
        ("#KAOS-2 dong", "#KAOS-2"),
        ("Halo kak, mau tanya gamis syari", "gamis syari"),
        ("bahan combed 24s 30s", "bahan combed 24s 30s"),
        ("Assalamualaikum", ""),
        ("🔥🔥", ""),
        ("mau pesan 2 pcs", "pesan"),
    ],
)
def test_the_word_of_a_rule_is_a_code_else_what_is_no_greeting(text: str, word: str) -> None:
    assert suggested_word(text) == word
