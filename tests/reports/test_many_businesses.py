"""Two hundred small businesses drawn at random: every report equals its slow computation on each of them.

The modules whose checks are used here ask more of a few businesses in every run; these are asked in `make test-full`.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from contacts.models import Agent, Channel
from labels.models import Label
from reports.selectors import agents, contradictions, data_health, heatmap
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.labels import By
from reports.selectors.questions import Question
from tests.reports import slow_health
from tests.reports import test_against_slow as judged
from tests.reports import test_label_activity as activity
from tests.reports import test_stages_against_slow as stages
from tests.reports.activity import hours_of
from tests.reports.slow import Slow
from tests.reports.slow_stages import SlowStages
from tests.reports.work import flip_flops, replies
from tests.reports.world import World, day
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db
BUSINESSES = range(5000, 5200)


@pytest.mark.parametrize("seed", BUSINESSES if is_full_run() else ())
def test_every_report_of_a_business_equals_its_slow_computation(seed: int) -> None:
    chance = random.Random(seed)
    World(seed, contacts=10).play()
    Channel.objects.filter(key="cs2").update(used_by_one=False)
    Label.objects.filter(name="Komplain").update(meaning="loyal")
    for chosen in ({}, chance.choice(activity.FILTERS[1:])):
        start, length = chance.uniform(-1, 45), chance.uniform(1, 40)
        check_spells(*activity.asked(day(start), day(start + length), chosen))
    for chosen in (
        {},
        chance.choice([{"channels": ("cs1", "cs2")}, {"channels": ("cs4",)}, {"campaigns": ("lebaran",)}]),
    ):
        start, length = chance.uniform(-1, 45), chance.uniform(1, 40)
        check_all(*activity.asked(day(start), day(start + length), chosen))


def check_spells(question: Question, slow: Slow) -> None:
    """What any filter narrows: label activity by every key, and the heatmap."""
    for by in By:
        activity.check(question, slow, by, activity.rows_of(question, by))
    rows = heatmap.report(question)
    for name, told in hours_of(slow).items():
        assert Counter({(row.weekday, row.hour): getattr(row, name) for row in rows if getattr(row, name)}) == told


def check_all(question: Question, slow: Slow) -> None:
    """Every report, of all numbers or of some, or of who came by a campaign."""
    judged.check_agents(question, slow)
    judged.check_labels(question, slow)
    check_work(question, slow)
    check_contradictions(question, slow)
    if question.filters.campaigns is None:
        for touch in Touch:
            judged.check_curves(question, slow, touch)
            for basis in Basis:
                judged.check_campaigns(question, slow, touch, basis)
        check_health(question, slow)
    of_stages = SlowStages(slow)
    for check in (stages.check_board, stages.check_moves, stages.check_time, stages.check_funnel, stages.check_cohorts):
        check(question, of_stages)


def check_work(question: Question, slow: Slow) -> None:
    for row in agents.report(question, agents=Agent.objects.all()):
        wanted: dict[str, Any] = {"flip_flops": flip_flops(slow, row.agent)}
        if row.agent is not None and question.filters.campaigns is None:
            wanted |= replies(slow, row.agent)
        assert {name: getattr(row, name) for name in wanted} == pytest.approx(wanted), row.name


def check_contradictions(question: Question, slow: Slow) -> None:
    told = [(row.contact, row.rule, tuple(one.label for one in row.labels)) for row in contradictions.report(question)]
    assert sorted(told) == sorted((found.contact, found.rule, found.labels) for found in slow.contradictions())


def check_health(question: Question, slow: Slow) -> None:
    channels = Channel.objects.exclude(gateway="crm")
    if question.filters.channels is not None:
        channels = channels.filter(pk__in=question.filters.channels)
    wanted = slow_health.counts(slow)
    for row in data_health.report(question, channels=channels):
        assert {name: getattr(row, name) for name in slow_health.COUNTS} == {
            name: wanted[row.id][name] for name in slow_health.COUNTS
        }, row.channel
