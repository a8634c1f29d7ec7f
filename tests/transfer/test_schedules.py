"""Exports that repeat: what is due makes one file, with the owner's rights, and tells who is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone, translation

from contacts.models import Contact
from labelcrm.core import jobs as core_jobs
from labelcrm.core import mails, notices
from labelcrm.core.models import AuditEntry, Job, Notice, User
from reports.models import Segment
from tests.api.story import Story
from tests.factories import AgentFactory, TeamFactory, UserFactory
from tests.transfer.test_segment_exports import EVERYBODY, Market, names
from tests.work import do_work
from transfer import jobs, schedules, snapshots
from transfer.funnel import Exclusions
from transfer.layouts import LAYOUTS
from transfer.models import ExportSchedule, Reason, RunRefusal, ScheduledRun
from transfer.people_export import ExportOrder
from transfer.schedule_words import schedule_in_words

pytestmark = pytest.mark.django_db

SUNDAY = datetime(2026, 11, 29, 5, 0, tzinfo=UTC)  # 12:00 in Jakarta
MONDAY = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)  # 08:00 in Jakarta
WITH_MAIL = override_settings(EMAIL_HOST="smtp.test", PUBLIC_URL="https://crm.test", DEFAULT_FROM_EMAIL="crm@crm.test")


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(SUNDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def market(db: None) -> Market:
    return Market(Story(team=TeamFactory(name="Sales")))


def people(market: Market, count: int) -> list[Contact]:
    first = Contact.objects.count()
    return [market.story.contact(name=f"Budi {first + n}") for n in range(count)]


def schedule(market: Market, *, user: Any = None, **values: Any) -> ExportSchedule:
    """Everybody, every Monday at 08:00 in Jakarta."""
    asked = {name: values.pop(name) for name in ("only_new", "hold_out", "exported_days") if name in values}
    order = ExportOrder(layout=LAYOUTS[values.pop("layout", "csv")], exclusions=Exclusions(**asked))
    segment = values.pop("segment", None) or market.segment(EVERYBODY, shared="everyone")
    when: dict[str, Any] = {"every": "weekly", "weekday": 0, "hour": 8}
    return schedules.create_schedule(
        actor=user or market.user, origin="admin", order=order, segment=segment, **when | values
    )


def tick(clock: Any, at: datetime) -> list[ScheduledRun]:
    """The clock says so, beat ticks, the worker works; the runs that there are then, the oldest first."""
    clock.move_to(at)
    jobs.run_due_schedules(now=timezone.now())
    do_work()
    return list(ScheduledRun.objects.select_related("export__job", "schedule").order_by("id"))


# -- When it is due ---------------------------------------------------------------------------------------------------


def test_what_is_due_makes_one_file_and_waits_for_the_next_time(market: Market, clock: Any) -> None:
    people(market, 2)
    made = schedule(market)
    assert made.next_due_at == MONDAY
    assert tick(clock, MONDAY - timedelta(seconds=1)) == []
    [run] = tick(clock, MONDAY + timedelta(seconds=30))
    assert (run.due_at, run.missed, run.state, run.export.rows) == (MONDAY, 0, Job.State.DONE, 2)
    assert (run.export.owner_id, run.export.segment_id) == (market.user.pk, made.segment_id)
    assert names(run.export) == ["Budi 0", "Budi 1"]
    assert len(tick(clock, MONDAY + timedelta(days=6))) == 1
    assert len(tick(clock, MONDAY + timedelta(days=7))) == 2


def test_after_three_days_away_one_run_makes_up_for_all(market: Market, clock: Any) -> None:
    schedule(market, every="daily")
    tick(clock, MONDAY)
    runs = tick(clock, MONDAY + timedelta(days=3, hours=5))
    assert [(run.due_at, run.missed) for run in runs] == [(MONDAY, 0), (MONDAY + timedelta(days=3), 2)]
    assert runs[1].schedule.next_due_at == MONDAY + timedelta(days=4)
    assert len(tick(clock, MONDAY + timedelta(days=3, hours=6))) == 2


def test_a_schedule_that_was_off_makes_up_for_nothing(market: Market, clock: Any) -> None:
    made = schedule(market, every="daily")
    made = schedules.update_schedule(made, actor=market.user, origin="admin", is_on=False)
    assert tick(clock, MONDAY + timedelta(days=3)) == []
    made = schedules.update_schedule(made, actor=market.user, origin="admin", is_on=True)
    assert tick(clock, MONDAY + timedelta(days=3, minutes=1)) == []
    assert made.next_due_at == MONDAY + timedelta(days=4)


def test_another_hour_counts_from_now_on(market: Market, clock: Any) -> None:
    made = schedule(market, every="daily")
    clock.move_to(MONDAY - timedelta(minutes=10))
    made = schedules.update_schedule(made, actor=market.user, origin="admin", hour=7)
    assert made.next_due_at == MONDAY + timedelta(hours=23)


def test_a_change_of_anything_else_loses_nothing_that_is_due(market: Market, clock: Any) -> None:
    """Saved after eight o'clock and before beat's next tick."""
    made = schedule(market)
    clock.move_to(MONDAY + timedelta(seconds=20))
    schedules.update_schedule(made, actor=market.user, origin="admin", recipients=[market.user])
    assert len(tick(clock, MONDAY + timedelta(seconds=40))) == 1


def test_an_archived_schedule_is_due_no_more(market: Market, clock: Any) -> None:
    made = schedules.archive_schedule(schedule(market), actor=market.user, origin="admin")
    assert tick(clock, MONDAY) == []
    assert (made.is_on, made.next_due_at) == (False, None)
    restored = schedules.restore_schedule(made, actor=market.user, origin="admin")
    assert (restored.is_on, tick(clock, MONDAY + timedelta(days=7))) == (False, [])


def test_an_archived_one_is_neither_switched_on_nor_run(market: Market, clock: Any) -> None:
    """As from a page that was open before; what is on without a due time gets one when it is switched on again."""
    made = schedules.archive_schedule(schedule(market), actor=market.user, origin="admin")
    for act in (
        lambda: schedules.update_schedule(made, actor=market.user, origin="admin", is_on=True),
        lambda: jobs.run_schedule_now(made, actor=market.user),
    ):
        with pytest.raises(ValidationError) as refused:
            act()
        assert refused.value.code == "archived"
    made = schedules.restore_schedule(made, actor=market.user, origin="admin")
    ExportSchedule.all_objects.update(is_on=True)
    made = schedules.update_schedule(made, actor=market.user, origin="admin", is_on=True)
    assert made.next_due_at == MONDAY


def test_another_time_zone_makes_no_run_twice(market: Market, clock: Any) -> None:
    with override_settings(TIME_ZONE="Asia/Makassar"):
        made = schedule(market, every="daily")
        assert made.next_due_at == MONDAY - timedelta(hours=1)
    assert tick(clock, MONDAY - timedelta(hours=1)) == []
    assert ExportSchedule.objects.get().next_due_at == MONDAY
    assert len(tick(clock, MONDAY)) == 1


def test_a_second_tick_of_the_same_moment_finds_nothing_to_do(market: Market, clock: Any) -> None:
    made = schedule(market)
    tick(clock, MONDAY)
    ExportSchedule.objects.filter(pk=made.pk).update(next_due_at=MONDAY)  # as a tick saw it that began before
    assert len(tick(clock, MONDAY)) == 1
    made.refresh_from_db()
    assert made.next_due_at == MONDAY + timedelta(days=7)


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_make_one_run(market: Market, clock: Any) -> None:
    schedule(market)
    clock.move_to(MONDAY)
    begun: list[int] = []
    together = threading.Barrier(4)

    def beat() -> None:
        together.wait(10)
        begun.append(jobs.run_due_schedules(now=MONDAY))
        connection.close()

    ticks = [threading.Thread(target=beat) for _ in range(4)]
    for each in ticks:
        each.start()
    for each in ticks:
        each.join(20)
    assert sorted(begun) == [0, 0, 0, 1]
    assert ScheduledRun.objects.count() == Job.objects.count() == 1


def test_a_tick_that_is_killed_leaves_nothing_behind(market: Market, clock: Any) -> None:
    schedule(market)
    clock.move_to(MONDAY)
    with suppress(SystemExit), transaction.atomic():
        jobs.run_due_schedules(now=MONDAY)
        raise SystemExit
    assert not ScheduledRun.objects.exists()
    assert len(tick(clock, MONDAY + timedelta(minutes=1))) == 1


def test_one_that_cannot_begin_keeps_no_other_waiting(
    market: Market, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A format that a later version no longer has."""
    broken, fine = schedule(market), schedule(market)
    ExportSchedule.objects.filter(pk=broken.pk).update(layout="gone")
    [run] = tick(clock, MONDAY)
    assert run.schedule_id == fine.pk
    assert f"schedule {broken.pk} could not begin" in caplog.text


