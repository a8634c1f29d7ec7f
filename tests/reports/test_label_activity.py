"""Label activity by label, category, number, team, CS and day against the slow computation, for every filter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contacts.models import Agent, Campaign, Channel, Team
from labels.models import ChannelScope, Label, LabelDay
from labels.services import projections
from reports.selectors import facts, label_days, labels
from reports.selectors.filtered_spells import Filters
from reports.selectors.labels import By, Listed
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.reports.activity import activity_rows
from tests.reports.slow import Slow
from tests.reports.world import World, day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db

WHOLE_DAYS, CUT_DAYS = (day(10), day(38)), (day(14.3), day(22.6))
FILTERS: list[dict[str, Any]] = [
    {},
    {"channels": ("cs1",)},
    {"channels": ("cs1", "cs2", "cs5")},
    {"channels": ("cs1", "cs4")},
    {"labels": ("Grade A", "Prospek panas", "Selesai")},
    {"labels": ("Grade A",), "channels": ("cs4", "cs2")},
    {"agents": ("rina", "sari")},
    {"campaigns": ("lebaran", "gajian")},
    {"certain": True},
    {"agents": ("rina",), "labels": ("Grade A", "Grade B"), "campaigns": ("lebaran",), "channels": ("cs1", "cs2")},
    {"channels": ()},
]
FIGURES = (
    "added", "added_contacts", "mistaps", "instant_mistaps", "found", "removed", "lost", "net", "net_by_people",
    "active_from", "active_to",
)  # fmt: skip


@pytest.fixture(params=[31, 32])
def world(request: pytest.FixtureRequest) -> World:
    """With a number of no team, and one that is used by several people."""
    world = World(request.param, contacts=16)
    world.play()
    Channel.objects.filter(key="cs2").update(used_by_one=False)
    if request.param % 2:
        Channel.objects.filter(key__in=("cs3", "cs4")).update(team=None)
        ChannelScope.objects.all().delete()
        projections.refresh_all(write=True)
    return world


def asked(start: Any, end: Any, chosen: dict[str, Any]) -> tuple[Question, Slow]:
    ids: dict[str, frozenset[int]] = {}
    for name, (rows, column) in _NAMED.items():
        if name in chosen:
            found = rows.filter(**{f"{column}__in": chosen[name]})
            ids[name] = frozenset(found.values_list("id", flat=True))
    certain = bool(chosen.get("certain"))
    sets: dict[str, Any] = {"brought_by" if name == "campaigns" else name: set(values) for name, values in ids.items()}
    slow = Slow(start, end, day(60), certain=certain, **sets)
    return Question(Period(start, end), Filters(certain=certain, **ids), day(60)), slow


_NAMED: dict[str, Any] = {
    "channels": (Channel.objects, "key"),
    "labels": (Label.objects, "name"),
    "agents": (Agent.objects, "code"),
    "campaigns": (Campaign.objects, "code"),
}


def rows_of(question: Question, by: By) -> list[Any]:
    listed = Listed(channels=Channel.objects.all(), teams=Team.objects.all(), agents=Agent.objects.all())
    return labels.report(question, by=by, listed=listed)


def test_label_activity_equals_the_slow_computation_for_every_filter(world: World) -> None:
    seen = dict.fromkeys(FIGURES, 0)
    asks = [(*WHOLE_DAYS, chosen) for chosen in FILTERS] + [(*CUT_DAYS, chosen) for chosen in FILTERS[::3]]
    for question, slow in (asked(*ask) for ask in asks):
        for by in By:
            rows = rows_of(question, by)
            check(question, slow, by, rows)
            for name in FIGURES:
                seen[name] += sum(getattr(row, name) for row in rows)
    assert all(seen.values()), "zeros prove nothing"


def check(question: Question, slow: Slow, by: By, rows: list[Any]) -> None:
    got = {getattr(row, by): {name: getattr(row, name) for name in FIGURES} for row in rows}
    wanted = activity_rows(slow, by)
    about = (by, question.filters, question.period)
    assert len(got) == len(rows), about
    for key in got.keys() | wanted.keys():
        assert got[key] == wanted.get(key, dict.fromkeys(FIGURES, 0)), (key, *about)
    for row in rows:
        assert row.active_from + row.net == row.active_to, about
    check_facts(question, by, got)


def check_facts(question: Question, by: By, got: dict[Any, dict[str, int]]) -> None:
    """As many rows behind each number as it says."""
    sources, values = labels.sources(question, by=by), labels.parameters(question, by=by)
    assert sources.keys() == {*FIGURES} - {"net", "net_by_people", "added_contacts"}
    for each in {id(source): source for source in sources.values()}.values():
        counted = facts.summarize(each, values)
        for key, row in got.items():
            behind = counted.get(key, {})
            assert {name: row[name] for name in each.counts} == {name: behind.get(name, 0) for name in each.counts}
        assert not {key for key, counts in counted.items() if any(counts.values())} - got.keys()


def test_whole_days_are_read_off_their_sums(world: World, django_assert_num_queries: Any) -> None:
    """Of sums that say something else the report says so; where they cannot answer, spells are counted."""
    enough = [asked(*WHOLE_DAYS, chosen)[0] for chosen in FILTERS]
    assert [label_days.are_enough(question) for question in enough] == [
        True, True, True, True, True, True, False, False, False, False, True,
    ]  # fmt: skip
    before = {by: [row.active_from for row in rows_of(enough[0], by)] for by in By}
    LabelDay.objects.all().delete()
    after = {by: [row.active_from for row in rows_of(enough[0], by)] for by in By}
    changed = {by for by in By if sum(after[by]) != sum(before[by])}
    assert {By.LABEL, By.CHANNEL, By.DAY} <= changed
    assert not {By.CATEGORY, By.AGENT} & changed


def test_every_day_of_the_period_is_there_also_with_zeros() -> None:
    rows = rows_of(asked(day(0), day(9), {})[0], By.DAY)
    assert [str(row.day) for row in rows] == [f"2026-03-0{n}" for n in range(2, 10)] + ["2026-03-10"]
    assert {getattr(row, name) for row in rows for name in FIGURES} == {0}


# -- Categories -------------------------------------------------------------------------------------------------------


BUDI, SITI = "6281200000001", "6281200000002"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def rina() -> Bridge:
    """The number of CS Rina, with labels of the category "filter", one of another and one of none."""
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    names = ("Grade A", "Grade B", "Prospek panas", "Selesai", "Titipan")
    for external, name in enumerate(names, start=1):
        bridge.save(str(external), name, at=day(-1))
    return bridge


def on(bridge: Bridge, label: str, start: datetime, end: datetime | None = None, *, chat: str = BUDI) -> None:
    bridge.label("added", label, chat, at=start)
    if end is not None:
        bridge.label("removed", label, chat, at=end)


def of_category(code: str | None = "filter", **chosen: Any) -> dict[str, int]:
    question, slow = asked(day(0), day(9), chosen)
    check(question, slow, By.CATEGORY, rows_of(question, By.CATEGORY))
    [row] = [row for row in rows_of(question, By.CATEGORY) if row.category == code]
    return {name: getattr(row, name) for name in FIGURES if getattr(row, name)}


def test_labels_of_one_category_that_overlap_or_touch_are_one_spell(rina: Bridge) -> None:
    on(rina, "1", day(1), day(2))
    on(rina, "2", day(1.5), day(3))
    on(rina, "3", day(3), day(4))
    on(rina, "4", day(1))
    on(rina, "1", day(5))
    rina.drain()
    assert of_category() == {
        "added": 2, "added_contacts": 1, "removed": 1, "net": 1, "net_by_people": 1, "active_to": 1,
    }  # fmt: skip
    assert of_category(labels=("Grade A",))["added"] == 2


def test_two_labels_of_a_category_within_seconds_are_a_quick_undo(rina: Bridge) -> None:
    on(rina, "1", day(1), day(1) + MINUTE)
    on(rina, "2", day(1) + MINUTE / 2, day(1) + 1.9 * MINUTE)
    on(rina, "1", day(2), day(2) + MINUTE)
    on(rina, "2", day(2) + MINUTE / 2, day(2) + 2.1 * MINUTE)
    rina.drain()
    found = of_category()
    assert (found["added"], found["mistaps"], found["removed"]) == (2, 1, 2)


def test_a_quick_undo_of_a_category_happens_on_one_number(rina: Bridge) -> None:
    second = Bridge(key="cs2", agent="rina", team="Sales")
    second.save("2", "Grade B", at=day(-1))
    on(rina, "1", day(1), day(1) + MINUTE)
    on(second, "2", day(1) + MINUTE / 2, day(1) + 1.5 * MINUTE)
    rina.drain()
    second.drain()
    found = of_category()
    assert (found["added"], found.get("mistaps", 0)) == (1, 0)


def test_a_category_is_lost_when_its_last_label_is(rina: Bridge) -> None:
    on(rina, "1", day(1), day(2))
    on(rina, "2", day(1.5))
    rina.post("label.deleted", label={"id": "2"}, at=day(3))
    on(rina, "5", day(1))
    rina.drain()
    assert of_category() == {"added": 1, "added_contacts": 1, "lost": 1, "net_by_people": 1}
    assert of_category(None)["active_to"] == 1


@pytest.mark.parametrize(("first", "added"), [(0, 4), (2, 3), (4, 2)])
def test_who_got_a_label_twice_in_a_period_is_one_contact_of_it(rina: Bridge, first: int, added: int) -> None:
    """From the sums of the whole and of a number alike, whatever lies before the period."""
    on(rina, "1", day(1), day(2))
    on(rina, "1", day(3), day(4))
    on(rina, "1", day(5), chat=SITI)
    on(rina, "1", day(5), day(6))
    rina.drain()
    for chosen in ({}, {"channels": ("cs1",)}):
        question, slow = asked(day(first), day(9), chosen)
        rows = rows_of(question, By.LABEL)
        check(question, slow, By.LABEL, rows)
        [row] = [row for row in rows if row.name == "Grade A"]
        assert (row.added, row.added_contacts) == (added, 2)
