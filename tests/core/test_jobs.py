"""Long work: whatever kills, repeats or forgets it, a job's result is what its steps say, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import AuditEntry, Heartbeat, Job, JobFile, Notice
from labelcrm.core.notices import NoticeAudience
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Counting:
    """A kind that makes one row in each of five steps; `trouble` is raised in the middle of a step, after its write."""

    def __init__(self) -> None:
        self.trouble: dict[int, BaseException] = {}
        self.calls = 0

    def step(self, job: Job) -> Step:
        self.calls += 1
        number = job.cursor.get("next", 1)
        Heartbeat.objects.create(name=f"{job.pk} {number}", at=timezone.now())
        jobs.write_part(job, "numbers", number, str(number).encode())
        if error := self.trouble.pop(number, None):
            raise error
        result = {"rows": 5} if number == 5 else None
        return Step(cursor={"next": number + 1}, progress=number, total=5, result=result)


@pytest.fixture
def work() -> Iterator[Counting]:
    counting = Counting()
    jobs.register(JobKind(name="count", step=counting.step, title=lambda job: "Counting"))
    yield counting
    del jobs.KINDS["count"]


def start(**fields: Any) -> Job:
    return jobs.start(jobs.KINDS["count"], owner=None, parameters={}, **fields)


def rows(job: Job) -> list[str]:
    return sorted(Heartbeat.objects.filter(name__startswith=f"{job.pk} ").values_list("name", flat=True))


def all_rows(job: Job) -> list[str]:
    return [f"{job.pk} {number}" for number in range(1, 6)]


def test_a_job_is_done_step_by_step_and_says_how_far_it_is(work: Counting) -> None:
    job = start()
    jobs.run(job.pk, seconds=0)  # one step a turn
    job.refresh_from_db()
    assert (job.state, job.progress, job.total, job.lease) == ("running", 1, 5, None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress, job.result) == ("done", 5, {"rows": 5})
    assert job.started_at is not None
    assert job.finished_at is not None
    assert rows(job) == all_rows(job)
    assert b"".join(jobs.read_parts(job, "numbers")) == b"12345"


def test_a_finished_job_has_no_further_turn(work: Counting) -> None:
    job = start()
    for _ in range(3):
        jobs.run(job.pk)
    assert work.calls == 5


def test_a_task_that_is_delivered_twice_finds_the_lease_held(work: Counting) -> None:
    job = start()
    assert jobs._claim(job.pk) is not None
    jobs.run(job.pk)
    assert work.calls == 0


def test_a_step_that_was_interrupted_counts_for_nothing_and_is_done_again(work: Counting) -> None:
    job = start()
    work.trouble = {3: SystemExit()}  # no handler of ours sees it, as with kill -9
    with pytest.raises(SystemExit):
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.progress, len(rows(job))) == (2, 2)
    jobs.run(job.pk)
    assert work.calls == 3, "the lease of the dead is respected"
    Job.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, rows(job)) == ("done", all_rows(job))


def test_a_worker_that_was_believed_dead_writes_nothing_when_it_comes_back(work: Counting) -> None:
    job = start()
    late = jobs._claim(job.pk)
    assert late is not None
    Job.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    jobs.run(job.pk)
    assert not jobs._take_step(late)
    assert rows(job) == all_rows(job)
    assert JobFile.objects.count() == 5


def test_a_step_that_always_kills_its_worker_ends_the_job(work: Counting) -> None:
    job = start()
    for _ in range(jobs.MAX_TRIES):
        work.trouble = {1: SystemExit()}
        with pytest.raises(SystemExit):
            jobs.run(job.pk)
        Job.objects.update(leased_until=None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "stopped_its_worker")


def test_a_fault_of_the_databases_is_tried_again_after_a_pause(work: Counting) -> None:
    job = start()
    work.trouble = {2: OperationalError("the connection is lost")}
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress) == ("running", 1)
    assert job.not_before is not None
    jobs.run(job.pk)
    assert work.calls == 2, "not before its time"
    Job.objects.update(not_before=timezone.now())
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error, rows(job)) == ("done", "", all_rows(job))


def test_a_fault_of_ours_ends_the_job_and_a_retry_goes_on_from_there(work: Counting) -> None:
    job = start()
    work.trouble = {4: ValueError("a fault")}
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error, job.progress) == ("failed", "ValueError: a fault", 3)
    assert jobs.retry(job, actor=None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error, rows(job)) == ("done", "", all_rows(job))
    assert not jobs.retry(job, actor=None)


def test_what_can_never_be_done_says_so_with_a_code(work: Counting) -> None:
    job = start()
    work.trouble = {1: JobRefused("gone", "The file is not there any more.")}
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error, job.result) == ("failed", "gone", {"sentence": "The file is not there any more."})


def test_a_cancelled_job_stops_between_two_steps(work: Counting) -> None:
    job = start()
    jobs.run(job.pk, seconds=0)
    assert jobs.cancel(job, actor=None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, work.calls) == ("cancelled", 1)
    assert not jobs.cancel(job, actor=None)


def test_a_kind_that_winds_back_is_asked_on_until_it_has(work: Counting) -> None:
    def back(job: Job) -> Step:
        at = job.cursor.get("at", 0) + (-1 if job.cancel_asked_at else 1)
        return Step(cursor={"at": at}, progress=at, result={} if at == 0 else None)

    jobs.register(JobKind(name="count", step=back, title=lambda job: "There and back", winds_back=True))
    job = start()
    for _ in range(3):
        jobs.run(job.pk, seconds=0)
    jobs.cancel(job, actor=None)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.cursor) == ("cancelled", {"at": 0})


def test_a_kind_may_need_longer_steps_than_others(work: Counting) -> None:
    """Nobody takes the job over while such a step lasts; the next one has the usual lease again."""
    held: list[timedelta] = []

    def step(job: Job) -> Step:
        until = Job.objects.values_list("leased_until", flat=True).get(pk=job.pk)
        held.append(until - timezone.now())
        return work.step(job)

    def lease(job: Job) -> timedelta:
        return timedelta(minutes=10) if job.progress == 1 else jobs.LEASE

    jobs.register(JobKind(name="count", step=step, title=lambda job: "Counting", lease=lease))
    jobs.run(start().pk)
    assert held[1] > timedelta(minutes=9)
    assert max(held[0], *held[2:]) <= jobs.LEASE


def test_jobs_of_one_subject_run_one_after_the_other(work: Counting) -> None:
    first, second, other = start(subject="label 7"), start(subject="label 7"), start(subject="label 8")
    jobs.run(second.pk)
    jobs.run(other.pk)
    assert list(Job.objects.order_by("id").values_list("state", flat=True)) == ["queued", "queued", "done"]
    jobs.run(first.pk)
    jobs.run(second.pk)
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_the_sweep_finds_what_a_wiped_broker_forgot(work: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[int] = []
    monkeypatch.setattr(jobs, "publish", lambda task, pk, **_: queued.append(pk))
    waiting, held, paused, behind = start(subject="a"), start(), start(), start(subject="a")
    jobs._claim(held.pk)
    Job.objects.filter(pk=paused.pk).update(not_before=timezone.now() + timedelta(minutes=1))
    assert jobs.sweep() == 1
    assert queued == [waiting.pk]
    jobs.run(waiting.pk)
    assert queued[1:] == [behind.pk], "whoever waited for it is queued when it ends"
    jobs.sweep()
    assert queued[2:] == [behind.pk]


@pytest.mark.django_db(transaction=True)
def test_who_stops_a_job_during_its_last_step_has_stopped_it(work: Counting) -> None:
    job = start()

    def stop() -> None:
        assert jobs.cancel(job, actor=None)
        connection.close()

    def stopped_meanwhile(job: Job) -> Step:
        step = work.step(job)
        if step.result is not None:
            somebody = threading.Thread(target=stop)
            somebody.start()
            somebody.join()
        return step

    jobs.register(JobKind(name="count", step=stopped_meanwhile, title=lambda job: "Counting"))
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress, job.result) == ("cancelled", 4, {})
    assert rows(job) == all_rows(job)[:4]
    assert not Notice.objects.exists()


def test_a_kind_that_begins_anew_is_tried_again_from_nothing(work: Counting) -> None:
    jobs.register(JobKind(name="count", step=work.step, title=lambda job: "Counting", begins_anew=True))
    work.trouble[3] = JobRefused("full")
    job = start()
    jobs.run(job.pk)
    assert jobs.retry(Job.objects.get(pk=job.pk), actor=None)
    again = Job.objects.get(pk=job.pk)
    assert (again.cursor, again.progress) == ({}, 0)


def test_who_was_told_of_a_failure_is_told_of_what_comes_of_the_next_try(work: Counting) -> None:
    user = UserFactory()
    jobs.register(
        JobKind(
            name="count", step=work.step, title=lambda job: "Counting",
            tells=lambda job: NoticeAudience(seen_by=[user.pk]),
        )
    )  # fmt: skip
    work.trouble[3] = JobRefused("full")
    job = start()
    jobs.run(job.pk)
    Notice.objects.update(seen_at=timezone.now())
    jobs.retry(Job.objects.get(pk=job.pk), actor=None)
    jobs.run(job.pk)
    assert Job.objects.get(pk=job.pk).state == "done"
    assert Notice.objects.get().seen_at is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_claim_at_once_are_one(work: Counting) -> None:
    job = start()
    claimed: list[Any] = []

    def claim() -> None:
        claimed.append(jobs._claim(job.pk))
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in claimed) == 1


def test_a_page_does_all_it_can_of_a_job_at_once(work: Counting) -> None:
    job = start()
    assert jobs.do_at_once([job], seconds=60)
    assert rows(job) == all_rows(job)


def test_a_page_does_not_wait_for_what_nobody_is_at(work: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that failed is tried again in some seconds; without a worker no waiting would help."""

    def wait(_seconds: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(jobs.time, "sleep", wait)
    work.trouble[2] = OperationalError("away")
    job = start()
    assert not jobs.do_at_once([job], seconds=60)
    assert rows(job) == all_rows(job)[:1]


def test_who_asked_for_what_and_who_stopped_it_is_on_record(work: Counting) -> None:
    user = UserFactory()
    job = jobs.start(jobs.KINDS["count"], owner=user, parameters={})
    jobs.cancel(job, actor=user)
    entries = AuditEntry.objects.order_by("id").values_list("action", "actor", "object_id")
    assert list(entries) == [("job.started", user.pk, job.pk), ("job.cancelled", user.pk, job.pk)]


# -- Files ------------------------------------------------------------------------------------------------------------


def test_files_are_forgotten_after_a_week_those_of_failed_jobs_after_a_day(work: Counting) -> None:
    kept: dict[str, int] = {}
    for name, state, days in (
        ("done", "done", 6.9), ("old", "done", 7.1), ("failed", "failed", 0.9), ("old failed", "failed", 1.1),
        ("cancelled", "cancelled", 6.9), ("old cancelled", "cancelled", 7.1), ("at work", "running", 0),
    ):  # fmt: skip
        job = start()
        jobs.write_part(job, "numbers", 1, b"1")
        ended = None if state == "running" else timezone.now() - timedelta(days=days)
        Job.objects.filter(pk=job.pk).update(state=state, finished_at=ended)
        kept[name] = job.pk
    assert jobs.forget_old_files() == 3
    left = set(JobFile.objects.values_list("job", flat=True))
    assert {name for name, pk in kept.items() if pk in left} == {"done", "failed", "cancelled", "at work"}
    assert Job.objects.count() == len(kept)


def test_a_job_forgets_the_files_it_needs_no_more(work: Counting) -> None:
    job = start()
    for name in ("a", "b", "c"):
        jobs.write_part(job, name, 0, b"1")
    jobs.forget_files(job, "a", "b")
    assert JobFile.objects.get().name == "c"
    jobs.forget_files(job)
    assert not JobFile.objects.exists()


def test_jobs_that_ended_three_months_ago_are_forgotten_with_their_files(work: Counting) -> None:
    long_ago, lately, never = start(), start(), start()
    jobs.run(long_ago.pk)
    jobs.run(lately.pk)
    Job.objects.filter(pk=long_ago.pk).update(finished_at=timezone.now() - timedelta(days=91))
    Job.objects.update(created_at=timezone.now() - timedelta(days=200))
    assert jobs.forget_old() == 1
    assert set(Job.objects.values_list("pk", flat=True)) == {lately.pk, never.pk}
    assert set(JobFile.objects.values_list("job", flat=True)) == {lately.pk}
