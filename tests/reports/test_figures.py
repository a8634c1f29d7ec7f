"""Figures of docs/metrics.md by example: posted by a gateway, drained, and read from the report."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contacts.models import Agent, Campaign, CampaignRule, Channel, ChannelGap, ChannelStatusEvent, Contact
from labels.models import Label
from reports.selectors import agents, campaigns, curves, labels, periods
from reports.selectors.campaigns import Basis, Touch
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.shares import share
from tests.factories import CampaignFactory
from tests.reports.world import day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db

BUDI, SITI, TONO = "6281200000001", "6281200000002", "6281200000003"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def rina() -> Bridge:
    """The number of CS Rina, with three labels that everybody knows."""
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in (("1", "Grade A"), ("2", "Prospek dingin"), ("3", "Selesai"), ("4", "Grade B")):
        bridge.save(external, name, at=day(-1))
    return bridge


def write(bridge: Bridge, chat: str, at: datetime, **message: Any) -> None:
    bridge.post("message", chat=chat, at=at, message={"id": f"m{chat}{at:%d%H%M%S}", "text": "halo"} | message)


def asked(now: datetime | None = None, **filters: Any) -> Question:
    return Question(Period(day(0), day(30)), Filters(**filters), now or day(60))


def row_of(code: str = "rina", **question: Any) -> agents.AgentRow:
    rows = agents.report(asked(**question), agents=Agent.objects.all())
    return next(row for row in rows if row.agent is not None and row.name.lower() == code)


def test_a_grade_that_is_followed_by_a_sale_within_30_days_came_true(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("added", "3", BUDI, at=day(30))
    rina.label("added", "1", SITI, at=day(1))
    rina.label("added", "3", SITI, at=day(31))  # a second too late: [t, t + 30 d)
    rina.label("added", "4", TONO, at=day(2))
    rina.drain()
    row = row_of()
    assert (row.graded_high.k, row.graded_high.n) == (2, 3)
    assert (row.came_true.k, row.came_true.n) == (1, 2)


def test_a_young_grade_is_immature_and_a_customer_who_has_bought_already_is_beside(rina: Bridge) -> None:
    rina.label("added", "3", BUDI, at=day(1))
    rina.label("added", "1", BUDI, at=day(2))
    rina.label("added", "1", SITI, at=day(20))
    rina.drain()
    row = row_of(now=day(40))
    assert (row.came_true.n, row.came_true_already, row.came_true_immature) == (0, 1, 1)


def test_of_several_high_grades_the_first_is_the_one_to_come_true(rina: Bridge) -> None:
    rina.save("5", "Prospek panas", at=day(-1))
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("added", "3", BUDI, at=day(5))
    rina.label("added", "5", BUDI, at=day(6))
    rina.drain()
    row = row_of()
    assert (row.came_true.k, row.came_true.n, row.came_true_already) == (1, 1, 0)


def test_others_are_all_other_agents_together(rina: Bridge) -> None:
    dewi = Bridge(key="cs2", agent="dewi")
    dewi.save("1", "Grade A", at=day(-1))
    rina.label("added", "1", BUDI, at=day(1))
    dewi.label("added", "1", SITI, at=day(1))
    rina.label("added", "3", SITI, at=day(3))
    rina.drain()
    dewi.drain()
    assert (row_of("rina").came_true_others.k, row_of("rina").came_true_others.n) == (1, 1)
    assert (row_of("dewi").came_true_others.k, row_of("dewi").came_true_others.n) == (0, 1)


def test_a_label_59_minutes_after_the_first_message_is_in_time_an_hour_is_not(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(1) + 59 * MINUTE)
    write(rina, SITI, day(1))
    rina.label("added", "1", SITI, at=day(1) + HOUR)
    write(rina, TONO, day(1))
    rina.drain()
    row = row_of()
    assert (row.labelled_1h.k, row.labelled_1h.n) == (1, 3)
    assert (row.labelled_24h.k, row.labelled_24h.n) == (2, 3)
    assert row.first_label_median_s == (59 * 60 + 3600) / 2
    assert (row.unlabelled, row.received) == (1, 3)


def test_speed_of_labelling_counts_labels_of_anybody_on_any_number(rina: Bridge) -> None:
    other = Bridge(key="cs2", agent="dewi")
    write(rina, BUDI, day(1))
    other.label("added", "9", BUDI, at=day(1) + MINUTE)
    rina.drain()
    other.drain()
    channel = Channel.objects.get(key="cs1")
    for filters in ({}, {"channels": frozenset({channel.pk})}):
        assert row_of("rina", **filters).labelled_1h.k == 1


def test_a_contact_too_young_to_be_judged_is_in_no_share(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    rina.drain()
    row = row_of(now=day(1) + 30 * MINUTE)
    assert (row.labelled_1h.n, row.labelled_24h.n, row.unlabelled_so_far) == (0, 0, 1)


def test_a_label_put_on_and_taken_off_in_a_second_is_a_mistap_without_a_spell(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("removed", "1", BUDI, at=day(1))
    rina.label("added", "2", BUDI, at=day(2))
    rina.label("removed", "2", BUDI, at=day(2) + timedelta(seconds=119))
    rina.label("added", "3", BUDI, at=day(3))
    rina.drain()
    row = row_of()
    assert (row.added, row.mistaps, row.instant_mistaps) == (2, 1, 1)
    assert (row.mistap_rate.k, row.mistap_rate.n) == (2, 3)


def test_who_takes_a_label_off_is_a_column_of_its_own(rina: Bridge) -> None:
    dewi = Bridge(key="cs2", agent="dewi")
    dewi.save("1", "Grade A", at=day(-1))
    dewi.label("added", "1", BUDI, at=day(1))
    rina.label("added", "1", BUDI, at=day(2))
    dewi.label("removed", "1", BUDI, at=day(3))
    rina.label("removed", "1", BUDI, at=day(4))
    rina.drain()
    dewi.drain()
    assert (row_of("dewi").removed, row_of("dewi").removed_by) == (1, 0)
    assert (row_of("rina").removed, row_of("rina").removed_by) == (0, 1)


def test_a_label_on_two_numbers_is_one_spell_but_each_number_has_its_own(rina: Bridge) -> None:
    dewi = Bridge(key="cs2", agent="dewi")
    dewi.save("1", "Grade A", at=day(-1))
    rina.label("added", "1", BUDI, at=day(1))
    dewi.label("added", "1", BUDI, at=day(2))
    rina.drain()
    dewi.drain()
    grade = Label.objects.get(name="Grade A").pk

    def added(*channels: str) -> int:
        chosen = frozenset(Channel.objects.filter(key__in=channels).values_list("id", flat=True)) if channels else None
        return next(row.added for row in labels.report(asked(channels=chosen)) if row.label == grade)

    assert (added(), added("cs1"), added("cs2"), added("cs1", "cs2")) == (1, 1, 1, 1)


def test_labels_that_nobody_has_mapped_are_one_row(rina: Bridge) -> None:
    for external, name in (("7", "Titipan Bu Ani"), ("8", "VIP???")):
        rina.save(external, name, at=day(-1))
        rina.label("added", external, BUDI, at=day(1))
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    rows = {row.label: row for row in labels.report(asked())}
    assert (rows[None].added, rows[None].added_contacts, rows[None].name) == (2, 1, "")
    own = Label.objects.get(name="VIP???")
    assert own.pk not in rows
    assert [(row.label, row.added) for row in labels.report(asked(labels=frozenset({own.pk})))] == [(own.pk, 1)]
    own.reviewed = True
    own.save()
    rows = {row.label: row for row in labels.report(asked())}
    assert (rows[None].added, rows[own.pk].added) == (1, 1)


# -- Gaps ---


def cut_off(bridge: Bridge, since: datetime, until: datetime | None) -> None:
    bridge.post("status", status="stopped", at=since)
    if until is not None:
        bridge.post("status", status="working", at=until)


def test_a_grade_whose_30_days_meet_a_gap_of_its_number_is_unknown(rina: Bridge) -> None:
    """Whatever came of it."""
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("added", "3", BUDI, at=day(5))
    rina.label("added", "1", SITI, at=day(4))
    rina.label("added", "2", TONO, at=day(20))
    cut_off(rina, day(31) - MINUTE, day(33))
    rina.drain()
    row = row_of()
    assert (row.came_true.n, row.came_true_unknown, row.graded_high.n) == (0, 2, 3)
    assert (row.cold_yet_bought.n, row.cold_yet_bought_unknown) == (0, 1)


def test_a_window_that_begins_when_a_gap_ends_or_ends_when_one_begins_is_judged(rina: Bridge) -> None:
    cut_off(rina, day(0), day(0.5))
    rina.label("added", "1", SITI, at=day(0.5))
    rina.label("added", "1", BUDI, at=day(1))
    cut_off(rina, day(31), day(32))
    rina.label("added", "1", TONO, at=day(1) + timedelta(microseconds=1))
    rina.drain()
    assert (row_of().came_true.n, row_of().came_true_unknown) == (2, 1)


def test_a_gap_of_another_number_and_a_blink_are_no_gaps(rina: Bridge, settings: Any) -> None:
    other = Bridge(key="cs2", agent="dewi")
    rina.label("added", "1", BUDI, at=day(1))
    cut_off(other, day(5), day(8))
    cut_off(rina, day(9), day(9) + timedelta(seconds=299))
    rina.drain()
    other.drain()
    assert (row_of().came_true.n, row_of().came_true_unknown) == (1, 0)
    settings.GAP_SECONDS = 299
    assert (row_of().came_true.n, row_of().came_true_unknown) == (0, 1)


def test_a_first_message_before_a_gap_is_unknown_for_windows_that_reach_it(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(1) + MINUTE)
    cut_off(rina, day(1) + 2 * HOUR, None)
    rina.drain()
    row = row_of()
    assert (row.labelled_1h.k, row.labelled_1h.n, row.labelled_1h_unknown) == (1, 1, 0)
    assert (row.labelled_24h.n, row.labelled_24h_unknown) == (0, 1)


def test_what_was_repaired_of_a_gap_is_known_and_what_was_written_down_counts(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    cut_off(rina, day(5), day(8))
    rina.drain()
    known = ChannelGap.objects.create(
        channel=rina.channel, started_at=day(4), ended_at=day(8), reason="pulled", repaired_at=day(9)
    )
    assert (row_of().came_true.n, row_of().came_true_unknown) == (1, 0)
    ChannelGap.objects.filter(pk=known.pk).update(ended_at=day(7))
    assert (row_of().came_true.n, row_of().came_true_unknown) == (0, 1)
    ChannelStatusEvent.objects.all().delete()
    assert row_of().came_true_unknown == 0
    ChannelGap.objects.filter(pk=known.pk).update(repaired_at=None)
    assert row_of().came_true_unknown == 1


def test_a_gap_after_which_whatsapp_told_all_labels_again_is_none(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(1))
    cut_off(rina, day(5), day(8))
    for n in range(10):
        rina.label("added", "2", f"62812000001{n:02d}", at=day(8) + timedelta(seconds=n))
    rina.drain()
    assert (row_of().came_true.n, row_of().came_true_unknown) == (1, 0)


# -- Campaigns ---


def report(**options: Any) -> dict[str, campaigns.CampaignRow]:
    options = {"touch": Touch.FIRST, "basis": Basis.COHORT} | options
    now = options.pop("now", day(60))
    rows = campaigns.report(asked(now=now), campaigns=Campaign.objects.all(), **options)
    return {row.code: row for row in rows}


@pytest.fixture
def promo() -> Campaign:
    campaign: Campaign = CampaignFactory(code="promo", cost=900_000, starts_on="2026-03-02", ends_on="2026-04-10")
    CampaignRule.objects.create(campaign=campaign, kind="ad", pattern="ad-1")
    return campaign


def test_a_campaign_counts_who_it_brought_and_what_became_of_them(rina: Bridge, promo: Campaign) -> None:
    ad = {"source_id": "ad-1"}
    for chat in (BUDI, SITI):
        write(rina, chat, day(1), ad=ad)
    rina.label("added", "1", BUDI, at=day(2))
    rina.label("added", "3", BUDI, at=day(5))
    write(rina, TONO, day(1))
    rina.label("added", "1", TONO, at=day(2))
    rina.drain()
    rows = report()
    brought = rows["promo"]
    assert (brought.contacts, brought.high.k, brought.high.n, brought.won.k) == (2, 1, 2, 1)  # type: ignore[union-attr]
    assert (rows[""].contacts, rows[""].high_count) == (1, 1)
    assert (brought.high_of_all.k, brought.high_of_all.n) == (1, 2)
    assert brought.cost == Decimal("675000.00")  # 30 of its 40 days
    assert brought.cost_per_high == Decimal("675000.00")
    assert [(mix.name, mix.contacts) for mix in brought.label_mix] == [("Grade A", 1), ("Selesai", 1)]


def test_first_and_last_touch_credit_different_campaigns(rina: Bridge, promo: Campaign) -> None:
    later = CampaignFactory(code="later")
    CampaignRule.objects.create(campaign=later, kind="ad", pattern="ad-2")
    write(rina, BUDI, day(1), ad={"source_id": "ad-1"})
    write(rina, BUDI, day(3), ad={"source_id": "ad-2"})
    rina.label("added", "1", BUDI, at=day(2))
    rina.drain()
    assert report()["promo"].high_count == 1
    last = report(touch=Touch.LAST)
    assert (last["promo"].contacts, last["later"].contacts, last["later"].high_already) == (0, 1, 1)
    event = report(touch=Touch.LAST, basis=Basis.EVENT)
    assert (event["promo"].high_count, event["later"].high_count, event["promo"].high) == (1, 0, None)


def test_a_young_cohort_is_so_far(rina: Bridge, promo: Campaign) -> None:
    write(rina, BUDI, day(20), ad={"source_id": "ad-1"})
    rina.label("added", "1", BUDI, at=day(21))
    rina.drain()
    row = report(now=day(25))["promo"]
    assert (row.high.n, row.high_so_far.k, row.high_count, row.so_far) == (0, 1, 1, True)  # type: ignore[union-attr]


def test_who_came_shortly_before_a_gap_is_beside_the_shares_of_the_campaign(rina: Bridge, promo: Campaign) -> None:
    write(rina, BUDI, day(1), ad={"source_id": "ad-1"})
    rina.label("added", "1", BUDI, at=day(2))
    write(rina, SITI, day(12), ad={"source_id": "ad-1"})
    write(rina, TONO, day(3))
    cut_off(rina, day(4), day(5))
    rina.drain()
    rows = report()
    row = rows["promo"]
    assert (row.contacts, row.high.n, row.high_unknown, row.high_count) == (2, 1, 1, 1)  # type: ignore[union-attr]
    assert row.high_so_far.n == 2  # type: ignore[union-attr]
    assert (rows[""].contacts, rows[""].won.n, rows[""].won_unknown) == (1, 0, 1)  # type: ignore[union-attr]


def test_days_nobody_entered_are_those_of_touches_of_people_who_are_still_here(rina: Bridge, promo: Campaign) -> None:
    Campaign.objects.update(starts_on=None, ends_on=None)
    for chat, at in ((BUDI, day(1)), (SITI, day(2)), (TONO, day(59))):
        write(rina, chat, at, ad={"source_id": "ad-1"})
    rina.drain()
    assert report()["promo"].cost == Decimal("442372.88")  # 29 of its 59 days
    Contact.objects.filter(phone=f"+{TONO}").update(deleted_at=day(59))
    assert report()["promo"].cost == Decimal("900000.00")


# -- Periods and shares ---


def test_a_share_has_wilsons_interval() -> None:
    """5 of 10: Wilson, JASA 1927, as every textbook works it out."""
    half = share(5, 10)
    assert (half.value, round(half.low or 0, 4), round(half.high or 0, 4)) == (0.5, 0.2366, 0.7634)
    assert (share(0, 10).low, share(10, 10).high, share(0, 0).value) == (0.0, 1.0, None)


def test_a_period_ends_with_today_and_is_30_days_long() -> None:
    now = day(10.5)
    period = periods.between(None, None, now=now)
    assert (period.start, period.end) == (day(11 - 30), day(11))
    assert periods.preset("yesterday", now=now) == Period(day(9), day(10))


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(periods.PeriodError) as caught:
        periods.between(day(1), day(1), now=day(2))
    assert caught.value.code == "empty_period"


# -- Maturity curves --------------------------------------------------------------------------------------------------


def curves_of(now: datetime | None = None, **filters: Any) -> list[curves.CurveRow]:
    return curves.report(asked(now, **filters))


def test_a_label_within_24_hours_is_on_day_1_and_one_after_24_hours_on_day_2(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(2) - timedelta(seconds=1))
    write(rina, SITI, day(1))
    rina.label("added", "1", SITI, at=day(2))
    rina.drain()
    [row] = curves_of()
    assert (row.n, row.high_n, row.high[:3], row.won) == (2, 2, [1, 2, 2], [0] * 30)


def test_a_curve_ends_at_the_age_of_the_youngest_contact_of_its_week(rina: Bridge) -> None:
    write(rina, BUDI, day(0.5))
    write(rina, SITI, day(6.5))
    write(rina, TONO, day(7.5))
    rina.drain()
    for age, lengths in ((0, [1, 0]), (1, [2, 1]), (1.5, [2, 1]), (24, [25, 24]), (99, [30, 30])):
        assert [row.days for row in curves_of(now=day(7.5 + age))] == lengths, age


def test_weeks_begin_on_mondays_of_the_business(rina: Bridge) -> None:
    write(rina, BUDI, day(7) - MINUTE)  # Sunday, 23:59 in Jakarta
    write(rina, SITI, day(7))
    rina.drain()
    assert [str(row.week) for row in curves_of()] == ["2026-03-02", "2026-03-09"]


def test_who_had_it_already_or_is_unknown_is_in_the_cohort_and_not_judged(rina: Bridge) -> None:
    rina.label("added", "1", BUDI, at=day(0.5))
    write(rina, BUDI, day(1))
    rina.label("added", "3", BUDI, at=day(5))
    write(rina, SITI, day(2))
    rina.drain()
    [row] = curves_of()
    assert (row.n, row.high_n, row.won_n, row.high[-1], row.won[-1]) == (2, 1, 2, 0, 1)
    ChannelGap.objects.create(channel=rina.channel, reason="silent", started_at=day(31.5), ended_at=day(31.7))
    [row] = curves_of()
    assert (row.n, row.high_n, row.won_n, row.won[-1]) == (2, 0, 1, 1), "of Siti's 30 days a part is not known"


def test_on_the_last_day_a_curve_is_the_share_of_the_table(rina: Bridge) -> None:
    for n in range(9):
        chat = f"62812000000{n:02d}"
        write(rina, chat, day(n))
        rina.label("added", "1", chat, at=day(n + 4 * n))
    rina.drain()
    [row] = campaigns.report(asked(), campaigns=[])
    cohorts = curves_of()
    assert (sum(c.high[-1] for c in cohorts), sum(c.high_n for c in cohorts)) == (row.high.k, row.high.n) == (8, 9)
    assert [c.high[:6] for c in cohorts] == [[1, 1, 1, 1, 2, 2], [0] * 6]


def test_all_curves_are_one_query(rina: Bridge, django_assert_num_queries: Any) -> None:
    for n in range(20):
        write(rina, f"62812000000{n:02d}", day(n))
    rina.drain()
    question = asked()
    _ = question.parameters
    with django_assert_num_queries(1):
        assert len(curves.report(question)) == 3
