"""Data health: each figure by example, and all of them against the slow computation on drawn businesses."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from contacts.models import Channel, ChannelOwnership, Contact
from labels.models import LabelEvent
from reports.selectors import data_health
from reports.selectors.data_health import ChannelHealthRow
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.reports import slow_health
from tests.reports.slow import Slow
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge
from webhooks.models import InboundEvent, PostCounter, ReconcileRun

pytestmark = pytest.mark.django_db

BUDI = "6281200000001"
HOUR = timedelta(hours=1)


@pytest.fixture
def rina() -> Bridge:
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    Channel.objects.filter(key="cs1").update(connected_at=day(-2))
    bridge.save("1", "Grade A", at=day(-1))
    return bridge


def asked(start: float = 0, end: float = 60, **filters: Any) -> Question:
    return Question(Period(day(start), day(end)), Filters(**filters), day(60))


def row_of(key: str = "cs1", **question: Any) -> ChannelHealthRow:
    rows = data_health.report(asked(**question), channels=Channel.objects.exclude(gateway="crm"))
    return next(row for row in rows if row.channel == key)


def received(after: timedelta) -> None:
    for event in LabelEvent.objects.all():
        LabelEvent.objects.filter(pk=event.pk).update(received_at=event.occurred_at + after)


def test_an_event_that_came_15_minutes_after_it_happened_is_late(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    received(timedelta(minutes=15))
    assert row_of().late == 1
    received(timedelta(minutes=14, seconds=59))
    assert row_of().late == 0


def test_what_happened_before_the_number_was_connected_is_not_late(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    received(timedelta(days=2))
    Channel.objects.filter(key="cs1").update(connected_at=day(1.5))
    assert (row_of().late, row_of().delay_max_s) == (0, None)


def test_events_count_when_they_came_and_not_when_they_happened(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    received(timedelta(days=20))
    assert (row_of(end=10).late, row_of(start=10).late) == (0, 1)


def test_a_removal_of_a_label_that_nobody_told_of_was_never_seen(rina: Bridge) -> None:
    """Taking it off twice is a repeat."""
    rina.label("removed", "1", BUDI, at=day(1))
    rina.label("added", "1", "6281200000002", at=day(1))
    rina.label("removed", "1", "6281200000002", at=day(2))
    rina.label("removed", "1", "6281200000002", at=day(3))
    rina.drain()
    received(HOUR)
    assert row_of().removals_never_seen == 1


def test_drift_is_what_pulls_mended_and_empty_where_none_compared(rina: Bridge) -> None:
    assert row_of().drift is None
    run = ReconcileRun.objects.create(channel=rina.channel, trigger="nightly", state="done", added=2, removed=1)
    assert row_of().drift is None
    run.finished_at = day(5)
    run.save()
    assert row_of().drift == 3


def test_duplicates_are_posts_stored_without_effect_and_posts_answered_at_once(rina: Bridge) -> None:
    PostCounter.objects.create(channel=rina.channel, day=date(2026, 3, 3), outcome="duplicate", count=4, last_at=day(1))
    row = InboundEvent.objects.create(channel=rina.channel, body=b"{}", state="duplicate", received_at=day(2))
    assert row_of().duplicates == 5
    InboundEvent.objects.filter(pk=row.pk).update(received_at=day(70))
    assert (row_of().duplicates, row_of(start=5).duplicates) == (4, 0)


def test_a_number_without_owner_is_told_and_its_unmapped_labels_counted(rina: Bridge) -> None:
    rina.save("2", "Titipan Bu Ani", at=day(-1))
    rina.drain()
    assert (row_of().owner_name, row_of().unmapped) == ("Rina", 1)
    ChannelOwnership.objects.all().delete()
    assert (row_of().owner, row_of().owner_name) == (None, "")


def test_who_has_a_lid_and_no_phone_is_counted_on_each_number(rina: Bridge) -> None:
    rina.post("message", chat="90000000000001@lid", at=day(1), message={"id": "m1", "text": "halo"})
    rina.post("message", chat=BUDI, at=day(1), message={"id": "m2", "text": "halo"})
    rina.drain()
    assert row_of().lid_only == 1
    Contact.objects.update(phone="+6281200000009")
    assert row_of().lid_only == 0


def test_silence_that_was_made_good_is_no_gap_and_beside_it(rina: Bridge) -> None:
    for status, at in (("working", 1), ("stopped", 2), ("working", 2.5), ("stopped", 59)):
        rina.post("status", status=status, at=day(at))
    rina.drain()
    rina.channel.gaps.create(started_at=day(2), ended_at=day(2.25), reason="silent", repaired_at=day(3))
    row = row_of()
    assert (row.gaps, row.gap_s, row.repaired_s) == (2, 30 * 3600, 6 * 3600)


@pytest.mark.parametrize("seed", [41, 42])
def test_data_health_equals_the_slow_computation(seed: int) -> None:
    world = World(seed, contacts=24)
    world.play()
    for n, bridge in enumerate(world.bridges):
        bridge.label("removed", "8", f"62812999{seed}000{n}", at=day(10 * n + 3))
        bridge.drain()
    Channel.objects.filter(key="cs1").update(used_by_one=False)
    Channel.objects.update(connected_at=day(4))
    chance = random.Random(seed)
    for event in LabelEvent.objects.order_by("id"):
        came = event.occurred_at + timedelta(minutes=chance.choice([0, 1, 15, 60, 60 * 24 * 3]))
        LabelEvent.objects.filter(pk=event.pk).update(received_at=came, capped=chance.random() < 0.1)
        if chance.random() < 0.5:
            InboundEvent.objects.filter(pk=event.inbox_id).update(settled_at=came + timedelta(seconds=chance.random()))
    lids = Contact.objects.filter(pk__in=[pk for pk in Contact.objects.values_list("pk", flat=True) if pk % 5 == 0])
    lids.update(phone="", lid="123456789")
    told: set[str] = set()
    for start, end, keys in ((0, 60, None), (14, 35, None), (5.5, 50, ("cs1", "cs4"))):
        channels = Channel.objects.exclude(gateway="crm").order_by("id")
        channels = channels.filter(key__in=keys) if keys else channels
        chosen = frozenset(channels.values_list("id", flat=True)) if keys else None
        question = asked(start, end, channels=chosen)
        slow = Slow(day(start), day(end), day(60), channels=None if chosen is None else set(chosen))
        wanted = slow_health.counts(slow)
        for row in data_health.report(question, channels=channels):
            counted = {name: getattr(row, name) for name in slow_health.COUNTS}
            assert counted == {name: wanted[row.id][name] for name in slow_health.COUNTS}, (row.channel, start)
            told |= {name for name, count in counted.items() if count}
            for name, seconds in slow_health.delays(slow, row.id).items():
                assert getattr(row, name) == pytest.approx(seconds), (row.channel, name)
            assert row.gap_s == pytest.approx(slow_health.gap_seconds(slow, row.id))
    assert told == {*slow_health.COUNTS} - {"by_crm_user", "by_assigned"}, "zeros prove nothing"
