"""The fold gives the same intervals for the same set of facts, whatever order, repeats or cuts they come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from labels.rules.fold import CLOSED, NONE, OPENED, fold, generation_at, generations, order
from tests.services_plugin import is_full_run

START = datetime(2026, 3, 2, tzinfo=UTC)
EXAMPLES = 20_000 if is_full_run() else 400


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


@dataclass(frozen=True)
class PlainChange:
    id: int
    on: bool
    at: datetime
    key: str
    origin: str = "live"


def add(second: int) -> PlainChange:
    return PlainChange(second + 1, True, at(second), f"a{second}")


def remove(second: int) -> PlainChange:
    return PlainChange(second + 1001, False, at(second), f"r{second}")


def spans(facts: list[PlainChange], **options: object) -> list[tuple[datetime, datetime | None]]:
    return [(i.opener.at, i.ended_at) for i in fold(facts, **options).intervals]  # type: ignore[arg-type]


def test_an_add_opens_and_a_remove_closes() -> None:
    folded = fold([add(5), remove(10)])
    assert [(i.opener, i.ended_at, i.closer, i.reason) for i in folded.intervals] == [
        (add(5), at(10), remove(10), "removed")
    ]
    assert folded.effects == {6: OPENED, 1011: CLOSED}


def test_a_remove_that_arrives_first_closes_all_the_same() -> None:
    assert spans([remove(10), add(5)]) == [(at(5), at(10))]


def test_a_late_removal_does_not_reopen_the_label() -> None:
    assert spans([add(1), remove(10), remove(5)]) == [(at(1), at(5))]


def test_a_second_add_keeps_the_first_time() -> None:
    assert spans([add(1), add(7)]) == [(at(1), None)]


def test_a_remove_without_an_add_makes_no_interval() -> None:
    folded = fold([remove(3)])
    assert (folded.intervals, folded.effects) == ([], {1004: NONE})


def test_an_add_comes_before_a_remove_of_the_same_second() -> None:
    assert spans([remove(4), add(4)]) == [(at(4), at(4))]


def test_a_deleted_label_ends_what_is_still_on() -> None:
    folded = fold([add(1)], deleted_at=at(9))
    assert [(i.opener, i.ended_at, i.reason, i.closer) for i in folded.intervals] == [
        (add(1), at(9), "label_deleted", None)
    ]


def test_a_removal_at_the_moment_of_the_deletion_is_a_removal() -> None:
    folded = fold([add(1), remove(9)], deleted_at=at(9))
    assert [(i.ended_at, i.reason) for i in folded.intervals] == [(at(9), "removed")]


def test_what_is_told_of_a_deleted_label_later_changes_nothing() -> None:
    folded = fold([add(1), remove(9)], deleted_at=at(5))
    assert [(i.ended_at, i.reason, i.closer) for i in folded.intervals] == [(at(5), "label_deleted", None)]
    assert folded.effects == {2: OPENED, 1010: NONE}


def test_a_pull_that_removed_it_says_so() -> None:
    gone = PlainChange(9, False, at(9), "p", origin="reconcile")
    assert fold([add(1), gone]).intervals[0].reason == "reconcile"


def numbered(deletions: list[int], lives: list[int]) -> list[datetime | None]:
    """When each generation ended."""
    return [each.ended_at for each in generations(map(at, deletions), lives=map(at, lives))]


def test_a_label_lived_again_only_when_shown_alive_after_its_end() -> None:
    assert numbered([5, 9], [5]) == [at(5)], "what showed it alive at its end was the one that ended"
    assert numbered([5, 9], [9]) == [at(5), at(9)], "put on and deleted in one second"
    assert numbered([5], [5]) == [at(5)]
    assert numbered([5], [6]) == [at(5), None]


FACTS = st.lists(
    st.builds(lambda on, second, key: PlainChange(key, on, at(second), f"k{key:05}"), st.booleans(), st.integers(0, 30),
              st.integers(0, 99_999)),
    max_size=30, unique_by=lambda fact: fact.id,
)  # fmt: skip


def slow(facts: list[PlainChange]) -> list[tuple[datetime, datetime | None]]:
    """The obvious way: walk the seconds, and in each all adds, then all removes."""
    found: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for second in range(31):
        here = [fact for fact in facts if fact.at == at(second)]
        if since is None and any(fact.on for fact in here):
            since = at(second)
        if since is not None and any(not fact.on for fact in here):
            found.append((since, at(second)))
            since = None
    return found + ([(since, None)] if since is not None else [])


@given(FACTS, st.randoms())
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_order_gives_the_same_intervals_as_walking_the_seconds(facts: list[PlainChange], random: object) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert spans(shuffled) == spans(facts) == slow(facts)
    assert fold(shuffled).effects == fold(facts).effects


@given(FACTS, st.integers(0, 30))
@settings(max_examples=EXAMPLES, deadline=None)
def test_appending_to_what_is_open_equals_folding_it_all(facts: list[PlainChange], cut: int) -> None:
    ordered = sorted(facts, key=order)
    before, after = fold(ordered[:cut]), ordered[cut:]
    is_open = bool(before.intervals) and before.intervals[-1].ended_at is None
    opener = before.intervals[-1].opener if is_open else None
    closed = before.intervals[:-1] if is_open else before.intervals
    assert closed + fold(after, opener=opener).intervals == fold(facts).intervals


@given(FACTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_intervals_are_ordered_apart_and_only_the_last_is_open(facts: list[PlainChange]) -> None:
    found = spans(facts)
    assert all(end is not None for _, end in found[:-1])
    assert all(end is not None and end <= start for (_, end), (start, _) in pairwise(found))


def test_a_deletion_ends_a_generation_and_life_begins_the_next() -> None:
    found = generations([at(10)], lives=[at(1), at(12)])
    assert [(g.number, g.ended_at) for g in found] == [(1, at(10)), (2, None)]
    assert generation_at(at(10), found).number == 1
    assert generation_at(at(11), found).number == 2


def test_a_deletion_said_twice_ends_nothing_more() -> None:
    assert [g.ended_at for g in generations([at(10), at(11)], lives=[at(1)])] == [at(10)]


def test_a_label_that_never_lived_again_stays_ended() -> None:
    found = generations([at(10)], lives=[])
    assert generation_at(at(99), found).number == 1


@given(st.lists(st.integers(0, 40).map(at), max_size=6), st.lists(st.integers(0, 40).map(at), max_size=8), st.randoms())
@settings(max_examples=EXAMPLES, deadline=None)
def test_generations_depend_on_the_set_only(deletions: list[datetime], lives: list[datetime], random: object) -> None:
    shuffled = list(deletions), list(lives)
    for part in shuffled:
        random.shuffle(part)  # type: ignore[attr-defined]
    found = generations(*shuffled[:1], lives=shuffled[1])
    assert found == generations(deletions, lives=lives)
    assert [g.number for g in found] == list(range(1, len(found) + 1))
    assert sum(g.ended_at is None for g in found) <= 1
