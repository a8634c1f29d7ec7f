"""One agent period by period, and all agents together: the same as the report of each period says by itself."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from contacts.models import Agent, Campaign, Channel, ContactChannel
from reports.selectors import agent_history, agent_times, agents, facts, periods, unanswered
from reports.selectors.agent_history import AgentPeriod
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.shares import share
from tests.reports.slow import Slow
from tests.reports.world import World, day

pytestmark = pytest.mark.django_db

SPANS = [Period(start, end) for start, end in pairwise([day(n) for n in (2, 9, 16.5, 25, 33, 40, 61)])]
NOW = day(58)
RARE = {"batches", "batch_labels", "labelled_1h_unknown"}
OF_ROWS = {each.name for each in fields(AgentPeriod)} - {"period", "labelled_1h_team", "came_true_team"}


def question(**filters: Any) -> Question:
    return Question(Period(SPANS[0].start, SPANS[-1].end), Filters(**filters), NOW)


def team_of(rows: dict[Any, Any], figure: str) -> Any:
    known = [getattr(row, figure) for agent, row in rows.items() if agent is not None]
    return share(sum(one.k for one in known), sum(one.n for one in known))


def test_each_period_says_what_its_own_report_says(django_assert_num_queries: Any) -> None:
    """Also who owned a number in shifts or gave it away, gaps, and what is too young."""
    World(11).play()
    chosen = frozenset(Channel.objects.filter(key__in=("cs1", "cs3")).values_list("id", flat=True))
    gajian = frozenset(Campaign.objects.filter(code="gajian").values_list("id", flat=True))
    seen = dict.fromkeys(OF_ROWS, 0)
    for filters in ({}, {"channels": chosen}, {"campaigns": gajian}):
        reports = [
            {row.agent: row for row in agents.report(Question(span, Filters(**filters), NOW), agents=[])}
            for span in SPANS
        ]
        for who in Agent.objects.values_list("id", flat=True):
            for span, rows, got in zip(
                SPANS, reports, agent_history.history(question(**filters), SPANS, agent=who), strict=True
            ):
                assert got.period == span
                assert got.came_true_team == team_of(rows, "came_true")
                assert got.labelled_1h_team == team_of(rows, "labelled_1h")
                for name in OF_ROWS if who in rows else ():
                    assert getattr(got, name) == getattr(rows[who], name), (name, span, filters)
                    value = getattr(got, name)
                    seen[name] += value if isinstance(value, int) else value.k
                assert who in rows or not got.added
    assert {name for name, total in seen.items() if not total} <= RARE, "zeros prove nothing"
    one = question()
    with django_assert_num_queries(17):
        agent_history.history(one, SPANS, agent=Agent.objects.values_list("id", flat=True)[0])
    check_all_together()
    check_waiting()


def check_all_together() -> None:
    """Medians of all arrivals, not of medians."""
    slow = Slow(SPANS[0].start, SPANS[-1].end, NOW)
    waits: list[float] = []
    for agent in Agent.objects.values_list("id", flat=True):
        for contact, (at, _channel) in slow.arrivals(agent).items():
            spells = slow.everywhere_of[contact]
            began = [s.started_at - at for s in spells if not s.found and s.started_at >= at]
            already = any(s.started_at < at and (s.ended_at is None or s.ended_at >= at) for s in spells)
            if began and not already and min(began) < timedelta(days=7):
                waits.append(min(began).total_seconds())
    waits.sort()
    middle = (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) / 2
    got = agent_times.of_all(question())
    assert got["first_label_median_s"] == pytest.approx(middle)
    assert set(got) == set(agent_times.TIMES)


def check_waiting() -> None:
    """Whose last message on a number is theirs, by whose the number is now; read off every message."""
    slow = Slow(SPANS[0].start, SPANS[-1].end, NOW)
    last: dict[tuple[int, int], Any] = {}
    for m in sorted(slow.messages, key=lambda m: (m.at, m.from_me)):
        last[m.contact_id, m.channel_id] = m
    wanted: dict[int | None, set[int]] = {}
    for (contact, channel), m in last.items():
        if not m.from_me and not m.history and m.at + timedelta(hours=1) <= NOW:
            wanted.setdefault(slow.owner(channel, NOW - timedelta(microseconds=1)), set()).add(contact)
    for agent in Agent.objects.values_list("id", flat=True):
        assert agent_history.waiting(question(), agent=agent) == len(wanted.get(agent, ()))
    assert sum(map(len, wanted.values())) > 5
    assert ContactChannel.objects.filter(last_outbound_at__isnull=False).exists()
    values = agents.parameters(question()) | unanswered.PARAMETERS
    found = facts.rows(unanswered.facts_of(question()), "unanswered", values, who=None, everybody=True, limit=999)
    assert len(found) == sum(len(who) for agent, who in wanted.items() if agent is not None)


def test_weeks_begin_on_monday_and_months_on_their_first() -> None:
    weeks = periods.weeks(date(2026, 3, 4), count=3)
    assert [span.days for span in weeks if span.days] == [
        (date(2026, 2, 16), date(2026, 2, 23)),
        (date(2026, 2, 23), date(2026, 3, 2)),
        (date(2026, 3, 2), date(2026, 3, 9)),
    ]
    months = periods.months(date(2026, 1, 31), count=3)
    assert [span.days for span in months if span.days] == [
        (date(2025, 11, 1), date(2025, 12, 1)),
        (date(2025, 12, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2026, 2, 1)),
    ]
