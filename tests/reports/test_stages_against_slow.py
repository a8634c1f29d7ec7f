"""Every report of stages against the slow, obvious computation, on businesses drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contacts.models import Campaign, Channel, Contact, Team
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from labels.models import Label
from labels.services import merging
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors import cohorts, facts, movement, moves, step_funnel, time_in_stage
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.factories import UserFactory
from tests.reports.slow import Slow
from tests.reports.slow_stages import SlowStages
from tests.reports.test_against_slow import on_events
from tests.reports.world import World, day
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db

PERIODS = [(day(0), day(60), day(60)), (day(14), day(35), day(52)), (day(21.9), day(44.25), day(100))]
CHANNELS = [None, ("cs1", "cs2"), ("cs4",), ("cs1", "cs4", "cs5")]
CAMPAIGNS = ("lebaran", "gajian", "nomor-lima")
EVERYTHING = Viewer(everything=True)
BOARD = ("start", "new", "in_", "in_by_repair", "out", "out_by_repair", "end")


@pytest.fixture
def world() -> World:
    """With people whom the pairing of a number alone tells of, and some of whom a label that came late does."""
    world = World(31, contacts=18)
    world.play()
    pairing, first = world.bridges[3], world.bridges[0]
    for n in range(9):
        pairing.label("added", "6", f"6281333{n:05d}", at=day(22.0004 + n / 1e6))
    pairing.label("removed", "6", "628133300000", at=day(40))
    pairing.drain()
    for n, person in enumerate(world.people[:8]):
        first.label("added", "1", person, at=day(-2 + n))
        first.label("added", "5", person, at=day(11 + n))
    # Back and forth: the same move, and the same stage, more than once.
    for n in range(3):
        for person in world.people[8:11]:
            first.label("added", "5", person, at=day(23 + 3 * n))
            first.label("removed", "5", person, at=day(24.5 + 3 * n))
    first.drain()
    for survivor, other in ((world.people[2], world.people[12]), (world.people[5], "628133300002")):
        ids = [Contact.objects.get(phone=f"+{phone}").pk for phone in (survivor, other)]
        merging.merge(survivor_id=ids[0], merged_id=ids[1], reason="by_hand", actor=None)
    return world


def questions() -> Iterator[tuple[Question, SlowStages]]:
    """Every set of numbers and campaigns over every period; in `make test` over every second one, in turn."""
    campaigns = frozenset(Campaign.objects.filter(code__in=CAMPAIGNS).values_list("id", flat=True))
    chosen_by = [*((keys, None) for keys in CHANNELS), (None, campaigns), (("cs1", "cs2"), campaigns)]
    for turn, (keys, brought) in enumerate(chosen_by):
        chosen = None if keys is None else frozenset(Channel.objects.filter(key__in=keys).values_list("id", flat=True))
        sets = {"channels": chosen and set(chosen), "brought_by": brought and set(brought)}
        slow = Slow(day(0), day(0), day(0), **sets)
        asked = [*PERIODS, on_events()]
        for start, end, now in asked if is_full_run() else asked[turn % 2 :: 2]:
            question = Question(Period(start, end), Filters(channels=chosen, campaigns=brought), now)
            yield question, SlowStages(slow.over(start, end, now))


def test_every_report_of_stages_equals_the_slow_computation(world: World) -> None:
    """One test, so that a world, which takes seconds to play, is played once."""
    idle: dict[str, int] = {}
    for question, slow in questions():
        for counts in (
            check_board(question, slow),
            check_moves(question, slow),
            check_time(question, slow),
            check_funnel(question, slow),
            check_cohorts(question, slow),
        ):
            for name, value in counts.items():
                idle[name] = idle.get(name, 0) + value
    assert [name for name, value in idle.items() if not value] == [], "a figure that is 0 everywhere proves nothing"
    check_every_filter()


def check_every_filter() -> None:
    """Board and moves add up for each number and team, for who sees everything and for the lead of one team."""
    lead = viewer_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))
    filters = [{"channel": key} for key in Channel.objects.values_list("key", flat=True)]
    filters += [{"team": str(team)} for team in Team.objects.values_list("id", flat=True)]
    times = {"from": day(20).isoformat(), "to": day(41).isoformat()}
    for viewer, given in [*((EVERYTHING, each) for each in filters), (EVERYTHING, {}), (lead, {}), (lead, filters[0])]:
        query = parse_query(REPORTS["movement"], times | given, viewer=viewer, now=day(60))
        assert sum(row.start for row in query.rows) > 0
        check_moves_add_up(query.question)
        moved = sum(cell.contacts for cell in query.board.cells)
        assert moved == sum(row.new + row.in_ for row in query.rows)


def check_board(question: Question, slow: SlowStages) -> dict[str, int]:
    board = movement.board(question)
    rows, cells = slow.board()
    for row in board.rows:
        wanted = {name: rows[row.stage][name.rstrip("_")] for name in BOARD}
        assert {name: getattr(row, name) for name in BOARD} == wanted, (row.name, question.period, question.filters)
        assert row.start + row.new + row.in_ - row.out == row.end
    assert set(rows) <= {row.stage for row in board.rows}
    assert {(cell.from_, cell.to): cell.contacts for cell in board.cells} == cells
    sources, values = movement.sources(question), movement.parameters(question)
    for row in board.rows:
        for name in BOARD:
            figure = name.rstrip("_")
            assert facts.count(sources[figure], figure, values, who=row.stage)[0] == getattr(row, name), (row, name)
    for cell in board.cells:
        assert facts.count(sources["contacts"], "contacts", values, who=cell.key) == (cell.contacts, cell.contacts)
    return {name: sum(getattr(row, name) for row in board.rows) for name in BOARD} | {"cells": len(cells)}


def check_moves(question: Question, slow: SlowStages) -> dict[str, int]:
    found = moves.report(question)
    got = {
        (row.from_, row.to): {name: getattr(row, name) for name in ("count", "contacts", "by_repair", "median_s")}
        for row in found
    }
    wanted = slow.moves()
    assert got.keys() == wanted.keys()
    for pair, figures in wanted.items():
        assert got[pair] == pytest.approx(figures), (pair, question)
    check_moves_add_up(question)
    sources, values = moves.sources(question), moves.parameters(question)
    for row in found:
        assert facts.count(sources["count"], "count", values, who=row.key) == (row.count, row.contacts)
    return {
        "moves": sum(row.count for row in found),
        "repaired": sum(row.by_repair for row in found),
        "again": sum(row.count - row.contacts for row in found),
    }


def check_moves_add_up(question: Question) -> None:
    """ "All moves … it adds up too" """
    board, found = movement.board(question), moves.report(question)
    everybody_new = sum(row.new for row in board.rows)
    for row in board.rows:
        came = sum(move.count for move in found if move.to == row.stage)
        went = sum(move.count for move in found if move.from_ == row.stage)
        new = everybody_new if row.stage is None else 0
        assert row.start + new + came - went == row.end, (row, question)


def check_time(question: Question, slow: SlowStages) -> dict[str, int]:
    rows = {row.stage: row for row in time_in_stage.report(question)}
    wanted = slow.time_in_stage()
    assert {stage for stage, row in wanted.items() if row["ended"] or row["open"] or row["by_repair"]} <= rows.keys()
    sources, values = time_in_stage.sources(question), time_in_stage.parameters(question)
    for stage, row in rows.items():
        got = {name: getattr(row, name) for name in wanted[stage]}
        assert got == pytest.approx(wanted[stage]), (row.name, question)
        for figure in ("ended", "by_repair", "open"):
            assert facts.count(sources[figure], figure, values, who=stage)[0] == getattr(row, figure)
    every = rows.values()
    return {
        **{name: sum(getattr(row, name) for row in every) for name in ("ended", "by_repair", "open")},
        "several stays": sum(row.median_s != row.cumulative_median_s for row in every),
        "survival": sum(row.km_median_s not in (None, row.median_s) for row in every),
    }


def check_funnel(question: Question, slow: SlowStages) -> dict[str, int]:
    rows, wanted = step_funnel.report(question), slow.funnel()
    assert [row.step for row in rows] == list(wanted)
    sources, values = step_funnel.sources(question), step_funnel.parameters(question)
    for row in rows:
        of_step = wanted[row.step]
        figures = {name: getattr(row, name) for name in ("contacts", "reached", "went_through")}
        assert figures == {name: of_step[name] for name in figures}, (row, question)
        assert {each.label: (each.reached, each.went_through) for each in row.labels} == of_step["labels"]
        for figure, value in figures.items():
            assert facts.count(sources[figure], figure, values, who=row.step) == (value, value)
        for each in row.labels:
            for figure in ("reached", "went_through"):
                name, value = f"label_{figure}", getattr(each, figure)
                assert facts.count(sources[name], name, values, who=each.label) == (value, value)
    return {
        "reached": sum(row.reached - row.went_through for row in rows),
        "went": sum(row.went_through for row in rows),
    }


def check_cohorts(question: Question, slow: SlowStages) -> dict[str, int]:
    step = cohorts.usual_step()
    assert step == Label.objects.get(meaning="won").step
    told: dict[str, int] = {"cohort": 0, "before": 0, "cells": 0}
    for each in (1, step):
        rows, wanted = cohorts.report(question, step=each), slow.cohorts(each)
        got = {row.week: {"contacts": row.contacts, "reached": row.reached} for row in rows}
        assert got == wanted, question
        sources, values = cohorts.sources(question), cohorts.parameters(question, step=each)
        for row in rows:
            shown = {"contacts": row.contacts} | {f"reached_w{n}": count for n, count in enumerate(row.reached)}
            for figure, value in list(shown.items())[:3]:
                assert facts.count(sources[figure], figure, values, who=row.week) == (value, value)
            told["cohort"] += sum(row.reached)
            told["before"] += row.contacts * (row.week is None)
    return told


def test_a_stage_that_comes_back_is_no_move_on_the_board_and_two_among_all_moves() -> None:
    """Prospek panas, Grade A within it, and Prospek panas again."""
    world = World(32, contacts=1, visits=0)
    bridge, person = world.bridges[0], "628155500001"
    for external, name in (("1", "Prospek panas"), ("2", "Grade A")):
        bridge.save(external, name, at=day(-1))
    bridge.label("added", "1", person, at=day(1))
    bridge.label("added", "2", person, at=day(5))
    bridge.label("removed", "2", person, at=day(8))
    bridge.drain()
    hot, grade = (Label.objects.get(name=name).pk for name in ("Prospek panas", "Grade A"))
    question = Question(Period(day(3), day(10)), Filters(), day(10))
    board = movement.board(question)
    assert board.cells == []
    assert [(row.stage, row.start, row.end) for row in board.rows if row.start] == [(hot, 1, 1)]
    got: list[Any] = [(row.from_, row.to, row.count, row.median_s) for row in moves.report(question)]
    assert sorted(got) == sorted([(hot, grade, 1, 4 * 86400), (grade, hot, 1, 3 * 86400)])