def test_a_monthly_one_comes_on_the_last_day_of_a_short_month(market: Market, clock: Any) -> None:
    made = schedule(market, every="monthly", day=31)
    found = []
    for _ in range(4):
        found.append(timezone.localtime(made.next_due_at).date().isoformat())
        tick(clock, made.next_due_at)
        made.refresh_from_db()
    assert found == ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]


# -- Who is in it -----------------------------------------------------------------------------------------------------


def test_only_new_counts_from_the_files_of_the_schedule_itself(market: Market, clock: Any) -> None:
    people(market, 2)
    made = schedule(market, only_new=True)
    market.export(made.segment)  # by hand: nobody of it is old to the schedule
    [first] = tick(clock, MONDAY)
    assert first.export.rows == 2
    people(market, 1)
    [_, second] = tick(clock, MONDAY + timedelta(days=7))
    assert (second.export.rows, second.export.excluded["not_new"]) == (1, 2)
    assert snapshots.people(second.export, Reason.FILE, after=0, limit=9) == [Contact.objects.latest("pk").pk]
    [*_, third] = tick(clock, MONDAY + timedelta(days=14))
    assert third.export.rows == 0


def test_a_run_that_failed_counts_as_no_file(market: Market, clock: Any) -> None:
    people(market, 2)
    schedule(market, only_new=True)
    clock.move_to(MONDAY)
    jobs.run_due_schedules(now=MONDAY)
    Job.objects.update(state=Job.State.FAILED, finished_at=timezone.now())
    [_, second] = tick(clock, MONDAY + timedelta(days=7))
    assert second.export.rows == 2


