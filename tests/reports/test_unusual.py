"""Unusual activity: what stands out by example, and every day of every CS against the slow computation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.translation import override

from contacts.models import Agent
from desk.reports.unusual_page import sentence
from reports.selectors import facts, unusual, work_facts
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.unusual import UnusualRow
from tests.reports.slow import Slow
from tests.reports.test_work import undecided
from tests.reports.work import batches, flip_flops
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def rina() -> Bridge:
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in (("1", "Grade A"), ("2", "Grade B")):
        bridge.save(external, name, at=day(-1))
    return bridge


def asked(start: float = 0, end: float = 60, now: float = 60, **filters: Any) -> Question:
    return Question(Period(day(start), day(end)), Filters(**filters), day(now))


def said(row: UnusualRow) -> str:
    with override("en"):
        return sentence(row)


def test_a_batch_is_one_line_that_says_how_many_in_how_long_and_which(rina: Bridge) -> None:
    at = day(10.5)
    for n in range(16):
        rina.label("added", "1" if n < 14 else "2", f"62812000{n:05d}", at=at + n * 15 * SECOND)
    rina.drain()
    [row] = unusual.report(asked())
    assert (row.kind, row.taps, row.contacts, row.times, row.label_taps) == ("batch", 16, 16, 1, 14)
    assert said(row) == "Rina put 16 labels on in 4 min on 12 Mar, 14 of them “Grade A”."
    assert row.stands_out
    assert facts.count(unusual.sources(asked())["taps"], "taps", unusual.parameters(asked()), who=row.key) == (16, 16)


def test_fourteen_labels_are_no_batch(rina: Bridge) -> None:
    for n in range(14):
        rina.label("added", "1", f"62812000{n:05d}", at=day(10) + n * SECOND)
    rina.drain()
    assert unusual.report(asked()) == []


def test_two_batches_of_a_day_are_one_line(rina: Bridge) -> None:
    for n in range(32):
        rina.label("added", "1", f"62812000{n:05d}", at=day(10) + (n // 16) * timedelta(hours=3) + n * SECOND)
    rina.drain()
    [row] = unusual.report(asked())
    assert said(row) == "Rina put 32 labels on in 2 goes on 12 Mar, all of them “Grade A”."


def test_one_quick_undo_is_told_and_does_not_stand_out(rina: Bridge) -> None:
    for kind, after in (("added", 0), ("removed", 40)):
        rina.label(kind, "1", "6281200000001", at=day(3) + after * SECOND)
    rina.drain()
    [row] = unusual.report(asked())
    assert (row.kind, row.taps, row.stands_out) == ("mistap", 1, False)
    assert said(row) == "Rina took 1 label off again within 2 min on 5 Mar: “Grade A”."


def test_every_day_of_every_cs_equals_the_slow_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    most, window = 3, timedelta(hours=30)
    few = {"batch": most, "batch_window": window, "batch_look_back": timedelta(days=60)}
    monkeypatch.setattr(work_facts, "PARAMETERS", work_facts.PARAMETERS | few)
    world = World(51, contacts=24)
    world.play()
    undecided(world)
    rows = unusual.report(asked(14, 30))
    told = {(row.kind, row.agent, row.day): row.taps for row in rows}
    slow = Slow(day(14), day(30), day(60))
    wanted = {}
    for n in range(14, 30):
        of_day, on = slow.over(day(n), day(n + 1), day(60)), day(n + 0.5).date()
        for agent in (*Agent.objects.values_list("id", flat=True), None):
            taps = of_day.agent(agent)
            found = {"mistap": taps["mistaps"] + taps["instant_mistaps"], "flip_flop": flip_flops(of_day, agent)}
            if agent is not None:
                found["batch"] = batches(of_day, agent, most=most, window=window)["batch_labels"]
            wanted |= {(kind, agent, on): number for kind, number in found.items() if number}
    assert told == wanted
    assert {kind for kind, _agent, _day in told} == {"batch", "mistap", "flip_flop"}
