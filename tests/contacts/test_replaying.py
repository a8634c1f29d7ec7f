"""Rules applied to the history: as if they had been there from the beginning, once, and nothing said by hand lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import jobs
from contacts.models import Campaign, CampaignRule, CampaignTouch, Channel, Contact, Message
from contacts.selectors.recognizing import MANUAL, Recognizer
from contacts.services import replaying
from contacts.services.attribution import attribute, set_first_touch
from contacts.services.campaigns import archive_campaign
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job
from tests.factories import CampaignFactory, ChannelFactory, ContactFactory, UserFactory
from tests.services_plugin import is_full_run
from tests.work import do_work

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def told(contact: Contact, channel: Channel, minute: int, text: str = "", ad: str = "", **values: Any) -> Message:
    """A message in, stored and attributed as the drain does."""
    at = MON + timedelta(minutes=minute)
    message = Message.objects.create(
        contact=contact, channel=channel, external_id=f"M{contact.pk}-{minute}", from_me=False, text=text, at=at,
        at_source="whatsapp", received_at=at, ad={"source_id": ad} if ad else None, **values,
    )  # fmt: skip
    first = min(at, contact.first_inbound_at or at)
    Contact.objects.filter(pk=contact.pk).update(first_inbound_at=first)
    contact.first_inbound_at = first
    attribute([message.pk])
    return message


def recorded() -> list[tuple[Any, ...]]:
    """Every touch, and every contact's campaign."""
    touches = CampaignTouch.objects.order_by("contact", "at", "message").values_list(
        "contact", "channel", "message", "at", "campaign", "method", "rule", "evidence"
    )
    return [*touches, *Contact.all_objects.order_by("pk").values_list("pk", "campaign")]


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory()


@pytest.fixture
def campaigns() -> list[Campaign]:
    return [CampaignFactory(name=name) for name in ("Kaos", "Baju", "Iklan")]


def replay_now(**values: Any) -> Job:
    job = jobs.replay(actor=values.pop("actor", None), **values)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


def moves(job: Job) -> list[tuple[Any, Any, int]]:
    return [tuple(move[:3]) for move in job.result["moves"]]


class TestOneRule:
    def test_a_new_rule_finds_its_contacts_in_the_history(self, channel: Channel, campaigns: list[Campaign]) -> None:
        kaos, baju, _ = campaigns
        people = [ContactFactory() for _ in range(3)]
        for contact, text in zip(people, ("mau kaos", "mau baju", "kaos baju"), strict=True):
            told(contact, channel, 1, text)
        CampaignRule.objects.create(campaign=baju, kind="keyword", pattern="baju", priority=9)
        replay_now()
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos", priority=1)
        job = replay_now()
        assert moves(job) == [(None, kaos.pk, 1), (baju.pk, kaos.pk, 1)]
        assert job.result["touches"] == 2
        assert list(Contact.objects.order_by("pk").values_list("campaign", flat=True)) == [kaos.pk, baju.pk, kaos.pk]

    def test_a_rule_that_is_switched_off_gives_its_contacts_back(
        self, channel: Channel, campaigns: list[Campaign]
    ) -> None:
        rule = CampaignRule.objects.create(campaign=campaigns[0], kind="keyword", pattern="kaos")
        contact = ContactFactory()
        told(contact, channel, 1, "kaos")
        CampaignRule.objects.filter(pk=rule.pk).update(active=False)
        assert moves(replay_now()) == [(campaigns[0].pk, None, 1)]
        contact.refresh_from_db()
        assert contact.campaign is None
        assert not CampaignTouch.objects.exists()

    def test_an_ad_that_nobody_claimed_is_claimed(self, channel: Channel, campaigns: list[Campaign]) -> None:
        contact = ContactFactory()
        told(contact, channel, 1, "Halo", ad="120")
        CampaignRule.objects.create(campaign=campaigns[2], kind="ad", pattern="120")
        assert moves(replay_now()) == [(None, campaigns[2].pk, 1)]
        assert CampaignTouch.objects.get().campaign == campaigns[2]

    def test_what_a_person_said_stays_the_first_touch(self, channel: Channel, campaigns: list[Campaign]) -> None:
        kaos, baju, _ = campaigns
        contact = ContactFactory()
        told(contact, channel, 1, "kaos")
        by_hand = CampaignTouch.objects.create(contact=contact, campaign=baju, at=MON, method=MANUAL)
        set_first_touch([contact.pk])
        CampaignRule.objects.create(campaign=kaos, kind="keyword", pattern="kaos")
        job = replay_now()
        assert (moves(job), job.result["touches"]) == ([], 1)
        contact.refresh_from_db()
        assert contact.campaign == baju
        assert CampaignTouch.objects.filter(pk=by_hand.pk, campaign=baju, method=MANUAL).exists()

    def test_a_touch_whose_message_is_not_kept_stays(self, channel: Channel, campaigns: list[Campaign]) -> None:
        contact = ContactFactory()
        told(contact, channel, 1, "Halo")
        CampaignTouch.objects.create(contact=contact, campaign=campaigns[0], at=MON, method="keyword")
        set_first_touch([contact.pk])
        replay_now()
        contact.refresh_from_db()
        assert contact.campaign == campaigns[0]

    def test_an_archived_campaign_brings_nobody(self, channel: Channel, campaigns: list[Campaign]) -> None:
        CampaignRule.objects.create(campaign=campaigns[0], kind="keyword", pattern="kaos")
        told(ContactFactory(), channel, 1, "kaos")
        archive_campaign(campaigns[0], actor=None, origin="test")
        assert moves(replay_now()) == [(campaigns[0].pk, None, 1)]

    def test_the_audit_trail_says_what_a_replay_changed(self, channel: Channel, campaigns: list[Campaign]) -> None:
        owner = UserFactory()
        told(ContactFactory(), channel, 1, "kaos")
        CampaignRule.objects.create(campaign=campaigns[0], kind="keyword", pattern="kaos")
        job = replay_now(actor=owner)
        entry = AuditEntry.objects.get(action="campaigns.replayed")
        assert entry.actor == owner
        assert entry.details == {
            "contacts": 1, "touches": 1, "moves": [[None, campaigns[0].pk, 1]], "job": job.pk,
        }  # fmt: skip