def test_who_was_held_out_of_an_earlier_file_stays_out(market: Market, clock: Any) -> None:
    people(market, 10)
    schedule(market, only_new=True, hold_out=50)
    assert tick(clock, MONDAY)[0].export.rows == 5
    assert tick(clock, MONDAY + timedelta(days=7))[1].export.excluded["not_new"] == 10


def test_the_segment_is_read_as_it_is_when_it_is_due(market: Market, clock: Any) -> None:
    people(market, 2)
    made = schedule(market)
    made.segment.definition = {"any": [{"all": [{"field": "opted_out", "op": "is", "value": True}]}]}
    made.segment.save()
    [run] = tick(clock, MONDAY)
    assert run.export.matched == 0


def test_the_owner_of_the_schedule_decides_who_is_seen(market: Market, clock: Any) -> None:
    """A lead of one team; whoever of another team asks for the run gets the lead's people."""
    people(market, 2)
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    other.contact(name="Ani")
    lead = UserFactory(role="cs_lead", teams=[market.story.channel.team])
    made = schedule(market, user=lead)
    jobs.run_schedule_now(made, actor=UserFactory(role="owner"))
    do_work()
    assert names(ScheduledRun.objects.get().export) == ["Budi 0", "Budi 1"]


# -- What stands in the way ---------------------------------------------------------------------------------------


def loses_the_right(user: User, made: ExportSchedule) -> None:
    user.groups.clear()


def is_switched_off(user: User, made: ExportSchedule) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def is_deleted(user: User, made: ExportSchedule) -> None:
    Segment.objects.update(owner=None)
    user.delete()


def has_left(user: User, made: ExportSchedule) -> None:
    AgentFactory(user=user, deleted_at=timezone.now())


def segment_is_archived(user: User, made: ExportSchedule) -> None:
    made.segment.deleted_at = timezone.now()
    made.segment.save()


def segment_is_hidden(user: User, made: ExportSchedule) -> None:
    made.segment.owner, made.segment.shared = None, "private"
    made.segment.save()


def segment_is_unreadable(user: User, made: ExportSchedule) -> None:
    made.segment.definition = {"version": 0}
    made.segment.save()


