"""First replies, labels put on in masses and labels that went back and forth, of each CS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contacts.models import Agent
from reports.selectors import agents, work_facts
from tests.reports.test_label_activity import asked
from tests.reports.work import batches, flip_flops, replies
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FILTERS: list[dict[str, Any]] = [
    {},
    {"channels": ("cs1", "cs4")},
    {"labels": ("Grade A", "Prospek panas", "Prospek dingin", "Selesai")},
    {"certain": True, "channels": ("cs1", "cs2", "cs3")},
]


def test_how_agents_work_equals_the_slow_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few labels a batch, and some hours for it, a small world has them; who changes their mind does so here."""
    most, window = 3, timedelta(hours=30)
    few = {"batch": most, "batch_window": window, "batch_look_back": timedelta(days=60)}
    monkeypatch.setattr(work_facts, "PARAMETERS", work_facts.PARAMETERS | few)
    world = World(51, contacts=16)
    world.play()
    undecided(world)
    seen: dict[str, float] = {}
    for start, end in ((day(10), day(45)), (day(14.3), day(30.1))):
        for chosen in FILTERS:
            question, slow = asked(start, end, chosen)
            for row in agents.report(question, agents=Agent.objects.all()):
                wanted: dict[str, Any] = {"flip_flops": flip_flops(slow, row.agent)}
                if row.agent is not None:
                    wanted |= replies(slow, row.agent) | batches(slow, row.agent, most=most, window=window)
                assert {name: getattr(row, name) for name in wanted} == pytest.approx(wanted), (row.name, chosen)
                seen |= {name: seen.get(name, 0) + (value or 0) for name, value in wanted.items()}
    assert all(seen.values()), seen


def undecided(world: World) -> None:
    """People who are hot, cold and hot again, in whatever order it was tapped, on one number and on two."""
    for n, person in enumerate(world.people):
        first, second = world.random.sample(world.bridges, 2)
        at = day(world.random.uniform(8, 40))
        for step in range(4):
            bridge, label = (first, second)[n % 2 and step % 2], ("2", "3")[step % 2]
            bridge.label("added", label, person, at=at)
            if world.random.random() < 0.6:
                bridge.label("removed", label, person, at=at + HOUR * world.random.choice([1, 20, 30, 100]))
            at += HOUR * world.random.choice([2, 25, 60, 190])
    for bridge in world.bridges:
        bridge.drain()


@pytest.fixture
def rina() -> Bridge:
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in enumerate(("Grade A", "Prospek dingin", "Prospek panas", "Titipan"), start=1):
        bridge.save(str(external), name, at=day(-1))
    return bridge


def row_of(rina: Bridge) -> agents.AgentRow:
    rina.drain()
    question, _slow = asked(day(0), day(20), {})
    [row] = [row for row in agents.report(question, agents=Agent.objects.all()) if row.agent]
    return row


def put_on(rina: Bridge, count: int, start: datetime, *, apart: timedelta, person: int = 0) -> None:
    for n in range(count):
        rina.label("added", "4", f"62812000{person + n:05d}", at=start + n * apart)


@pytest.mark.parametrize(
    ("count", "apart", "labels"),
    [
        (14, timedelta(seconds=1), 0),
        (15, timedelta(seconds=21), 15),
        (15, timedelta(seconds=21.5), 0),
        (40, timedelta(seconds=20), 40),
    ],
)
def test_fifteen_labels_within_five_minutes_are_a_batch(
    rina: Bridge, count: int, apart: timedelta, labels: int
) -> None:
    put_on(rina, count, day(1), apart=apart)
    row = row_of(rina)
    assert (row.batches, row.batch_labels) == (1 if labels else 0, labels)


def test_batches_are_one_when_their_windows_touch(rina: Bridge) -> None:
    put_on(rina, 15, day(1), apart=timedelta(0))
    put_on(rina, 15, day(1) + 5 * MINUTE, apart=timedelta(0), person=100)
    put_on(rina, 15, day(2), apart=timedelta(0), person=200)
    put_on(rina, 15, day(2) + 5 * MINUTE + timedelta(seconds=1), apart=timedelta(0), person=300)
    row = row_of(rina)
    assert (row.batches, row.batch_labels) == (3, 60)


@pytest.mark.parametrize(("days", "count"), [(6.9, 1), (7, 0)])
def test_back_to_the_label_before_within_seven_days_is_a_flip_flop(rina: Bridge, days: float, count: int) -> None:
    """Hot and cold are stages of one step and one exclusive group: one return, however it was tapped."""
    for person in ("6281200000001", "6281200000002"):
        rina.label("added", "3", person, at=day(1))
        rina.label("added", "2", person, at=day(2))
    rina.label("removed", "2", "6281200000001", at=day(2 + days))
    rina.label("removed", "3", "6281200000002", at=day(2) + MINUTE)
    rina.label("removed", "2", "6281200000002", at=day(2 + days) - MINUTE)
    rina.label("added", "3", "6281200000002", at=day(2 + days))
    assert row_of(rina).flip_flops == 2 * count


def test_the_first_reply_is_timed_and_who_got_none_is_counted(rina: Bridge) -> None:
    for n, waits in enumerate((10, 30, None)):
        chat = f"628120000000{n}"
        rina.post("message", chat=chat, at=day(1), message={"id": f"in{n}", "text": "halo"})
        if waits:
            answer = {"id": f"out{n}", "text": "ya kak", "from_me": True}
            rina.post("message", chat=chat, at=day(1) + waits * MINUTE, message=answer)
    row = row_of(rina)
    assert (row.first_reply_median_s, row.first_reply_p90_s) == (20 * 60, 28 * 60)
    assert (row.first_replied, row.unreplied) == (2, 1)
