"""Stale labels, sentence by sentence of docs/metrics.md, "Stale and contradictions"."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import translation

from contacts.models import Agent, Channel, ChannelOwnership, Contact, ContactChannel
from labelcrm.core import notices
from labelcrm.core.models import AuditEntry, Job, JobRun, Notice
from labels import tasks
from labels.models import CleanSpell, FreeDay, Label, StaleClock, StaleFlag, StaleSnooze, TeamLimit
from labels.services import staleness
from labels.services.staleness import StaleResult, flag_stale, snooze
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db


class PersonFactory(ContactFactory):
    class Meta:
        skip_postgeneration_save = True


START = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


MONTHS_END = datetime(2026, 3, 31, 16, 59, 59, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 3, 31, 17, 0, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def hot() -> Label:
    """A label with a limit of seven days."""
    return Label.objects.get(name_en="Hot prospect")


@pytest.fixture
def channel() -> Channel:
    return ChannelFactory()


@pytest.fixture
def contact() -> Contact:
    return PersonFactory()


def has(contact: Contact, label: Label, channel: Channel, **fields: Any) -> CleanSpell:
    return CleanSpell.objects.create(
        **{"contact": contact, "label": label, "channel": channel, "started_at": START, "found": False} | fields
    )


@pytest.fixture
def spell(contact: Contact, hot: Label, channel: Channel) -> CleanSpell:
    return has(contact, hot, channel)


def the_flag() -> StaleFlag:
    return StaleFlag.objects.get()


# -- Flagging --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "flagged"), [(6.99, 0), (7, 0), (7.01, 1)])
def test_a_label_is_flagged_when_it_is_older_than_its_limit(spell: CleanSpell, age: float, flagged: int) -> None:
    assert flag_stale(day(age)) == StaleResult(flagged=flagged, closed=0, open=flagged)


def test_a_flag_says_which_since_when_and_by_which_limit(spell: CleanSpell) -> None:
    flag_stale(day(8))
    flag = the_flag()
    assert (flag.contact, flag.label, flag.limit_days) == (spell.contact, spell.label, 7)
    assert (flag.spell_started_at, flag.clock_started_at, flag.flagged_at) == (START, START, day(8))
    assert (flag.age_at_least, flag.closed_at, flag.closed_reason) == (False, None, "")


def test_the_age_of_a_found_label_is_at_least(contact: Contact, hot: Label, channel: Channel) -> None:
    has(contact, hot, channel, found=True)
    flag_stale(day(8))
    assert the_flag().age_at_least


def test_a_second_look_changes_nothing(spell: CleanSpell) -> None:
    flag_stale(day(8))
    before = list(StaleFlag.objects.values())
    assert flag_stale(day(8)) == StaleResult(flagged=0, closed=0, open=1)
    assert flag_stale(day(9)) == StaleResult(flagged=0, closed=0, open=1)
    assert list(StaleFlag.objects.values()) == before


def test_a_label_without_a_limit_never_gets_stale(contact: Contact, channel: Channel) -> None:
    has(contact, Label.objects.get(name_en="Done"), channel)
    assert flag_stale(day(999)).flagged == 0


def test_a_label_that_came_off_in_time_is_not_flagged(contact: Contact, hot: Label, channel: Channel) -> None:
    has(contact, hot, channel, ended_at=day(3))
    assert flag_stale(day(8)).flagged == 0


@pytest.mark.parametrize("archived", ["contact", "label"])
def test_what_is_archived_is_not_flagged(spell: CleanSpell, archived: str) -> None:
    row = getattr(spell, archived)
    row.deleted_at = day(1)
    row.save()
    assert flag_stale(day(8)).flagged == 0


# -- Owners ----------------------------------------------------------------------------------------------------------


def owns(agent: Agent, channel: Channel, **fields: Any) -> ChannelOwnership:
    return ChannelOwnership.objects.create(agent=agent, channel=channel, **fields)


def test_a_flag_belongs_to_the_owner_of_the_channel_now(spell: CleanSpell) -> None:
    before, now, later = AgentFactory.create_batch(3)
    owns(before, spell.channel, until=day(5))
    owns(now, spell.channel, since=day(5), until=day(20))
    owns(later, spell.channel, since=day(20))
    flag_stale(day(8))
    assert the_flag().owner == now


def test_an_open_flag_moves_with_the_channel(spell: CleanSpell) -> None:
    first, second = AgentFactory.create_batch(2)
    owns(first, spell.channel, until=day(9))
    owns(second, spell.channel, since=day(9))
    flag_stale(day(8))
    flag_stale(day(10))
    assert (the_flag().owner, the_flag().flagged_at) == (second, day(8))


def test_without_an_owner_a_flag_belongs_to_whom_the_contact_is_assigned(spell: CleanSpell) -> None:
    spell.contact.assigned_to = AgentFactory()
    spell.contact.save()
    flag_stale(day(8))
    assert the_flag().owner == spell.contact.assigned_to


def test_who_has_the_channel_without_hours_goes_before_a_shift(spell: CleanSpell) -> None:
    owner, shift = AgentFactory.create_batch(2)
    owns(shift, spell.channel, weekdays=[5, 6])
    owns(owner, spell.channel)
    flag_stale(day(8))
    assert the_flag().owner == owner


def test_the_only_person_on_shifts_owns_the_flag_also_at_night(spell: CleanSpell) -> None:
    """Of several nobody is guessed."""
    first, second = AgentFactory.create_batch(2)
    owns(first, spell.channel, weekdays=[0, 1])
    owns(first, spell.channel, weekdays=[2, 3])
    flag_stale(day(8))
    assert the_flag().owner == first
    owns(second, spell.channel, weekdays=[4])
    flag_stale(day(8))
    assert the_flag().owner is None


# -- What resets the clock -------------------------------------------------------------------------------------------


def test_still_right_restarts_the_clock(spell: CleanSpell) -> None:
    StaleSnooze.objects.create(contact=spell.contact, label=spell.label, at=day(5), reason="still buying")
    assert flag_stale(day(11)).flagged == 0
    assert flag_stale(day(12.1)).flagged == 1
    assert (the_flag().clock_started_at, the_flag().spell_started_at) == (day(5), START)


def test_still_right_about_an_earlier_time_on_is_forgotten(spell: CleanSpell) -> None:
    StaleSnooze.objects.create(contact=spell.contact, label=spell.label, at=day(-3), reason="still buying")
    flag_stale(day(8))
    assert the_flag().clock_started_at == START


@pytest.mark.parametrize(("resets", "flagged"), [(True, 0), (False, 1)])
def test_a_message_restarts_the_clock_only_where_the_label_says_so(
    spell: CleanSpell, resets: bool, flagged: int
) -> None:
    Label.objects.filter(pk=spell.label_id).update(stale_reset_by_inbound=resets)
    Contact.objects.filter(pk=spell.contact_id).update(last_inbound_at=day(5))
    assert flag_stale(day(8)).flagged == flagged


# -- Closing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def flag(spell: CleanSpell) -> StaleFlag:
    flag_stale(day(8))
    return the_flag()


def closed() -> tuple[datetime | None, str]:
    """When and why the next look closed the flag."""
    assert flag_stale(day(9)).closed == 1
    row = StaleFlag.objects.earliest("id")
    return row.closed_at, row.closed_reason


def test_a_flag_closes_when_the_label_comes_off(flag: StaleFlag) -> None:
    CleanSpell.objects.update(ended_at=day(8.5))
    assert closed() == (day(9), "removed")


def test_a_flag_closes_when_somebody_says_still_right(flag: StaleFlag) -> None:
    StaleSnooze.objects.create(contact=flag.contact, label=flag.label, at=day(8.5), reason="still buying")
    assert closed() == (day(9), "snoozed")


def test_a_flag_closes_when_the_contact_writes_again(flag: StaleFlag) -> None:
    Label.objects.update(stale_reset_by_inbound=True)
    Contact.objects.update(last_inbound_at=day(8.5))
    assert closed() == (day(9), "inbound")


@pytest.mark.parametrize("limit", [30, None])
def test_a_flag_closes_when_the_limit_is_raised_or_dropped(flag: StaleFlag, limit: int | None) -> None:
    Label.objects.update(stale_after_days=limit)
    assert closed() == (day(9), "limit")


@pytest.mark.parametrize("archived", ["contact", "label"])
def test_a_flag_closes_when_its_contact_or_label_is_archived(flag: StaleFlag, archived: str) -> None:
    row = getattr(flag, archived)
    row.deleted_at = day(8.5)
    row.save()
    CleanSpell.objects.all().delete()
    assert closed() == (day(9), "other")


def test_a_flag_stays_when_the_limit_changes_and_it_still_holds(flag: StaleFlag) -> None:
    Label.objects.update(stale_after_days=3)
    assert flag_stale(day(9)) == StaleResult(flagged=0, closed=0, open=1)
    assert the_flag().limit_days == 3


def test_a_clock_restarted_between_two_looks_ends_the_flag_and_may_start_another(flag: StaleFlag) -> None:
    """The scheduler was away for three weeks: in between the label was right, and is stale again."""
    StaleSnooze.objects.create(contact=flag.contact, label=flag.label, at=day(9), reason="still buying")
    assert flag_stale(day(30)) == StaleResult(flagged=1, closed=1, open=1)
    assert list(StaleFlag.objects.order_by("id").values_list("closed_reason", "clock_started_at")) == [
        ("snoozed", START),
        ("", day(9)),
    ]


def test_a_label_put_on_anew_gets_a_flag_of_its_own(flag: StaleFlag, channel: Channel) -> None:
    CleanSpell.objects.update(ended_at=day(9))
    has(flag.contact, flag.label, channel, started_at=day(10))
    assert flag_stale(day(18)) == StaleResult(flagged=1, closed=1, open=1)
    assert StaleFlag.objects.earliest("id").closed_reason == "removed"


def test_flags_of_chosen_contacts_close_without_waiting_for_the_night(
    flag: StaleFlag, hot: Label, channel: Channel
) -> None:
    other = has(PersonFactory(), hot, channel).contact
    flag_stale(day(8))
    CleanSpell.objects.update(ended_at=day(8.5))
    assert staleness.close_settled(day(9), contact_ids=[flag.contact_id]) == 1
    assert StaleFlag.objects.get(closed_at__isnull=True).contact == other


# -- Limits of teams, working time and escalation --------------------------------------------------------------------


def test_a_teams_own_limit_holds_on_its_numbers(hot: Label, channel: Channel) -> None:
    """Longer, shorter and none: the number on which the label came decides."""
    for limit, days in ((14, 8), (3, 4), (None, 99)):
        own = ChannelFactory(team=TeamFactory())
        TeamLimit.objects.create(label=hot, team=own.team, stale_after_days=limit)
        has(PersonFactory(), hot, own, started_at=day(99 - days))
    has(PersonFactory(), hot, channel, started_at=day(90))
    assert flag_stale(day(99)).flagged == 2
    assert set(StaleFlag.objects.values_list("limit_days", flat=True)) == {3, 7}
    TeamLimit.objects.filter(stale_after_days=3).update(stale_after_days=30)
    flag_stale(day(99))
    assert StaleFlag.objects.get(limit_days=3).closed_reason == "limit"


def test_nights_weekends_and_holidays_are_left_out_where_somebody_says_so(spell: CleanSpell) -> None:
    """Since Monday at noon: a week of five days of work is over on the Monday after."""
    StaleClock.objects.create(pk=1, working_time=True, weekdays=[1, 2, 3, 4, 5])
    FreeDay.objects.create(day=day(3).date())
    assert flag_stale(day(8)).flagged == 0
    assert flag_stale(day(10)).flagged == 0
    assert flag_stale(day(11)).flagged == 1
    StaleClock.objects.update(opens="08:00", closes="17:00", weekdays=[1])
    assert flag_stale(day(11)).closed == 1


def test_what_waits_too_long_is_the_leads_who_is_told_once(flag: StaleFlag, hot: Label, channel: Channel) -> None:
    lead, other = UserFactory(role="cs_lead"), UserFactory(role="cs_lead")
    team = TeamFactory()
    team.members.add(lead)
    Channel.objects.filter(pk=channel.pk).update(team=team)
    ContactChannel.objects.create(contact=flag.contact, channel=channel, first_seen_at=START)
    Label.objects.filter(pk=hot.pk).update(escalate_after_days=2)
    assert flag_stale(flag.flagged_at + timedelta(days=2)).escalated == 0
    later = flag.flagged_at + timedelta(days=2, minutes=1)
    assert flag_stale(later).escalated == 1
    assert flag_stale(later + timedelta(minutes=1)).escalated == 0
    flag.refresh_from_db()
    assert flag.escalated_at == later
    [notice] = Notice.objects.filter(topic="stale")
    assert (notice.user, Notice.objects.filter(user=other).exists()) == (lead, False)
    with translation.override("en"):
        words = notices.words(notice, lead)
    assert words is not None
    assert "1 stale label" in words.title
    CleanSpell.objects.update(ended_at=later)
    flag_stale(later + timedelta(minutes=2))
    assert notices.words(notice, lead) is None


# -- Still right -----------------------------------------------------------------------------------------------------


def test_still_right_closes_the_flag_at_once_and_is_audited(flag: StaleFlag) -> None:
    user = UserFactory()
    with time_machine.travel(day(9), tick=False):
        snooze(contact=flag.contact, label=flag.label, actor=user, reason=" waits for salary ")
    row = StaleSnooze.objects.get()
    assert (row.at, row.user, row.reason) == (day(9), user, "waits for salary")
    flag.refresh_from_db()
    assert (flag.closed_at, flag.closed_reason, flag.closed_by) == (day(9), "snoozed", user)
    entry = AuditEntry.objects.get(action="label.snoozed")
    assert (entry.actor, entry.object_id) == (user, flag.contact_id)
    assert entry.details == {"label": flag.label_id, "snooze": StaleSnooze.objects.get().pk}
    assert flag_stale(day(10)) == StaleResult(flagged=0, closed=0, open=0)


def test_still_right_may_be_said_before_there_is_a_flag(spell: CleanSpell) -> None:
    with time_machine.travel(day(5), tick=False):
        snooze(contact=spell.contact, label=spell.label, actor=UserFactory(), reason="waits for salary")
    assert flag_stale(day(11)).flagged == 0


def test_still_right_needs_a_reason(flag: StaleFlag) -> None:
    with pytest.raises(ValidationError) as refused:
        snooze(contact=flag.contact, label=flag.label, actor=UserFactory(), reason="  ")
    assert refused.value.code == "reason_missing"
    assert not StaleSnooze.objects.exists()


def test_still_right_needs_the_label(flag: StaleFlag) -> None:
    CleanSpell.objects.update(ended_at=day(8.5))
    with pytest.raises(ValidationError) as refused:
        snooze(contact=flag.contact, label=flag.label, actor=UserFactory(), reason="x")
    assert refused.value.code == "label_not_active"
    assert not AuditEntry.objects.filter(action="label.snoozed").exists()


# -- By the clock ----------------------------------------------------------------------------------------------------


def test_the_scheduled_look_runs_once_per_business_day(spell: CleanSpell) -> None:
    with time_machine.travel(day(8), tick=False):
        tasks.flag_stale()
        tasks.flag_stale()
    run = JobRun.objects.get(job="flag-stale")
    assert (run.period, run.ok) == ("2026-03-10", True)
    assert run.result == {"flagged": 1, "closed": 0, "open": 1, "escalated": 0}


def test_the_projection_check_keeps_what_it_found(spell: CleanSpell) -> None:
    """The clean spell was made without intervals, so the check takes it away."""
    with time_machine.travel(day(8), tick=False):
        tasks.check_projections()
        tasks.check_projections()
    job = Job.objects.get()
    assert JobRun.objects.get(job="check-projections").result == {"job": job.pk}
    do_work()
    job.refresh_from_db()
    assert job.result == {"looked_at": 1 + Label.all_objects.count(), "differences": 1}
    assert not CleanSpell.objects.exists()


def test_a_clock_that_jumps_over_a_months_end_misses_no_period(spell: CleanSpell) -> None:
    """Forward over two days and back again: each business day is looked at once, none twice."""
    for moment in (MONTHS_END, NEXT_MONTH + timedelta(days=2), NEXT_MONTH, NEXT_MONTH + timedelta(days=2, hours=1)):
        with time_machine.travel(moment, tick=False):
            tasks.flag_stale()
    runs = JobRun.objects.filter(job="flag-stale").order_by("period")
    assert [(run.period, run.result["flagged"]) for run in runs] == [("2026-03-31", 1), ("2026-04-02", 0)]
    assert StaleFlag.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_three_looks_at_once_over_a_months_end_flag_once(hot: Label) -> None:
    """The clocks of three schedulers stand on both sides of the month's end; one of them jumped back."""
    channel = ChannelFactory()
    for contact in PersonFactory.create_batch(20):
        has(contact, hot, channel)
    results: list[StaleResult] = []
    together = threading.Barrier(3)

    def look(moment: datetime) -> None:
        try:
            together.wait(10)
            results.append(flag_stale(moment))
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=[moment]) for moment in (day(8), MONTHS_END, NEXT_MONTH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(result.flagged for result in results) == 20
    assert StaleFlag.objects.count() == 20
