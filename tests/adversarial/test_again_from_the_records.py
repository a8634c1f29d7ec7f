"""Case 50: what is derived can be thrown away; what was recorded gives it back, and telling it again adds nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum

from contacts.models import CampaignTouch, Channel, ChannelStatusEvent, Contact, ContactIdentity, ContactMerge, Message
from labels.models import (
    ChannelLabel,
    ChannelLabelEvent,
    ChannelLabelMeaning,
    CleanSpell,
    LabelAssignment,
    LabelDay,
    LabelEvent,
    LabelSpell,
    ScopedCleanSpell,
    ScopedLabelSpell,
    ScopedStageStay,
    StageStay,
)
from labels.services.rebuilding import rebuild
from tests.adversarial.number import BUDI, BUDI_LID, Number, minutes, phone
from tests.services_plugin import is_full_run
from tests.webhooks.gateways.payloads import Ad
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent
from webhooks.selectors import inbox_summary

pytestmark = pytest.mark.django_db

DERIVED = (
    LabelAssignment, LabelSpell, CleanSpell, StageStay, ScopedLabelSpell, ScopedCleanSpell, ScopedStageStay, LabelDay,
)  # fmt: skip
RECORDED = (
    Contact, ContactIdentity, ContactMerge, Message, CampaignTouch, ChannelStatusEvent, ChannelLabel,
    ChannelLabelEvent, ChannelLabelMeaning, LabelEvent,
)  # fmt: skip
MOVING = {"updated_at", "id"}  # an interval's row id is kept only while it has a row


def content(model: Any, *, without: set[str] = MOVING) -> list[tuple[Any, ...]]:
    if model is LabelDay:  # a sum may be written in any number of differences
        names = ("added", "mistaps", "found", "removed", "lost")
        rows = LabelDay.objects.order_by().values("scope", "label", "day").annotate(**{f"n_{n}": Sum(n) for n in names})
        return sorted((tuple(row.values()) for row in rows if any(row[f"n_{n}"] for n in names)), key=repr)
    names = [field.attname for field in model._meta.concrete_fields if field.attname not in without]
    manager = getattr(model, "all_objects", model.objects)
    return sorted(manager.values_list(*names), key=repr)


def world() -> dict[str, list[tuple[Any, ...]]]:
    return {model.__name__: content(model) for model in (*DERIVED, *RECORDED)}


@pytest.fixture
def numbers() -> list[Number]:
    """Five numbers with a long, untidy story: renames, deletions, a resync, LIDs, a merge, an ad, late events."""
    gateways = ("waha", "gowa", "wuzapi-form", "evolution", "wppconnect")
    found = [
        Number(name, f"cs{n}", own=f"62812000000{n:02}", agent=f"agen{n}", team="Sales")
        for n, name in enumerate(gateways)
    ]
    for n, number in enumerate(found):
        tell(number, random.Random(n))
        number.drain()
    return found


def tell(number: Number, source: random.Random) -> None:
    for n in range(120):
        chat, label, at = phone(source.randrange(15)), str(source.randrange(4)), minutes(source.randrange(600))
        what = source.random()
        if number.gateway == "wppconnect" or what < 0.9:
            number.label(chat, label, at, on=source.random() < 0.6)
        elif what < 0.97:
            number.hear(number.say.label_saved(label, name=source.choice(["Hot", "Lunas", "Grade A"]), at=at))
        else:
            number.hear(number.say.label_deleted(label, at=at))
        if n % 10 == 0:
            number.hear(number.say.message(chat, message_id=f"M{n}", at=at, ad=Ad() if n % 20 else None))
    if number.gateway != "gowa":
        number.hear(number.say.status(working=True, at=minutes(700)), received=minutes(700))
        for n in range(12):
            number.label(phone(20 + n), "1", minutes(700 + n / 60))
    else:
        number.label(BUDI, "1", minutes(1))
        number.label(BUDI_LID, "1", minutes(2))
        number.label(BUDI, "2", minutes(3), chat_lid=BUDI_LID)


def wipe(*models: Any) -> None:
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


@pytest.mark.usefixtures("numbers")
def test_case_50_everything_derived_comes_back_from_the_recorded_events() -> None:
    before = world()
    assert before["LabelAssignment"]
    assert before["StageStay"]
    wipe(*DERIVED)
    assert rebuild(write=True) > 0
    assert world() == before
    assert rebuild(write=False) == 0


@pytest.mark.parametrize("model", DERIVED, ids=lambda model: model.__name__)
@pytest.mark.usefixtures("numbers")
def test_case_50_any_one_table_that_was_lost_comes_back(model: Any) -> None:
    before = world()
    wipe(model)
    assert rebuild(write=True) > 0
    assert world() == before


@pytest.mark.usefixtures("numbers")
def test_case_50_effects_and_names_that_were_spoilt_are_mended() -> None:
    before = world()
    LabelEvent.objects.update(effect="none")
    LabelAssignment.objects.update(channel_label_name="?")
    rebuild(write=True)
    assert world() == before


@pytest.mark.usefixtures("numbers")
def test_case_50_the_command_says_how_much_it_mended_and_a_check_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LabelDay.objects.all().delete()
    with pytest.raises(SystemExit) as left:
        call_command("rebuild_labels", "--check")
    assert left.value.code == 1
    assert not LabelDay.objects.exists()
    call_command("rebuild_labels")
    assert LabelDay.objects.exists()
    capsys.readouterr()
    call_command("rebuild_labels", "--check")
    assert capsys.readouterr().out == "0 differences\n"


def test_case_50_the_whole_inbox_told_again_counts_nothing_twice(numbers: list[Number]) -> None:
    before, summary = world(), inbox_summary()
    ids = dict(LabelAssignment.objects.values_list("id", "added_event_id"))
    assert replay(InboundEvent.objects.all(), actor=None) == InboundEvent.objects.count()
    for number in reversed(numbers):
        number.drain()
    assert world() == before
    assert dict(LabelAssignment.objects.values_list("id", "added_event_id")) == ids
    assert inbox_summary() == summary


def backwards(rows: list[InboundEvent]) -> list[InboundEvent]:
    return rows[::-1]


def shuffled(rows: list[InboundEvent]) -> list[InboundEvent]:
    random.Random(5).shuffle(rows)
    return rows


@pytest.mark.parametrize("rearranged", [backwards, shuffled])
def test_case_50_an_empty_house_told_everything_in_another_order_is_the_same_house(
    numbers: list[Number], rearranged: Callable[[list[InboundEvent]], list[InboundEvent]]
) -> None:
    """Every row comes again to a system that knows nothing but its channels, in any order, and one by one."""
    before = {number.channel.key: number.intervals() for number in numbers}
    names = content(ChannelLabel, without={"id", "label_id", "named_at", "first_seen_at"})
    wipe(*DERIVED)
    wipe(CampaignTouch, Message, LabelEvent, ChannelLabelEvent, ChannelLabelMeaning, ChannelLabel, ChannelStatusEvent)
    wipe(ContactMerge, ContactIdentity)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_contactchannel")
    wipe(Contact)
    rows = rearranged(list(InboundEvent.objects.order_by("id")))
    many = 40 if is_full_run() else 120
    for cut in range(0, len(rows), many):
        part = InboundEvent.objects.filter(pk__in=[row.pk for row in rows[cut : cut + many]])
        replay(part, actor=None)
        for number in numbers:
            number.drain()
    assert {number.channel.key: number.intervals() for number in numbers} == before
    assert content(ChannelLabel, without={"id", "label_id", "named_at", "first_seen_at"}) == names
    assert not Channel.objects.filter(last_event_at=None).exists()
