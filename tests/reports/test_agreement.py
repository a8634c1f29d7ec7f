"""Agreement of second looks and Cohen's kappa: known examples, the slow way, and what filters leave."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from itertools import product
from typing import Any

import pytest

from contacts.models import Agent, Campaign, Channel
from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import User
from labels.models import Label, SampledGrade, SecondLook
from labels.selectors.second_looks import choices
from labels.services import second_looks
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors import agents, agreement, facts
from reports.selectors.filtered_spells import Filters
from reports.selectors.kappas import Kappa, kappa, kappa_of_one
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.factories import UserFactory
from tests.reports.answers import share as slow_share
from tests.reports.world import World, day

pytestmark = pytest.mark.django_db


# -- Kappa ------------------------------------------------------------------------------------------------------------


def table(*rows: list[int]) -> dict[tuple[Any, Any], int]:
    return {(one, other): count for one, row in enumerate(rows) for other, count in enumerate(row) if count}


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        # Two readers of 50 grant proposals, the example that most textbooks have: (0.7 - 0.5) / (1 - 0.5).
        (table([20, 5], [10, 15]), 0.4),
        # D. G. Altman, Practical Statistics for Medical Research, 1991, table 14.5: 85 mammograms, kappa 0.47.
        (table([21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]), 0.473),
        (table([5, 0], [0, 5]), 1.0),
        (table([0, 5], [5, 0]), -1.0),
        (table([1, 1], [1, 1]), 0.0),
    ],
)
def test_kappa_is_that_of_the_textbooks(pairs: dict[tuple[Any, Any], int], value: float) -> None:
    found = kappa(pairs)
    assert found.value == pytest.approx(value, abs=0.0005)
    assert found.n == sum(pairs.values())
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= value + 1e-9
    assert value - 1e-9 <= found.high <= 1 + 1e-9


def test_kappas_interval_is_wilsons_of_the_agreement_in_cohens_formula() -> None:
    """35 of 50 agree, Wilson 56.2 to 80.9 %; chance is 50 %, so (0.562 - 0.5) / 0.5 and (0.809 - 0.5) / 0.5."""
    found = kappa(table([20, 5], [10, 15]))
    assert (found.low, found.high) == (pytest.approx(0.125, abs=0.001), pytest.approx(0.618, abs=0.001))
    everybody = kappa(table([10, 0], [0, 10]))
    assert everybody.high == pytest.approx(1.0)
    assert everybody.low == pytest.approx(0.678, abs=0.001)  # 20 of 20 is no proof: Wilson begins at 83.9 %


def test_there_is_no_kappa_where_only_one_thing_was_ever_said() -> None:
    assert kappa({}) == Kappa(None, 0, None, None)
    assert kappa(table([7])) == Kappa(None, 7, None, None)
    assert kappa(table([7])).grade == ""


def test_the_kappa_of_one_label_is_that_against_all_others() -> None:
    pairs = table([21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1])
    assert kappa_of_one(pairs, 2) == kappa(table([55, 1], [14, 15]))


@pytest.mark.parametrize(
    ("value", "grade"),
    [(-0.2, "none"), (0.0, "none"), (0.2, "slight"), (0.21, "fair"), (0.6, "moderate"), (0.8, "substantial"),
     (0.81, "almost"), (1.0, "almost")],
)  # fmt: skip
def test_a_kappa_has_the_name_that_landis_and_koch_gave_it(value: float, grade: str) -> None:
    assert Kappa(value, 50, None, None).grade == grade


# -- Against the slow computation -------------------------------------------------------------------------------------


def looked_at_world(seed: int) -> None:
    """A business whose weeks were drawn and looked at; most looks tell, some do not, a few were taken back."""
    World(seed, contacts=40).play()
    Channel.objects.filter(key="cs2").update(used_by_one=False)
    chance, reviewers = random.Random(seed), [UserFactory(role="owner"), UserFactory(role="cs_lead")]
    for week in range(9):
        second_looks.draw(second_looks.last_week(day(7 * week + 8)), actor=None, seed=seed)
    grades = list(SampledGrade.objects.select_related("channel", "sample").order_by("id"))
    for grade in grades:
        _look(grade, chance.choice(reviewers), chance)
    archived = chance.choice(grades).contact
    archived.deleted_at = day(60)
    archived.save()


def _look(grade: SampledGrade, reviewer: User, chance: random.Random) -> None:
    if chance.random() < 0.05:
        return
    offered = [*[grade.label] * 4, None, None, None, *choices(grade)]
    look = second_looks.choose(grade, label=chance.choice(offered), reviewer=reviewer)
    if chance.random() < 0.3:
        second_looks.take_back(look, reviewer=reviewer)
        second_looks.choose(grade, label=grade.label, reviewer=reviewer)


Asked = tuple[Question, list[SecondLook]]
PERIODS = [(day(0), day(60)), (day(10.3), day(31))]
FILTERS: list[dict[str, Any]] = [
    {},
    {"channels": ("cs1", "cs3")},
    {"labels": ("Grade A", "Prospek dingin")},
    {"campaigns": ("lebaran", "gajian", "nomor-lima")},
    {"certain": True, "channels": ("cs1", "cs2")},
]


def questions() -> list[Asked]:
    """Each question with the looks that it is about, chosen one by one."""
    related = ("label", "grade__label", "grade__channel", "grade__contact__campaign", "grade__sample__agent")
    found, all_looks = [], list(SecondLook.objects.select_related(*related))
    for (start, end), chosen in product(PERIODS, FILTERS):
        channels = set(Channel.objects.filter(key__in=chosen["channels"])) if "channels" in chosen else None
        labels = set(Label.objects.filter(name__in=chosen["labels"])) if "labels" in chosen else None
        campaigns = Campaign.objects.filter(code__in=chosen.get("campaigns", ()))
        filters = Filters(
            campaigns=frozenset(each.pk for each in campaigns) if "campaigns" in chosen else None,
            channels=None if channels is None else frozenset(each.pk for each in channels),
            labels=None if labels is None else frozenset(each.pk for each in labels),
            certain=chosen.get("certain", False),
        )
        looks = [look for look in all_looks if _is_meant(look, start, end, channels, chosen)]
        found.append((Question(Period(start, end), filters, day(60)), looks))
    return found


def _is_meant(look: SecondLook, start: datetime, end: datetime, channels: Any, chosen: dict[str, Any]) -> bool:
    grade = look.grade
    sure = grade.method == "crm_user" or (grade.method == "channel_owner" and grade.channel.used_by_one)
    return (
        grade.contact.deleted_at is None
        and start <= grade.graded_at < end
        and (channels is None or grade.channel in channels)
        and (sure or not chosen.get("certain"))
        and (
            "campaigns" not in chosen
            or str(grade.contact.campaign and grade.contact.campaign.code) in chosen["campaigns"]
        )
    )


def slow_kappa(pairs: list[tuple[Any, Any]]) -> float | None:
    """Everybody with everybody: chance is how often two of all answers, one of each side, would be the same."""
    if not pairs:
        return None
    agreed = sum(one == other for one, other in pairs) / len(pairs)
    chance = sum(one == other for (one, _), (_, other) in product(pairs, pairs)) / len(pairs) ** 2
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value)


def test_agreement_is_what_looking_at_every_look_says() -> None:
    looked_at_world(21)
    asked = questions()
    check_agents(asked)
    check_labels(asked)
    for question, _looks in (asked[0], asked[-1]):
        check_report(question)
    check_one_agent()


def check_agents(asked: list[Asked]) -> None:
    seen: Counter[str] = Counter()
    for question, looks in asked:
        chosen = question.filters.labels
        rows = {row.agent: row for row in agreement.report(question).agents}
        for agent in Agent.objects.all():
            mine = [look for look in looks if look.grade.sample.agent == agent]
            mine = [look for look in mine if chosen is None or look.grade.label_id in chosen]
            assert (agent in rows) == bool(mine)
            if not mine:
                continue
            row = rows[agent]
            pairs = [(look.grade.label_id, look.label_id) for look in mine if look.blind and look.label]
            wanted = slow_share(sum(one == other for one, other in pairs), len(pairs))
            assert {name: getattr(row.agreement, name) for name in wanted} == near_share(wanted)
            assert row.unsure == sum(look.blind and look.label is None for look in mine)
            assert row.changed == sum(not look.blind for look in mine)
            assert row.kappa.value == near(None if chosen is not None else slow_kappa(pairs))
            seen += Counter(k=row.agreement.k, unsure=row.unsure, changed=row.changed)
    assert not [name for name in ("k", "unsure", "changed") if seen[name] < 5], (seen, len(asked[0][1]))


def check_report(question: Question) -> None:
    """CS quality says the same as the page of second looks, and the rows behind its numbers are as many."""
    page = {row.agent.pk: row for row in agreement.report(question).agents}
    sources, values = agents.sources(question), agents.parameters(question)
    for row in agents.report(question, agents=Agent.objects.all()):
        behind = {
            name: len(facts.rows(sources[name], name, values, who=row.agent, limit=1000))
            for name in ("agreement_n", "agreement_k", "agreement_unsure", "agreement_changed")
        }
        assert [*behind.values()] == [row.agreement.n, row.agreement.k, row.agreement_unsure, row.agreement_changed]
        if row.agent in page:
            line = page[row.agent]
            assert (line.agreement, line.unsure, line.changed) == (
                row.agreement, row.agreement_unsure, row.agreement_changed,
            )  # fmt: skip
            assert (line.kappa.value, line.kappa.low, line.kappa.high) == (row.kappa, row.kappa_low, row.kappa_high)
        else:
            assert set(behind.values()) == {0}


def near_share(share: dict[str, Any]) -> dict[str, Any]:
    return {
        name: pytest.approx(value, abs=1e-6) if isinstance(value, float) else value for name, value in share.items()
    }


def check_labels(asked: list[Asked]) -> None:
    for question, looks in asked:
        found = agreement.report(question)
        pairs = [(look.grade.label, look.label) for look in looks if look.blind and look.label]
        chosen = question.filters.labels
        labels = {label for pair in pairs for label in pair if chosen is None or label.pk in chosen}
        assert {line.label for line in found.labels} == labels
        for line in found.labels:
            of_label = [other for one, other in pairs if one == line.label]
            assert (line.agreement.k, line.agreement.n) == (of_label.count(line.label), len(of_label))
            assert line.second == sum(other == line.label for _, other in pairs)
            assert dict(line.instead) == Counter(other for other in of_label if other != line.label)
            against = [(one == line.label, other == line.label) for one, other in pairs]
            assert line.kappa.value == near(slow_kappa(against))
        counted = [pair for pair in pairs if chosen is None or pair[0].pk in chosen]
        assert (found.together.k, found.together.n) == (sum(one == other for one, other in counted), len(counted))
        assert found.kappa.value == near(slow_kappa(counted) if chosen is None else None)


def check_one_agent() -> None:
    question = Question(Period(*PERIODS[0]), Filters(), day(60))
    rina = Agent.objects.get(code="rina")
    [line] = agreement.report(question, agent=rina.pk).agents
    assert line == next(row for row in agreement.report(question).agents if row.agent == rina)
    query = parse_query(
        REPORTS["agents"], {"from": day(0).isoformat(), "to": day(60).isoformat(), "agent": str(rina.pk)},
        viewer=viewer_of(UserFactory(role="owner")), now=day(60),
    )  # fmt: skip
    assert query.rows[0].agreement == line.agreement