@pytest.mark.parametrize(
    ("happens", "role", "refused"),
    [
        (loses_the_right, "marketing", RunRefusal.EXPORT_RIGHT),
        (is_switched_off, "marketing", RunRefusal.OWNER_GONE),
        (is_deleted, "marketing", RunRefusal.OWNER_GONE),
        (has_left, "cs_lead", RunRefusal.OWNER_GONE),
        (segment_is_archived, "marketing", RunRefusal.SEGMENT_ARCHIVED),
        (segment_is_hidden, "marketing", RunRefusal.SEGMENT_HIDDEN),
        (segment_is_unreadable, "marketing", RunRefusal.SEGMENT_UNREADABLE),
    ],
)
def test_what_a_person_must_put_right_pauses_the_schedule(
    market: Market, clock: Any, happens: Callable[[User, ExportSchedule], None], role: str, refused: RunRefusal
) -> None:
    people(market, 1)
    boss = UserFactory(role="owner", language="en")
    user = UserFactory(role=role, teams=[market.story.channel.team])
    made = schedule(market, user=user)
    happens(user, made)
    [run] = tick(clock, MONDAY)
    made.refresh_from_db()
    assert (run.refused, run.export, run.state) == (refused, None, Job.State.FAILED)
    assert (made.is_on, made.next_due_at, made.paused_because) == (False, None, refused)
    assert not Job.objects.exists()
    told = dict(Notice.objects.values_list("user_id", "topic"))
    assert told == {boss.pk: "schedule"} | ({user.pk: "schedule"} if User.objects.filter(pk=user.pk) else {})
    [(_notice, text)] = notices.unseen(boss)
    with translation.override("en"):
        assert str(refused.label) in notices.words(Notice.objects.get(user=boss), boss).text  # type: ignore[union-attr]
    assert not text.is_good
    entry = AuditEntry.objects.get(action="exportschedule.paused")
    assert entry.details["reason"] == refused
    assert len(tick(clock, MONDAY + timedelta(days=7))) == 1


def test_a_right_that_is_taken_away_while_the_file_is_made_pauses_it_too(market: Market, clock: Any) -> None:
    people(market, 1)
    made = schedule(market)
    clock.move_to(MONDAY)
    jobs.run_due_schedules(now=MONDAY)
    market.user.groups.clear()
    do_work()
    made.refresh_from_db()
    run = ScheduledRun.objects.get()
    assert (made.is_on, made.paused_because) == (False, RunRefusal.EXPORT_RIGHT)
    assert (run.state, run.why_it_failed) == (
        Job.State.FAILED, "The right to export these rows was taken away in the meantime: no file was made.",
    )  # fmt: skip
    assert jobs.export_link(run.export) == ""
    assert Notice.objects.filter(user=market.user, topic="job").exists()


def test_it_goes_on_as_soon_as_it_is_put_right_and_switched_on(market: Market, clock: Any) -> None:
    made = schedule(market)
    segment_is_archived(market.user, made)
    tick(clock, MONDAY)
    made.refresh_from_db()
    with pytest.raises(ValidationError) as refused:
        schedules.update_schedule(made, actor=market.user, origin="admin", is_on=True)
    assert refused.value.code == RunRefusal.SEGMENT_ARCHIVED
    made.segment.deleted_at = None
    made.segment.save()
    made = schedules.update_schedule(made, actor=market.user, origin="admin", is_on=True)
    assert (made.paused_because, made.next_due_at) == ("", MONDAY + timedelta(days=7))


def test_another_fault_of_a_run_leaves_the_schedule_on(market: Market, clock: Any) -> None:
    made = schedule(market)
    clock.move_to(MONDAY)
    jobs.run_due_schedules(now=MONDAY)
    Job.objects.update(tries=core_jobs.MAX_TRIES)
    do_work()
    made.refresh_from_db()
    run = ScheduledRun.objects.get()
    assert (run.state, run.why_it_failed, made.is_on) == (Job.State.FAILED, "stopped_its_worker", True)
    assert Notice.objects.filter(user=market.user).count() == 1


# -- By hand ----------------------------------------------------------------------------------------------------------


def test_a_run_by_hand_leaves_the_next_due_time(market: Market, clock: Any) -> None:
    made = schedule(market, is_on=False)
    run = jobs.run_schedule_now(made, actor=market.user)
    assert (run.by_hand, run.due_at) == (True, SUNDAY)
    with pytest.raises(ValidationError) as refused:
        jobs.run_schedule_now(made, actor=market.user)
    assert refused.value.code == "at_work"
    do_work()
    made.refresh_from_db()
    assert (made.is_on, made.next_due_at) == (False, None)


def test_a_run_by_hand_says_what_stands_in_the_way(market: Market) -> None:
    made = schedule(market)
    market.user.groups.clear()
    with pytest.raises(ValidationError) as refused:
        jobs.run_schedule_now(made, actor=market.user)
    assert refused.value.code == RunRefusal.EXPORT_RIGHT
    assert not ScheduledRun.objects.exists()


def test_who_may_not_export_sets_up_nothing(market: Market) -> None:
    with pytest.raises(ValidationError) as refused:
        schedule(market, user=UserFactory(role="auditor"))
    assert refused.value.code == RunRefusal.EXPORT_RIGHT


