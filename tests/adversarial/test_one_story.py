"""The same week through every gateway at once: the same labels on the same people from when to when."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from contacts.models import Contact
from labels.models import ChannelLabel, LabelAssignment, LabelSpell
from tests.adversarial.number import Number, phone
from tests.adversarial.story import CUSTOMERS, NOT_PEOPLE, Fact, intervals, lid_of, week
from tests.webhooks.gateways.payloads import Post
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
TOLD_IN_ANY_ORDER = ("waha", "gowa", "wuzapi", "wuzapi-form", "evolution", "generic")
Span = tuple[datetime, datetime | None]


def told(number: Number, fact: Fact) -> Post | None:
    """The post by which this gateway tells a fact; None where it cannot."""
    if fact.what in ("on", "off"):
        return _labelled(number, fact)
    if fact.what == "name":
        return (
            number.say.label_saved(fact.label, name=fact.name, at=fact.at) if number.gateway != "wppconnect" else None
        )
    if fact.what == "gone":
        return number.say.label_deleted(fact.label, at=fact.at) if number.gateway != "wppconnect" else None
    if fact.what == "message label":
        is_told = number.gateway == "wuzapi"
        return number.say.label_on_message(fact.who, fact.label, "3EB0AA", on=True, at=fact.at) if is_told else None
    return _introduction(number, fact)


def _labelled(number: Number, fact: Fact) -> Post:
    if number.gateway == "wppconnect":
        label = {"id": fact.label, "name": f"Label {fact.label}", "colorIndex": 3}
        return number.say.labels_on_chat(fact.who, [label], on=fact.what == "on")
    return number.say.label_on_chat(fact.who, fact.label, on=fact.what == "on", at=fact.at)


def _introduction(number: Number, fact: Fact) -> Post:
    """A message by which the LID of customer n learns its phone, in this gateway's own way."""
    n = next(n for n in range(10) if phone(n) == fact.who)
    say, lid, jid, more = number.say, lid_of(n), f"{fact.who}@s.whatsapp.net", {"message_id": f"I{n}", "at": fact.at}
    if number.gateway == "gowa":
        return say.message(fact.who, from_lid=lid, **more)
    if number.gateway == "wuzapi":
        return say.message(lid, SenderAlt=jid, AddressingMode="lid", **more)
    if number.gateway == "generic":
        body = {"id": f"I{n}", "text": "Halo"}
        return say.event("message", at=fact.at, chat=lid, phone=fact.who, message=body)
    if number.gateway == "wppconnect":
        return say.message(fact.who, **more)

    def alternative(content: Any) -> None:
        where = content["payload"]["_data"] if number.gateway == "waha" else content["data"]
        where["key"]["remoteJidAlt"] = jid

    return number.edited(say.message(lid, **more), alternative)


def shown(number: Number) -> dict[tuple[str, str], list[Span]]:
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for who, label, added, removed in number.intervals():
        found[who, label].append((added, removed))
    return dict(found)


# In order it is also told to a running system by tests/live/test_gateways.py.
@pytest.mark.parametrize("shuffled", [pytest.param(False, marks=pytest.mark.full), True])
def test_every_gateway_tells_the_same_week(shuffled: bool) -> None:
    """In order and in batches; or shuffled, a tenth of it twice, and drained whenever it pleases."""
    numbers = [
        Number(gateway, f"cs{n}", own=f"62812000000{n:02}", agent=f"agen{n}")
        for n, gateway in enumerate(TOLD_IN_ANY_ORDER)
    ]
    facts = week()
    source = random.Random(3)
    for number in numbers:
        order = [*facts, *source.sample(facts, 30)] if shuffled else facts
        if shuffled:
            source.shuffle(order)
        for n, fact in enumerate(order):
            post = told(number, fact)
            if post is not None:
                number.hear(post)
            if n % 50 == 49:
                number.drain()
        number.drain()
    expected = intervals(facts)
    for number in numbers:
        assert shown(number) == expected, number.gateway
    assert Contact.objects.count() == len({who for who, _ in expected} | {f"+{phone(n)}" for n in range(10)})
    assert not Contact.objects.filter(phone="").exists()
    assert not InboundEvent.objects.filter(state__in=["pending", "parked"]).exists()
    assert not LabelAssignment.objects.filter(contact__phone__in=NOT_PEOPLE).exists()
    lives = ChannelLabel.objects.filter(external_id="3").order_by("channel", "generation")
    assert list(lives.values_list("name", flat=True)) == ["Hot", "Komplain"] * len(numbers)
    assert len({tuple(sorted(_spells(number), key=repr)) for number in numbers}) == 1


def _spells(number: Number) -> list[tuple[Any, ...]]:
    """The intervals as people read them: by whom they are, what they mean, whose work they were."""
    columns = ("contact__phone", "label__name", "channel_label_name", "added_at", "removed_at", "origin")
    more = ("added_by_method", "removed_reason")
    return list(LabelAssignment.objects.filter(channel=number.channel).values_list(*columns, *more))


def test_the_joined_spells_of_six_numbers_are_those_of_one() -> None:
    """Six phones that saw the same changes at the same times: people had every label once, not six times."""
    facts = week()
    alone = Number("generic", "cs9", own="6281200000099")
    for fact in facts:
        if (post := told(alone, fact)) is not None:
            alone.hear(post)
    alone.drain()
    columns = ("contact__phone", "label__name", "started_at", "ended_at", "found", "lost", "mistap")
    before = sorted(LabelSpell.objects.values_list(*columns), key=repr)
    for n, gateway in enumerate(TOLD_IN_ANY_ORDER):
        number = Number(gateway, f"cs{n}", own=f"62812000000{n:02}")
        for fact in facts:
            if (post := told(number, fact)) is not None:
                number.hear(post)
        number.drain()
    assert sorted(LabelSpell.objects.values_list(*columns), key=repr) == before


def test_wppconnect_without_a_clock_ends_where_the_others_end() -> None:
    """It tells neither times nor names nor deletions, so: posted in order, the same intervals by count and by state."""
    facts = [fact for fact in week() if fact.what in ("on", "off", "message") and not fact.who.endswith("@lid")]
    number = Number("wppconnect")
    for fact in facts:
        post = told(number, fact)
        assert post is not None
        number.hear(post, received=fact.at)
    number.drain()
    known: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for fact in facts:
        if fact.what == "message" or fact.who in NOT_PEOPLE:
            continue
        spans = known[f"+{fact.who}", fact.label]
        is_on = bool(spans) and spans[-1][1] is None
        if fact.what == "on" and not is_on:
            spans.append((fact.at, None))
        elif fact.what == "off" and is_on:
            spans[-1] = (spans[-1][0], fact.at)
    assert shown(number) == {key: spans for key, spans in known.items() if spans}
    assert set(LabelAssignment.objects.values_list("added_at_source", flat=True)) == {"received"}
    assert Contact.objects.count() <= CUSTOMERS