class TestPreview:
    def draft(self, campaign: Campaign, **values: Any) -> CampaignRule:
        return CampaignRule(**({"campaign": campaign, "kind": "keyword", "pattern": "kaos"} | values))

    def test_it_counts_and_writes_nothing(self, channel: Channel, campaigns: list[Campaign]) -> None:
        people = [ContactFactory() for _ in range(5)]
        for contact in people:
            told(contact, channel, 1, "kaos")
        before = recorded()
        job = jobs.preview(self.draft(campaigns[0]), actor=None)
        do_work()
        job.refresh_from_db()
        assert moves(job) == [(None, campaigns[0].pk, 5)]
        assert job.result["moves"][0][3] == [contact.pk for contact in people[: replaying.EXAMPLES]]
        assert (recorded(), CampaignRule.objects.count()) == (before, 0)

    def test_what_it_said_is_what_saving_and_applying_does(self, channel: Channel, campaigns: list[Campaign]) -> None:
        told(ContactFactory(), channel, 1, "kaos")
        rule = CampaignRule.objects.create(campaign=campaigns[1], kind="keyword", pattern="kaos")
        replay_now()
        rule.campaign = campaigns[0]
        job = jobs.preview(rule, actor=None)
        do_work()
        job.refresh_from_db()
        applied = jobs.save_previewed(job, actor=None, origin="test", apply=True)
        assert applied is not None
        do_work()
        applied.refresh_from_db()
        assert CampaignRule.objects.get().campaign == campaigns[0]
        assert moves(applied) == moves(job) == [(campaigns[1].pk, campaigns[0].pk, 1)]

    def test_a_rule_may_be_saved_for_new_messages_only(self, channel: Channel, campaigns: list[Campaign]) -> None:
        told(ContactFactory(), channel, 1, "kaos")
        job = jobs.preview(self.draft(campaigns[0]), actor=None)
        assert jobs.save_previewed(job, actor=None, origin="test", apply=False) is None
        assert CampaignRule.objects.get().pattern == "kaos"
        assert not CampaignTouch.objects.exists()


