"""What was said before a number was connected: it tells when somebody first wrote, and is nobody's work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Agent, Campaign, CampaignRule, CampaignTouch, Contact, ContactChannel, Message
from contacts.services.unmerging import recount
from reports.selectors import agents
from reports.selectors.agents import AgentRow
from reports.selectors.filtered_spells import Filters
from reports.selectors.home import never_labelled
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.adversarial.number import BUDI, MON, Number, states
from tests.factories import CampaignFactory

pytestmark = pytest.mark.django_db

LONG_AGO = MON - timedelta(days=100)
YESTERDAY = MON - timedelta(days=1)
TODAY = MON + timedelta(hours=1)


@pytest.fixture
def number() -> Number:
    return Number("cloudapi", agent="rina", team="Sales")


def past(number: Number, message_id: str, at: datetime, *, ours: bool = False, **more: Any) -> Any:
    """A history of one message of Budi's chat."""
    message = number.say.past(message_id, sender=None if ours else BUDI, at=at, **more)
    return number.say.history(number.say.thread(BUDI, message))


def live(number: Number, message_id: str, at: datetime, **more: Any) -> Any:
    return number.say.message(BUDI, message_id=message_id, at=at, **more)


def budi() -> Contact:
    return Contact.objects.get(phone=f"+{BUDI}")


def row_of_rina(*, now: datetime | None = None) -> AgentRow:
    period = Period(LONG_AGO - timedelta(days=1), MON + timedelta(days=30))
    question = Question(period, Filters(), now or MON + timedelta(days=30))
    return agents.report(question, agents=Agent.objects.all())[0]


def waiting_for_a_label() -> list[str]:
    return [contact.phone for contact in never_labelled(Contact.objects.all(), now=timezone.now())]


def test_history_makes_somebody_known_and_fills_in_when_they_wrote(number: Number) -> None:
    number.take(past(number, "a", LONG_AGO), past(number, "b", YESTERDAY), past(number, "c", LONG_AGO, ours=True))
    contact, link = budi(), ContactChannel.objects.get()
    assert states() == ["applied"] * 3
    for row in (contact, link):
        assert (row.first_seen_at, row.first_inbound_at, row.last_inbound_at) == (LONG_AGO, LONG_AGO, YESTERDAY)
        assert (row.last_outbound_at, row.has_history, row.first_live_inbound_at) == (LONG_AGO, True, None)
    assert set(Message.objects.values_list("history", flat=True)) == {True}


def test_history_is_nobodys_work(number: Number) -> None:
    number.take(past(number, "a", LONG_AGO), past(number, "b", YESTERDAY))
    row = row_of_rina()
    assert (row.received, row.labelled_1h.n, row.labelled_24h.n, row.unlabelled, row.unlabelled_so_far) == (0,) * 5
    assert waiting_for_a_label() == []


def test_whoever_writes_again_is_received_but_did_not_arrive(number: Number) -> None:
    number.take(past(number, "a", LONG_AGO), live(number, "b", TODAY))
    contact, row = budi(), row_of_rina()
    assert (contact.first_inbound_at, contact.last_inbound_at) == (LONG_AGO, TODAY)
    assert contact.first_live_inbound_at == TODAY
    assert (row.received, row.labelled_1h.n, row.unlabelled) == (1, 0, 0)
    assert waiting_for_a_label() == [f"+{BUDI}"]


def test_the_order_in_which_old_and_new_are_told_changes_nothing(number: Number) -> None:
    number.take(live(number, "b", TODAY))
    assert row_of_rina().labelled_1h.n == 1
    number.take(past(number, "a", LONG_AGO))
    contact, row = budi(), row_of_rina()
    assert (contact.first_inbound_at, contact.first_live_inbound_at) == (LONG_AGO, TODAY)
    assert (row.received, row.labelled_1h.n, row.unlabelled) == (1, 0, 0)


@pytest.mark.parametrize("live_first", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_that_is_told_in_both_ways_is_live(number: Number, live_first: bool, at_once: bool) -> None:
    posts = [past(number, "a", TODAY), live(number, "a", TODAY)]
    for post in reversed(posts) if live_first else posts:
        number.hear(post)
        if not at_once:
            number.drain()
    number.drain()
    assert [message.history for message in Message.objects.all()] == [False]
    assert (row_of_rina().received, row_of_rina().labelled_1h.n) == (1, 1)
    assert waiting_for_a_label() == [f"+{BUDI}"]


def test_the_words_of_an_old_first_message_are_a_touch_at_their_time(number: Number) -> None:
    campaign = CampaignFactory(code="gajian")
    CampaignRule.objects.create(campaign=campaign, kind="keyword", pattern="gajian")
    number.take(live(number, "b", TODAY, text="promo gajian"))
    assert CampaignTouch.objects.get().at == TODAY
    number.take(past(number, "a", LONG_AGO, text="halo"))
    assert not CampaignTouch.objects.exists()
    assert budi().campaign is None
    number.take(past(number, "0", LONG_AGO - timedelta(days=1), text="mau gajian"))
    assert CampaignTouch.objects.get().at == LONG_AGO - timedelta(days=1)


def test_an_old_ad_is_a_touch_at_its_time(number: Number) -> None:
    CampaignRule.objects.create(campaign=CampaignFactory(code="lebaran"), kind="ad", pattern="120")
    number.take(past(number, "a", LONG_AGO, referral={"source_id": "120", "source_type": "ad"}))
    assert (CampaignTouch.objects.get().at, budi().campaign) == (LONG_AGO, Campaign.objects.get())


def test_what_a_number_is_used_for_now_says_nothing_about_then(number: Number) -> None:
    number.channel.default_campaign = CampaignFactory(code="bio-ig")
    number.channel.save()
    number.take(past(number, "a", LONG_AGO), live(number, "b", TODAY))
    assert not CampaignTouch.objects.exists()


def test_counting_again_from_the_messages_gives_the_same(number: Number) -> None:
    number.take(past(number, "a", LONG_AGO), live(number, "b", TODAY), past(number, "c", YESTERDAY))
    columns = ("first_inbound_at", "last_inbound_at", "has_history", "first_live_inbound_at")
    before = [budi(), ContactChannel.objects.get()]
    recount(budi().pk)
    for old, new in zip(before, [budi(), ContactChannel.objects.get()], strict=True):
        assert [getattr(old, name) for name in columns] == [getattr(new, name) for name in columns]


def test_two_who_become_one_keep_what_is_live(number: Number) -> None:
    number.take(number.say.written_by("ID.1", message_id="a", at=TODAY))
    number.take(past(number, "b", LONG_AGO), number.say.written_by("ID.1", phone=BUDI, message_id="c", at=TODAY))
    contact, link = budi(), ContactChannel.objects.get()
    for row in (contact, link):
        assert (row.first_inbound_at, row.has_history, row.first_live_inbound_at) == (LONG_AGO, True, TODAY)


def test_history_that_nobody_shares_leaves_only_its_reason(number: Number) -> None:
    declined = {"errors": [{"code": 2593109}]}
    number.take(number.say.changes(number.say.change("history", history=[declined])))
    assert states() == ["ignored"]
    assert not Contact.objects.exists()
