"""Every report against the slow, obvious computation, on businesses drawn at random."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contacts.models import Agent, Campaign, Channel
from labels.models import CleanSpell, Label
from reports.limits import ReportLimits
from reports.selectors import agents, campaigns, curves, labels
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.shares import Share
from tests.reports.slow import Slow
from tests.reports.world import World, day

pytestmark = pytest.mark.django_db

PERIODS = [(day(0), day(60), day(60)), (day(14), day(35), day(52)), (day(29.5), day(44.25), day(100))]
FILTERS: list[dict[str, Any]] = [
    {},
    {"channels": ("cs1", "cs4")},
    {"labels": ("Grade A", "Selesai", "Prospek dingin")},
    {"certain": True, "channels": ("cs1", "cs2"), "labels": ("Grade A", "Prospek panas")},
    {"campaigns": ("lebaran", "gajian", "nomor-lima")},
]


# From so long a period on campaigns find everybody's labels by one join: in one world never, in the other sometimes.
LONG = {11: campaigns.LONG, 12: timedelta(days=20)}


@pytest.fixture(params=[11, 12])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(campaigns, "LONG", LONG[request.param])
    world = World(request.param)
    world.play()
    Channel.objects.filter(key="cs2").update(used_by_one=False)
    return world


def filters_of(chosen: dict[str, Any]) -> Filters:
    channels, names = chosen.get("channels"), chosen.get("labels")
    return Filters(
        channels=frozenset(Channel.objects.filter(key__in=channels).values_list("id", flat=True)) if channels else None,
        labels=frozenset(Label.objects.filter(name__in=names).values_list("id", flat=True)) if names else None,
        campaigns=_campaigns(chosen["campaigns"]) if "campaigns" in chosen else None,
        certain=chosen.get("certain", False),
    )


def _campaigns(codes: Any) -> frozenset[int]:
    return frozenset(Campaign.objects.filter(code__in=codes).values_list("id", flat=True))


def questions() -> list[tuple[Question, Slow]]:
    found = []
    for start, end, now in [*PERIODS, on_events()]:
        for chosen in FILTERS:
            filters = filters_of(chosen)
            slow = Slow(
                start, end, now,
                channels=None if filters.channels is None else set(filters.channels),
                labels=None if filters.labels is None else set(filters.labels),
                brought_by=None if filters.campaigns is None else set(filters.campaigns),
                certain=filters.certain,
            )  # fmt: skip
            found.append((Question(Period(start, end), filters, now), slow))
    return found


def on_events() -> tuple[datetime, datetime, datetime]:
    """A period that begins where one spell does and ends where another does: `[from, to)` to the microsecond."""
    starts = CleanSpell.objects.filter(started_at__gt=day(8), ended_at__isnull=True, agent__isnull=False)
    ends = CleanSpell.objects.filter(ended_at__gt=day(30), agent__isnull=False)
    return starts.earliest("started_at").started_at, ends.earliest("ended_at").ended_at, day(60)


def plain(value: Any) -> Any:
    if isinstance(value, Share):
        return (value.k, value.n)
    return round(value, 3) if isinstance(value, float) else value


def test_every_report_equals_the_slow_computation(world: World) -> None:
    """One test, so that a world, which takes seconds to play, is played once."""
    asked = questions()
    assert_worth_asking(agents.report(asked[0][0], agents=[]))
    assert labels.report(asked[0][0])[-1].label is None
    whole = [row for row in curves.report(asked[0][0]) if row.days == 30]
    assert all(any(count(row) for row in whole) for count in (_high, _won, _unjudged)), "zeros prove nothing"
    for question, slow in asked:
        check_agents(question, slow)
        check_labels(question, slow)
        for touch in Touch if question.filters.campaigns is None else ():
            for basis in Basis:
                check_campaigns(question, slow, touch, basis)
            check_curves(question, slow, touch)


def _high(row: Any) -> int:
    return int(row.high[-1])


def _won(row: Any) -> int:
    return int(row.won[-1])


def _unjudged(row: Any) -> int:
    return int(row.n - row.high_n)


def test_with_other_limits_reports_still_equal_the_slow_computation(settings: Any) -> None:
    """What counts as a quick undo, and how long a campaign has to show what it brought, are settings."""
    settings.MISTAP_SECONDS, settings.CAMPAIGN_WINDOW_DAYS = 60, 9
    World(13).play()
    for start, end, now in PERIODS:
        question = Question(Period(start, end), Filters(), now)
        slow = Slow(start, end, now)
        check_agents(question, slow)
        check_campaigns(question, slow, Touch.LAST, Basis.COHORT)
        check_campaigns(question, slow, Touch.LAST, Basis.EVENT)
        check_curves(question, slow, Touch.LAST)


def assert_worth_asking(rows: list[Any]) -> None:
    """A figure that is 0 everywhere proves nothing."""
    counts = ("received", "added", "mistaps", "removed", "removed_by", "lost", "active_to", "already_labelled",
              "unlabelled", "first_labelled", "stale_open", "found", "came_true_unknown", "cold_yet_bought_unknown",
              "labelled_24h_unknown")  # fmt: skip
    shares = ("labelled_1h", "labelled_24h", "graded_high", "came_true", "mistap_rate")
    assert [name for name in counts if not sum(getattr(row, name) for row in rows)] == []
    assert [name for name in shares if not sum(getattr(row, name).k for row in rows)] == []


def check_agents(question: Question, slow: Slow) -> None:
    rows = {row.agent: row for row in agents.report(question, agents=Agent.objects.all())}
    for agent, row in rows.items():
        wanted = slow.agent(agent)
        got = {name: plain(getattr(row, name)) for name in wanted}
        assert got == {name: plain(value) for name, value in wanted.items()}, (row.name, question)
        assert row.active_from + row.net == row.active_to
    assert None in rows or not any(slow.activity(s for s in slow.spells if s.agent is None).values())
    known = [row for row in rows.values() if row.agent is not None]
    for row in known:
        others = [other.came_true for other in known if other is not row]
        assert (row.came_true_others.k, row.came_true_others.n) == (sum(o.k for o in others), sum(o.n for o in others))


def check_labels(question: Question, slow: Slow) -> None:
    rows = labels.report(question)
    alone = slow.labels is not None
    for row in rows:
        wanted = slow.activity(s for s in slow.spells if slow.row_of(s.label, alone=alone) == row.label)
        assert {name: getattr(row, name) for name in wanted} == wanted, row.name
        assert row.active_from + row.net == row.active_to


def check_campaigns(question: Question, slow: Slow, touch: Touch, basis: Basis) -> None:
    if question.filters.certain:
        return  # campaigns are nobody's work
    wanted = slow.campaigns(last=touch is Touch.LAST, event=basis is Basis.EVENT)
    rows = campaigns.report(question, touch=touch, basis=basis, campaigns=Campaign.objects.all())
    assert {row.campaign for row in rows} >= set(wanted)
    all_high = sum(row.get("high_count", 0) for row in wanted.values())
    for row in rows:
        slow_row = wanted.get(row.campaign, {})
        for name in ("labelled", "high", "waiting", "won", "complaint"):
            k, n, everyone, count = (slow_row.get(f"{name}_{part}", 0) for part in ("k", "n", "all", "count"))
            assert getattr(row, f"{name}_count") == count, (row.name, name, touch, basis)
            assert getattr(row, f"{name}_already") == slow_row.get(f"{name}_already", 0)
            assert getattr(row, f"{name}_unknown") == slow_row.get(f"{name}_unknown", 0)
            if basis is Basis.COHORT:
                assert plain(getattr(row, name)) == (k, n)
                assert plain(getattr(row, f"{name}_so_far")) == (count, everyone)
            else:
                assert getattr(row, name) is None
        assert plain(row.high_of_all) == (slow_row.get("high_count", 0), all_high)
        if basis is Basis.COHORT:
            assert [row.contacts, row.immature, row.unknown] == [
                slow_row.get(name, 0) for name in ("contacts", "immature", "unknown")
            ]
        check_cost(question, slow, row)
    mixes = slow.label_mix(last=touch is Touch.LAST, event=basis is Basis.EVENT)
    assert {
        row.campaign: [(mix.label, mix.contacts) for mix in row.label_mix] for row in rows if row.label_mix
    } == mixes


def check_curves(question: Question, slow: Slow, touch: Touch) -> None:
    """Each cohort by itself, and the last day of those that are old enough against the table."""
    rows = curves.report(question, touch=touch)
    got = {
        (row.campaign, row.week): {name: getattr(row, name) for name in ("n", "high_n", "high", "won_n", "won")}
        for row in rows
    }
    assert got == slow.curves(last=touch is Touch.LAST)
    for line in (line for row in rows for line in (row.high, row.won)):
        assert line == sorted(line)
    last = ReportLimits.now().campaign.days
    table = {row.campaign: row for row in campaigns.report(question, touch=touch, campaigns=Campaign.objects.all())}
    for who, row in table.items():
        cohorts = [each for each in rows if each.campaign == who]
        if all(each.days == last for each in cohorts):
            for name in ("high", "won"):
                summed = (sum(getattr(c, name)[-1] for c in cohorts), sum(getattr(c, f"{name}_n") for c in cohorts))
                assert plain(getattr(row, name)) == summed


def check_cost(question: Question, slow: Slow, row: Any) -> None:
    if row.campaign is None:
        return
    cost = slow.cost(Campaign.objects.get(pk=row.campaign))
    assert (None if row.cost is None else float(row.cost)) == pytest.approx(cost, abs=0.01)
    if row.cost is not None and row.high_count:
        assert float(row.cost_per_high) == pytest.approx(float(row.cost) / row.high_count, abs=0.01)