class TestWork:
    @pytest.fixture(autouse=True)
    def _small_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replaying, "CHUNK", 2)

    @pytest.fixture
    def people(self, channel: Channel, campaigns: list[Campaign]) -> list[Contact]:
        found = [ContactFactory() for _ in range(5)]
        for contact in found:
            told(contact, channel, 1, "kaos")
        CampaignRule.objects.create(campaign=campaigns[0], kind="keyword", pattern="kaos")
        return found

    def test_it_goes_on_where_the_last_step_ended(self, people: list[Contact], campaigns: list[Campaign]) -> None:
        job = jobs.replay(actor=None)
        core_jobs.run(job.pk, seconds=0)
        job.refresh_from_db()
        assert (job.progress, job.total, CampaignTouch.objects.count()) == (2, 5, 2)
        do_work()
        job.refresh_from_db()
        assert (job.progress, moves(job)) == (5, [(None, campaigns[0].pk, 5)])
        assert CampaignTouch.objects.count() == 5

    def test_every_contact_is_judged_by_the_rules_of_when_it_was_asked_for(
        self, people: list[Contact], campaigns: list[Campaign]
    ) -> None:
        job = jobs.replay(actor=None)
        core_jobs.run(job.pk, seconds=0)
        CampaignRule.objects.update(campaign=campaigns[1])
        do_work()
        assert set(Contact.objects.values_list("campaign", flat=True)) == {campaigns[0].pk}

    def test_a_stopped_one_keeps_what_it_did(self, people: list[Contact]) -> None:
        job = jobs.replay(actor=None)
        core_jobs.run(job.pk, seconds=0)
        core_jobs.cancel(job, actor=None)
        do_work()
        job.refresh_from_db()
        assert (job.state, CampaignTouch.objects.count()) == ("cancelled", 2)

    def test_a_step_costs_the_same_for_many_as_for_few(
        self, people: list[Contact], django_assert_max_num_queries: Any
    ) -> None:
        recognizer = Recognizer.now()
        with django_assert_max_num_queries(20):
            replaying.replay([contact.pk for contact in people], recognizer)
        with django_assert_max_num_queries(4):
            replaying.replay([contact.pk for contact in people], recognizer)


# -- Any history and any rules ----------------------------------------------------------------------------------------

WORDS = ("kaos", "kaos 2", "baju", "halo kaos2", "promo baju kaos")
TOLD = st.tuples(
    st.integers(0, 2), st.integers(0, 1), st.sampled_from(WORDS), st.sampled_from(["", "", "1", "2"]), st.booleans()
)
RULES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            [("keyword", "kaos"), ("keyword", "kaos 2"), ("keyword", "baju"), ("regex", r"kaos ?\d"), ("ad", "1"),
             ("channel", "")]
        ),
        st.integers(0, 1),
        st.sampled_from([None, 0, 1]),
        st.sampled_from([(None, None), ("2026-03-02", None), (None, "2026-03-02"), ("2026-03-03", "2026-03-04")]),
    ),
    max_size=5, unique_by=lambda rule: rule[:2],
)  # fmt: skip


class World:
    """Two numbers, three people and three campaigns, and messages that come to them."""

    def __init__(self) -> None:
        self.channels = [ChannelFactory(), ChannelFactory(default_campaign=CampaignFactory())]
        self.people = [ContactFactory() for _ in range(3)]
        self.campaigns = [CampaignFactory() for _ in range(3)]

    def hear(self, story: list[tuple[Any, ...]], order: list[int]) -> None:
        """The messages of a story, each at a time of its own, in this order; what was recorded before is forgotten."""
        CampaignTouch.objects.all().delete()
        Message.objects.all().delete()
        Contact.objects.update(campaign=None, first_inbound_at=None)
        people = [Contact.objects.get(pk=contact.pk) for contact in self.people]
        for place in order:
            who, number, text, ad, history = story[place]
            told(people[who], self.channels[number], place * 700, text, ad, history=history)

    def rule(self, rules: list[tuple[Any, ...]]) -> None:
        CampaignRule.objects.all().delete()
        for campaign, (kind, pattern), priority, number, (since, until) in rules:
            channel = self.channels[number or 0] if kind == "channel" or number is not None else None
            CampaignRule.objects.create(
                campaign=self.campaigns[campaign], kind=kind, pattern=pattern, priority=priority, channel=channel,
                since=since, until=until,
            )  # fmt: skip

    def found(self) -> list[tuple[Any, ...]]:
        """What is recorded, by messages' names instead of ids: these differ with the order."""
        touches = CampaignTouch.objects.order_by("message__external_id").values_list(
            "contact", "channel", "message__external_id", "at", "campaign", "method", "rule", "evidence"
        )
        return [*touches, *Contact.objects.order_by("pk").values_list("pk", "campaign")]


@given(st.lists(TOLD, max_size=8), RULES, RULES, st.data())
@settings(
    max_examples=40 if is_full_run() else 15, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
def test_a_replay_equals_having_had_the_rules_from_the_beginning(
    story: list[tuple[Any, ...]], before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """Whatever the rules were before, in whatever order the messages came, and however often it is done."""
    with transaction.atomic():
        world = World()
        order = data.draw(st.permutations(range(len(story))))
        world.rule(before)
        world.hear(story, order)
        world.rule(after)
        counted = replaying.differences([c.pk for c in world.people], Recognizer.now())
        done = replaying.replay([c.pk for c in world.people], Recognizer.now())
        assert done.moves == counted.moves
        replayed = world.found()
        again = replaying.replay([c.pk for c in world.people], Recognizer.now())
        assert (again.contacts, world.found()) == (set(), replayed)
        world.hear(story, list(range(len(story))))
        assert world.found() == replayed
        transaction.set_rollback(True)