# -- Who gets the link ------------------------------------------------------------------------------------------------


def test_only_who_could_make_the_same_file_may_be_sent_the_link(market: Market) -> None:
    team = market.story.channel.team
    lead = UserFactory(role="cs_lead", teams=[team])
    same = UserFactory(role="cs_lead", teams=[team])
    UserFactory(role="cs_lead", teams=[TeamFactory()])
    more = UserFactory(role="cs_lead", teams=[team, TeamFactory()])
    owner = UserFactory(role="owner")
    for role in ("cs", "auditor"):
        UserFactory(role=role, teams=[team])
    User.objects.filter(pk=UserFactory(role="marketing").pk).update(is_active=False)
    gone = UserFactory(role="cs_lead", teams=[team])
    AgentFactory(user=gone, deleted_at=timezone.now())
    assert {user.pk for user in schedules.nameable(lead)} == {market.user.pk, lead.pk, same.pk, more.pk, owner.pk}
    assert {user.pk for user in schedules.nameable(market.user)} == {market.user.pk, owner.pk}
    for user in User.objects.all():
        assert schedules.may_be_sent(user, lead) == (user in schedules.nameable(lead))
    with pytest.raises(ValidationError) as refused:
        schedule(market, recipients=[lead])
    assert "recipients" in refused.value.message_dict


@WITH_MAIL
def test_the_link_goes_by_mail_once_to_who_is_named(market: Market, clock: Any) -> None:
    people(market, 2)
    sari = UserFactory(role="marketing", email="sari@toko.test", language="id")
    dewi = UserFactory(role="marketing", email="dewi@toko.test", language="en")
    schedule(market, recipients=[sari, dewi])
    [run] = tick(clock, MONDAY)
    assert (mails.send_due(), mails.send_due()) == (2, 0)
    tick(clock, MONDAY + timedelta(minutes=5))
    assert mails.send_due() == 0
    sent = {message.to[0]: message for message in mail.outbox}
    assert sent.keys() == {"sari@toko.test", "dewi@toko.test"}
    link = f"https://crm.test{jobs.export_link(run.export)}"
    for message in sent.values():
        html = message.alternatives[0][0]
        assert link in message.body
        assert link in html
        assert "Budi" not in message.body + str(html), "who is in the file is not in the e-mail"
    assert "2 rows" in sent["dewi@toko.test"].body
    assert "2 rows" not in sent["sari@toko.test"].body
    assert sent["dewi@toko.test"].subject == "Export of “Grade A”, CSV"


@WITH_MAIL
def test_who_lost_the_right_in_the_meantime_is_sent_nothing(market: Market, clock: Any) -> None:
    people(market, 1)
    dewi = UserFactory(role="marketing", email="dewi@toko.test")
    schedule(market, recipients=[dewi])
    tick(clock, MONDAY)
    dewi.groups.clear()
    assert mails.send_due() == 0
    assert notices.unseen(User.objects.get(pk=dewi.pk)) == []
    assert Notice.objects.get(user=dewi).mail == Notice.Mail.NONE


def test_without_a_mail_server_those_named_are_told_in_the_app(market: Market, clock: Any) -> None:
    dewi = UserFactory(role="marketing", email="dewi@toko.test")
    schedule(market, recipients=[dewi])
    [run] = tick(clock, MONDAY)
    assert mails.send_due() == 0
    [(notice, text)] = notices.unseen(dewi)
    assert (notice.mail, text.link, text.page) == (Notice.Mail.NONE, jobs.export_link(run.export), "")


# -- In words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"every": "daily"}, "every day 08:00, next on 30 Nov 2026"),
        ({}, "every Monday 08:00, next on 30 Nov 2026"),
        ({"every": "monthly", "day": 5, "hour": 17}, "on day 5 of every month 17:00, next on 5 Dec 2026"),
        ({"every": "monthly", "day": 31}, "on the last day of every month 08:00, next on 30 Nov 2026"),
        (
            {"every": "monthly", "day": 30},
            "on day 30 of every month (in a shorter one on its last day) 08:00, next on 30 Nov 2026",
        ),
        ({"is_on": False}, "every Monday 08:00, switched off"),
    ],
)
def test_when_it_is_due_is_said_in_words(market: Market, values: dict[str, Any], said: str) -> None:
    with translation.override("en"):
        assert schedule_in_words(schedule(market, **values)) == said
