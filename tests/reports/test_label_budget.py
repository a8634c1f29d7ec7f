"""Label budget: what can go and what it costs by example, and every figure against the slow computation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contacts.models import Channel, Contact
from labels.models import ChannelLabel, LabelAssignment
from reports.selectors import facts, label_budget
from reports.selectors.filtered_spells import Filters
from reports.selectors.label_budget import Budget, LabelBudgetRow
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.reports import slow_label_budget
from tests.reports.slow import Slow
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db


@pytest.fixture
def rina() -> Bridge:
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in (("1", "Grade A"), ("2", "Follow up besok"), ("3", "FU"), ("4", "test")):
        bridge.save(external, name, at=day(-20))
    return bridge


def chats(count: int, *, beginning: int = 0) -> list[str]:
    return [f"62812000{n:05d}" for n in range(beginning, beginning + count)]


def put(bridge: Bridge, label: str, people: list[str], at: Any = None) -> None:
    for chat in people:
        bridge.label("added", label, chat, at=at or day(1))


def asked(start: float = 0, end: float = 60, now: float = 60, **filters: Any) -> Question:
    return Question(Period(day(start), day(end)), Filters(**filters), day(now))


def budget(**question: Any) -> Budget:
    channels = Channel.objects.exclude(gateway="crm").select_related("team").order_by("id")
    return label_budget.budget(asked(**question), channels=channels)


def row_of(name: str, **question: Any) -> LabelBudgetRow:
    return next(row for row in budget(**question).rows if row.name == name)


def proposals(**question: Any) -> list[tuple[str, str]]:
    return [(row.name, row.proposal) for row in budget(**question).rows if row.proposal]


# -- By example -------------------------------------------------------------------------------------------------------


def test_two_labels_that_nearly_always_come_together_are_near_duplicates(rina: Bridge) -> None:
    """Of 10 contacts 9 have both; 5 others have another label, so chance is lower."""
    put(rina, "2", chats(10))
    put(rina, "3", chats(9))
    put(rina, "1", chats(5, beginning=20))
    rina.drain()
    fu, follow = row_of("FU"), row_of("Follow up besok")
    assert (fu.twin_name, follow.twin_name) == ("Follow up besok", "FU")
    assert (fu.together.k, fu.together.n, fu.lift) == (9, 10, 1.5)
    assert (fu.proposal, follow.proposal) == ("duplicate", "")
    assert (fu.coverage_lost.k, follow.coverage_lost.k, follow.coverage_lost.n) == (0, 1, 15)


def test_four_contacts_prove_nothing(rina: Bridge) -> None:
    put(rina, "2", chats(4))
    put(rina, "3", chats(4))
    put(rina, "1", chats(1))
    rina.drain()
    assert row_of("FU").twin is None
    assert proposals() == [("test", "never")]


def test_a_label_that_others_always_come_with_is_no_duplicate_of_them(rina: Bridge) -> None:
    """A rare label within a frequent one says something more."""
    put(rina, "1", chats(30))
    put(rina, "2", chats(6))
    put(rina, "3", chats(1))
    rina.drain()
    [pair] = [pair for pair in budget().pairs if {pair.first_name, pair.second_name} == {"Grade A", "Follow up besok"}]
    assert (pair.together.k, pair.together.n, pair.near_duplicate) == (6, 30, False)
    assert {(pair.of_first.n, pair.of_second.n)} == {(30, 6)}


def test_what_was_never_put_on_goes_before_what_some_contacts_would_miss(rina: Bridge) -> None:
    put(rina, "1", chats(3), day(40))
    put(rina, "2", chats(2, beginning=2), day(1))
    rina.drain()
    rows = [row for row in budget(start=30).rows if row.proposal]
    assert [(row.name, row.proposal) for row in rows] == [
        ("FU", "never"),
        ("test", "never"),
        ("Follow up besok", "unused"),
    ]
    assert [(row.coverage_lost.k, row.coverage_lost.n) for row in rows] == [(0, 4), (0, 4), (1, 4)]


def test_dropping_several_costs_more_than_each_alone(rina: Bridge) -> None:
    """Who has two labels that both go has none left, though each alone would cost nothing."""
    put(rina, "2", chats(1), day(1))
    put(rina, "3", chats(1), day(1))
    put(rina, "1", chats(1, beginning=5), day(40))
    rina.drain()
    rows = [row for row in budget(start=30).rows if row.proposal]
    assert [row.coverage_lost.k for row in rows] == [0, 0, 0]
    assert [row.coverage_lost_so_far.k for row in rows] == [0, 0, 1]
    [number] = budget(start=30).numbers
    assert (number.label_count, number.can_go, number.left_over, number.coverage_lost.k) == (4, 3, 1, 1)


def test_a_quick_undo_and_a_found_label_are_no_use(rina: Bridge) -> None:
    """A found label was put on once, though not in the time that is known."""
    rina.label("added", "4", chats(1)[0], at=day(1))
    rina.label("removed", "4", chats(1)[0], at=day(1) + timedelta(seconds=30))
    rina.drain()
    row = row_of("test")
    assert (row.used, row.last_used, row.proposal) == (0, None, "never")
    put(rina, "3", chats(1), day(2))
    rina.drain()
    LabelAssignment.objects.filter(channel_label__name="FU").update(origin="resync")
    row = row_of("FU")
    assert (row.used, row.last_used, row.active, row.proposal) == (0, None, 1, "unused")


def test_a_young_label_and_one_that_does_not_count_are_not_proposed(rina: Bridge) -> None:
    rina.save("5", "Baru", at=day(50))
    rina.drain()
    ChannelLabel.objects.filter(name="test").update(ignored=True, hidden=True)
    assert proposals() == [("Follow up besok", "never"), ("FU", "never"), ("Grade A", "never")]
    [number] = budget().numbers
    assert (number.label_count, number.can_go, number.left_over, number.unused_labels) == (5, 3, 2, 4)


def test_a_deleted_label_is_in_the_budget_up_to_its_deletion(rina: Bridge) -> None:
    rina.drain()
    ChannelLabel.objects.filter(name="test").update(deleted_at=day(10))
    assert [number.label_count for end in (9, 20) for number in budget(end=end).numbers] == [4, 3]


def test_archived_contacts_leave_every_figure(rina: Bridge) -> None:
    put(rina, "1", chats(2))
    rina.drain()
    Contact.objects.filter(pk=Contact.objects.earliest("id").pk).update(deleted_at=day(2))
    row = row_of("Grade A")
    assert (row.used, row.active, row.coverage_lost.n) == (1, 1, 1)


def test_a_cs_chooses_from_the_labels_of_all_numbers_that_are_hers(rina: Bridge) -> None:
    other = Bridge(key="cs2", agent="rina", team="Sales")
    dewi = Bridge(key="cs3", agent="dewi", team="Grosir")
    for bridge in (other, dewi):
        bridge.save("1", "GRADE A!", at=day(-20))
        bridge.drain()
    put(rina, "1", chats(2))
    rina.drain()
    told = {row.name: (row.numbers, row.choices, row.names, row.chosen) for row in budget().choices}
    assert told == {"Rina": (2, 5, 4, 1), "Dewi": (1, 1, 1, 0)}
    teams = {row.name: (row.numbers, row.label_count, row.meanings) for row in budget().teams}
    assert teams == {"Sales": (2, 5, 4), "Grosir": (1, 1, 1)}


def test_three_hundred_labels_and_none_at_all(rina: Bridge) -> None:
    for n in range(300):
        rina.save(f"x{n}", f"Label {n:03d}", at=day(-20))
    rina.drain()
    [number] = budget().numbers
    assert (number.label_count, number.can_go, number.coverage_lost.value) == (304, 304, None)
    ChannelLabel.objects.update(deleted_at=day(0))
    [number] = budget().numbers
    assert (number.label_count, number.left_over, number.coverage_lost.n) == (0, 0, 0)


# -- Against the slow computation -------------------------------------------------------------------------------------


def test_every_figure_equals_the_slow_computation() -> None:
    """The world has labels of every number, quick undos, found ones, deletions and merged contacts."""
    World(21, contacts=16).play()
    channels = frozenset(Channel.objects.filter(key__in=("cs1", "cs4")).values_list("id", flat=True))
    for start, end, now, chosen in ((0, 60, 60, None), (14, 35, 52, channels), (29.5, 44.25, 100, None)):
        question = asked(start, end, now, channels=chosen)
        slow = Slow(day(start), day(end), day(now), channels=set(chosen) if chosen else None)
        listed = Channel.objects.exclude(gateway="crm").select_related("team")
        found = label_budget.budget(question, channels=listed.filter(pk__in=chosen) if chosen else listed)
        check(found, question, slow)


def check(found: Budget, question: Question, slow: Slow) -> None:
    on = slow_label_budget.on_at_end(slow)
    living = {row.pk: row for row in slow_label_budget.living(slow)}
    rows = {row.channel_label: row for row in found.rows}
    assert rows.keys() == living.keys() != set()
    assert sum(row.used for row in found.rows) > 0
    values = label_budget.parameters(question)
    sources = label_budget.sources(question)
    for pk, row in rows.items():
        wanted = slow_label_budget.of_label(slow, living[pk], on)
        ever = wanted.pop("ever")
        told = {name: getattr(row, name) for name in wanted} | {
            "coverage_lost": (row.coverage_lost.k, row.coverage_lost.n)
        }
        assert told == wanted, row.name
        assert (row.proposal in ("never", "unused")) == (wanted["used"] == 0)
        assert row.proposal != "never" or not ever
        for figure, number in (("used", row.used), ("active", row.active), ("coverage_lost_k", row.coverage_lost.k)):
            assert facts.count(sources[figure], figure, values, who=pk)[0] == number
    check_pairs(found, on, question)
    for number in found.numbers:
        gone = {row.channel_label for row in found.rows if row.channel == number.channel and row.proposal}
        channel = Channel.objects.get(key=number.channel).pk
        assert number.coverage_lost.k == (slow_label_budget.lost_with(on, channel, gone) if gone else 0)


def check_pairs(found: Budget, on: slow_label_budget.Labels, question: Question) -> None:
    wanted = slow_label_budget.pairs(on)
    shares = ("together", "of_first", "of_second")
    told = {
        (pair.first, pair.second): {
            "both": pair.both, "lift": round(pair.lift, 6),
            **{name: (getattr(pair, name).k, getattr(pair, name).n) for name in shares},
        }
        for pair in found.pairs
    }  # fmt: skip
    assert told == wanted
    counted = facts.summarize(label_budget.sources(question)["both"], label_budget.parameters(question))
    assert {pair.pair: pair.both for pair in found.pairs} == {pair: each["both"] for pair, each in counted.items()}
