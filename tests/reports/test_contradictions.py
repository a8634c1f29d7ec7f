"""Contradicting labels: each rule by example, and all of them against the slow computation on drawn businesses."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Agent, Contact
from labelcrm.core.viewer import Viewer
from labels.models import ContradictionFlag, ContradictionRule, Label
from labels.selectors.contradictions import EXCLUSIVE, LOYAL_NEW, NEW_ORDER, OLDER, PAIR, RULES
from labels.services.archiving import archive_contact
from reports.segments.definition import parse_definition
from reports.segments.members import Members
from reports.selectors import agents, contradictions
from reports.selectors.contradictions import ContradictionRow, FindingPlace
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.reports.slow import Slow
from tests.reports.test_against_slow import FILTERS, filters_of
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db

BUDI, SITI = "6281200000001", "6281200000002"
HOT, COLD, WAITING, DONE, LOYAL, NEW = (str(n) for n in range(1, 7))
PAIRED = ("Prospek panas", "Grade A")
NAMES = ["Prospek panas", "Prospek dingin", "Menunggu pembayaran", "Selesai", "Pelanggan loyal", "Pertanyaan baru"]


@pytest.fixture
def rina() -> Bridge:
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in enumerate(NAMES, start=1):
        bridge.save(str(external), name, at=day(-1))
    return bridge


def put(bridge: Bridge, *labels: tuple[str, float], chat: str = BUDI) -> None:
    for label, at in labels:
        bridge.label("added", label, chat, at=day(at))
    bridge.drain()


def asked(end: float = 60, now: float = 59, **filters: Any) -> Question:
    return Question(Period(day(0), day(end)), Filters(**filters), day(now))


def found(**question: Any) -> list[tuple[str, list[str]]]:
    rows = contradictions.report(asked(**question))
    return [(row.rule, [label.name for label in row.labels]) for row in rows]


def listed(question: Question | None = None, **narrowed: Any) -> Any:
    wanted: dict[str, Any] = {"limit": 10, "after": None, "rules": RULES, "agent": None}
    return contradictions.listed(question or asked(), **wanted | narrowed)


def turned(question: Question, **narrowed: Any) -> list[ContradictionRow]:
    """All findings, page by page."""
    shown: list[ContradictionRow] = []
    place = None
    while rows := listed(question, after=place, **narrowed)[0]:
        shown += rows
        last = rows[-1]
        place = FindingPlace(last.since, last.contact, last.rule, last.rule_id, last.group)
    return shown


def test_two_labels_of_an_exclusive_group_contradict_since_the_later_came(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 3))
    [row] = contradictions.report(asked())
    assert (row.rule, row.since, row.agent_name) == (EXCLUSIVE, day(3), "Rina")
    assert [label.name for label in row.labels] == ["Prospek panas", "Prospek dingin"]
    assert row.contact == Contact.objects.get().pk


def test_a_prospect_that_is_older_than_done_contradicts(rina: Bridge) -> None:
    put(rina, (HOT, 1), (DONE, 3))
    assert found() == [(OLDER, ["Prospek panas", "Selesai"])]


def test_a_younger_prospect_is_only_a_hint_of_a_new_order(rina: Bridge) -> None:
    put(rina, (DONE, 1), (HOT, 3))
    assert found() == []
    [hint], counts = listed(rules=[NEW_ORDER])
    assert counts == {(NEW_ORDER, hint.agent): 1}
    assert [label.name for label in hint.labels] == ["Selesai", "Prospek panas"]
    assert "“Prospek panas”" in hint.reason


def test_waiting_and_done_exclude_each_other_and_count_once(rina: Bridge) -> None:
    """They are of one group. Which of two rules is named says whether it may be a new order."""
    put(rina, (WAITING, 1), (DONE, 2))
    put(rina, (DONE, 1), (WAITING, 2), chat=SITI)
    assert sorted(found()) == [
        (EXCLUSIVE, ["Selesai", "Menunggu pembayaran"]),
        (OLDER, ["Menunggu pembayaran", "Selesai"]),
    ]
    assert listed(rules=[NEW_ORDER])[0] == []


def test_two_prospects_of_a_group_stay_a_finding_of_their_own_beside_done(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 2), (DONE, 3))
    assert sorted(rule for rule, _labels in found()) == [EXCLUSIVE, OLDER]


def test_a_loyal_customer_is_no_new_inquiry(rina: Bridge) -> None:
    put(rina, (NEW, 1), (LOYAL, 2))
    assert found() == [(LOYAL_NEW, ["Pertanyaan baru", "Pelanggan loyal"])]


def test_what_a_label_means_is_its_setting(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 3))
    Label.objects.filter(name="Prospek panas").update(exclusive_group="")
    assert found() == []


def test_a_period_that_is_over_shows_what_was_open_at_its_end(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 3))
    rina.label("removed", COLD, BUDI, at=day(10))
    rina.drain()
    assert found() == []
    assert found(end=10) == [(EXCLUSIVE, ["Prospek panas", "Prospek dingin"])]
    assert found(end=3) == []


def test_an_archived_contact_contradicts_nobody(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 3))
    archive_contact(Contact.objects.get(), actor=None, origin="test")
    assert found() == []


def test_it_is_the_owners_of_the_number_where_the_oldest_label_sits(rina: Bridge) -> None:
    dewi = Bridge(key="cs2", agent="dewi", team="Sales")
    dewi.save(DONE, "Selesai", at=day(-1))
    put(rina, (HOT, 1))
    put(dewi, (DONE, 3))
    [row] = contradictions.report(asked())
    assert row.agent_name == "Rina"
    assert found(channels=frozenset({rina.channel.pk})) == []
    rows = {row.name: row.contradictions for row in agents.report(asked(), agents=Agent.objects.all())}
    assert rows == {"Rina": 1, "Dewi": 0}


def test_turning_pages_shows_every_finding_once(rina: Bridge) -> None:
    for n in range(5):
        put(rina, (HOT, 1), (COLD, 3), (DONE, 3), chat=f"628120000001{n}")
    shown = turned(asked(), limit=3)
    assert shown == contradictions.report(asked())
    assert len(shown) == 10
    assert listed()[1] == contradictions.counts(asked()) or listed()[1] is None
    assert sum(contradictions.counts(asked()).values()) == 10
    assert listed(agent=0)[0] == []


@pytest.mark.parametrize("seed", [31, 32])
def test_contradictions_equal_the_slow_computation(seed: int) -> None:
    """With a label that means loyal and a pair, so that every rule has something to find."""
    World(seed, contacts=24).play()
    Label.objects.filter(name="Komplain").update(meaning="loyal")
    pair(*PAIRED)
    rules = set()
    for end, now in ((60, 60), (35, 52), (44.25, 100), (90, 80)):
        for chosen in FILTERS:
            question = Question(Period(day(0), day(end)), filters_of(chosen), day(now))
            slow = slow_of(question)
            wanted = sorted(slow.contradictions(), key=lambda f: (f.contact, f.rule, f.labels))
            got = contradictions.report(question)
            rules |= {row.rule for row in got}
            assert turned(question, limit=4) == got
            told = [(r.contact, r.rule, tuple(label.label for label in r.labels), r.since) for r in got]
            assert sorted(told) == [(f.contact, f.rule, f.labels, f.since) for f in wanted]
            assert sorted(row.agent or 0 for row in got) == sorted(who or 0 for who in slow.contradiction_owners())
    assert rules == set(RULES), "zeros prove nothing"


def test_a_pair_that_a_group_forbids_already_is_said_once(rina: Bridge) -> None:
    pair("Prospek panas", "Pertanyaan baru")
    put(rina, (HOT, 1), (NEW, 3), (COLD, 4))
    assert sorted(found()) == [
        (EXCLUSIVE, ["Prospek panas", "Prospek dingin"]),
        (PAIR, ["Prospek panas", "Pertanyaan baru"]),
    ]
    Label.objects.filter(name="Pertanyaan baru").update(exclusive_group="temperature")
    assert [rule for rule, _labels in found()] == [EXCLUSIVE]


@pytest.mark.parametrize(
    ("kind", "labels"), [(OLDER, (HOT, DONE)), (EXCLUSIVE, (HOT, COLD)), (LOYAL_NEW, (NEW, LOYAL)), (PAIR, (HOT, NEW))]
)
def test_a_rule_that_is_off_is_off_everywhere(rina: Bridge, kind: str, labels: tuple[str, str]) -> None:
    """In the report, the list, the column of CS quality and segments; the rows are those of one query."""
    pair("Prospek panas", "Pertanyaan baru")
    put(rina, (labels[0], 1), (labels[1], 3))
    assert everywhere() == (1, 1, 1, 1)
    ContradictionRule.objects.filter(kind=kind).update(active=False)
    assert everywhere() == (0, 0, 0, 0)


def test_what_was_called_right_is_no_contradiction_while_its_labels_last(rina: Bridge) -> None:
    put(rina, (HOT, 1), (COLD, 3))
    row = contradictions.report(asked())[0]
    ContradictionFlag.objects.create(
        contact_id=row.contact, rule_id=row.rule_id, group=row.group, labels=[label.label for label in row.labels],
        since=day(3), flagged_at=day(4), closed_at=day(5), closed_reason=ContradictionFlag.Closed.RIGHT,
    )  # fmt: skip
    assert everywhere() == (0, 0, 0, 0)
    assert len(found(end=5)) == 1, "it was none before somebody said so"
    rina.label("removed", COLD, BUDI, at=day(6))
    put(rina, (COLD, 7))
    assert everywhere() == (1, 1, 1, 1)


def everywhere() -> tuple[int, int, int, int]:
    """How many contradictions the report, the list, CS quality and a segment know."""
    quality = agents.report(asked(), agents=Agent.objects.all())
    definition = parse_definition({"any": [{"all": [{"field": "contradictory", "op": "is", "value": True}]}]})
    members = Members(definition, Viewer(everything=True), day(59)).count()
    of_rules = sum(n for (rule, _who), n in listed()[1].items() if rule in RULES)
    return len(found()), of_rules, sum(row.contradictions for row in quality), members


def pair(name: str, other: str) -> ContradictionRule:
    label, second = (Label.objects.get(name=each) for each in (name, other))
    return ContradictionRule.objects.create(kind=PAIR, label=label, other=second)


def slow_of(question: Question) -> Slow:
    filters = question.filters
    return Slow(
        question.period.start, question.period.end, question.now,
        channels=None if filters.channels is None else set(filters.channels),
        labels=None if filters.labels is None else set(filters.labels),
        brought_by=None if filters.campaigns is None else set(filters.campaigns),
    )  # fmt: skip
