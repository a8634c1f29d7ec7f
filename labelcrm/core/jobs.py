"""Long work that lasts: import, export, restating what a label means, rebuilding.

A job is a row of `Job` and is done in steps of at most about 20 seconds by a worker of the queue "slow", which has a
process of its own, so that long work never holds up the drain. A step

1. claims the row (an update; whoever finds no row to update has nothing to do),
2. does its work and saves the cursor, the progress and the lease's prolongation in one transaction,
3. and so on until its turn is over; then it queues the next turn behind the jobs of others.

What a killed worker was doing is rolled back with its cursor, and once its lease has ended somebody goes on from
there. A task that is delivered twice finds a lease that is held; one that a wiped Redis lost is queued again by
`sweep`. A step must only be repeatable from its cursor on: what it wrote to the database either counts together with
the new cursor or was never there.

An app declares its kinds of jobs in `<app>/jobs.py` with `register`.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.functional import Promise

from labelcrm.core import audit, notices
from labelcrm.core.bulk import execute, execute_binary, fetch_binary
from labelcrm.core.models import Job, JobFile
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic
from labelcrm.core.wakeups import publish
from labelcrm.lib.failures import error_sentence

RUN_JOB = "core.run_job"  # the Celery task that gives a job its turn
TURN = 10.0  # seconds after which others of the queue come first
LEASE = timedelta(seconds=60)  # three times as long as a step may take
MAX_TRIES = 5  # of one step
PAUSE = timedelta(seconds=5)  # before the second try, twice as long before each further one
FILES_KEPT = timedelta(days=7)  # after a job's end
FAILED_FILES_KEPT = timedelta(days=1)  # for a retry
KEPT = timedelta(days=90)  # after a job's end
State = Job.State
UNFINISHED = (State.QUEUED, State.RUNNING)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step did: where the next one goes on, how much is done of how much, and the result if that was the last.

    `cursor`, `result` are JSON; `progress` counts from the beginning of the job.
    """

    cursor: dict[str, Any] = field(default_factory=dict)
    progress: int
    total: int | None = None
    result: dict[str, Any] | None = None


class JobRefused(Exception):
    """A job that cannot be done, and no second try would change that; `code` is stable, the sentence for people."""

    def __init__(self, code: str, sentence: str = "") -> None:
        super().__init__(sentence or code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job. `step` is called in a transaction with the job's row and goes on from `job.cursor`.

    `title` says in the reader's language what the job does, `outcome` what came of it, `link` where to look at it;
    nobody is shown the link who has not the `link_rights`.
    `begins_anew`: tried again after it failed it begins from nothing, for what it had found may be old by then.
    `lease` is how long a step may be before somebody else takes the job for a dead worker's; it is read before each.
    `quiet` is the condition for a finished job of the system's own of which nobody needs to know.
    `undo` is the address of a form that takes a job back, "" for one that cannot be. `on_failure` is told in the
    transaction in which a job fails for good, with the cursor of its last good step.

    When it is done or has failed, `tells` names whom; `may_open` says who of them may still know of it and have its
    link. Its `page` is where one reads more of it.

    When a job is cancelled (`job.cancel_asked_at`), a kind that `winds_back` is asked on until it has undone what it
    did, or put away what it began, and says so with a result; any other is not asked again. `stopped` says what
    became of a cancelled one.
    """

    name: str
    step: Callable[[Job], Step]
    title: Callable[[Job], str | Promise]
    outcome: Callable[[Job], str | Promise] = lambda job: ""
    stopped: Callable[[Job], str | Promise] = lambda job: ""
    link: Callable[[Job], str] = lambda job: ""
    link_rights: tuple[str, ...] = ()
    lease: Callable[[Job], timedelta] = lambda job: LEASE
    winds_back: bool = False
    can_retry: bool = True
    begins_anew: bool = False
    quiet: Q | None = None
    undo: Callable[[Job], str] = lambda job: ""
    on_failure: Callable[[Job], None] = lambda job: None
    tells: Callable[[Job], NoticeAudience] = lambda job: NoticeAudience()
    may_open: Callable[[Job, Any], bool] = lambda job, user: job.owner_id == user.pk
    page: Callable[[Job, Any], str] = lambda job, user: ""


KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> JobKind:
    """Make a kind known; its name is what rows of `Job` call it for ever."""
    KINDS[kind.name] = kind
    return kind


# -- Asking for work --------------------------------------------------------------------------------------------------


def start(kind: JobKind, *, owner: Any, parameters: dict[str, Any], subject: str = "", total: int | None = None) -> Job:
    """Queue a job for `owner` (None: the system itself). Takes milliseconds; the work begins after the commit."""
    with transaction.atomic():
        job = Job.objects.create(kind=kind.name, owner=owner, parameters=parameters, subject=subject, total=total)
        audit.record(actor=owner, action="job.started", obj=job, kind=kind.name)
        transaction.on_commit(lambda: publish(RUN_JOB, job.pk))
    return job


def cancel(job: Job, *, actor: Any) -> bool:
    """Ask a job to stop; whether it could be. It ends between two steps, a kind that winds back later."""
    with transaction.atomic():
        asked = Job.objects.filter(pk=job.pk, state__in=UNFINISHED, cancel_asked_at=None).update(cancel_asked_at=Now())
        if asked:
            audit.record(actor=actor, action="job.cancelled", obj=job, kind=job.kind)
            transaction.on_commit(lambda: publish(RUN_JOB, job.pk))
    return bool(asked)


def retry(job: Job, *, actor: Any) -> bool:
    """Go on with a failed job from the step that failed; whether it had failed, and is of a kind that can.

    Who was told that it failed is told anew what becomes of it.
    """
    kind = KINDS.get(job.kind)
    if kind is None or not kind.can_retry:
        return False
    anew: dict[str, Any] = {"cursor": {}, "progress": 0} if kind.begins_anew else {}
    with transaction.atomic():
        again = Job.objects.filter(pk=job.pk, state=State.FAILED).update(
            state=State.QUEUED, error="", tries=0, not_before=None, finished_at=None, **anew
        )
        if again:
            notices.forget(ENDED, job.pk)
            audit.record(actor=actor, action="job.retried", obj=job, kind=job.kind)
            transaction.on_commit(lambda: publish(RUN_JOB, job.pk))
    return bool(again)


def sweep() -> int:
    """Queue every job that could have a turn now: new ones whose task was lost, and those whose worker died."""
    waiting = Job.objects.filter(_free(), state__in=UNFINISHED).order_by("id").values_list("id", flat=True)[:100]
    for pk in waiting:
        publish(RUN_JOB, pk, expires=5)
    return len(waiting)


def unfinished_of_user() -> Combinable:
    """To annotate users with: how much of what each asked for is unfinished."""
    theirs = Job.objects.filter(owner=OuterRef("pk"), state__in=UNFINISHED).order_by().values("owner")
    return Coalesce(Subquery(theirs.annotate(jobs=Count("pk")).values("jobs")), 0)


def forget_old() -> int:
    """Delete the jobs that ended long ago, and their files; how many jobs. The audit trail keeps who asked for what."""
    old = Job.objects.filter(finished_at__lt=timezone.now() - KEPT)
    with transaction.atomic():
        JobFile.objects.filter(job__in=old).delete()
        return old.delete()[1].get("core.Job", 0)


# -- Doing it ---------------------------------------------------------------------------------------------------------


def run(job_id: int, *, seconds: float = TURN) -> None:
    """Give a job its turn: step after step for about `seconds`, then the others of the queue come first."""
    deadline = time.monotonic() + seconds
    job = _claim(job_id)
    while job is not None and _take_step(job):
        if time.monotonic() > deadline:
            _release(job)
            publish(RUN_JOB, job.pk)
            return
    if job is not None and job.subject:
        _wake_next(job.subject)


def _wake_next(subject: str) -> None:
    """Queue whoever waited for a job of this subject to end; the sweep would, some seconds later."""
    waiting = Job.objects.filter(_free(), subject=subject, state__in=UNFINISHED).order_by("id")
    for pk in waiting.values_list("pk", flat=True)[:1]:
        publish(RUN_JOB, pk)


def do_at_once(started: Sequence[Job], *, seconds: float) -> bool:
    """Give jobs their turns here and now, for about so long; whether all have ended. The worker goes on with the rest.

    For a page whose reader waits for the answer: most work is done before anybody sees a progress bar. The first does
    at least one step. Nothing is waited for but a worker that was quicker and is at it.
    """
    deadline = time.monotonic() + seconds
    ids = [job.pk for job in started]
    for pk in ids:
        run(pk, seconds=max(deadline - time.monotonic(), 0))
        if time.monotonic() >= deadline:
            break
    unfinished = Job.objects.filter(pk__in=ids, state__in=UNFINISHED)
    while time.monotonic() < deadline and unfinished.filter(lease__isnull=False).exists():
        time.sleep(0.05)
    return not unfinished.exists()


def _free() -> Any:
    """The condition that nobody holds the job, and that it need not wait for its time or for one before it."""
    earlier = Job.objects.filter(subject=OuterRef("subject"), state__in=UNFINISHED, pk__lt=OuterRef("pk"))
    return (
        (Q(leased_until=None) | Q(leased_until__lt=Now()))
        & (Q(not_before=None) | Q(not_before__lte=Now()))
        & (Q(subject="") | ~Exists(earlier))
    )


def _claim(job_id: int) -> Job | None:
    """The job, if it is ours for the next `LEASE`; None when it is finished, waits, or is somebody else's."""
    lease = uuid4()
    claimed = Job.objects.filter(_free(), pk=job_id, state__in=UNFINISHED).update(
        lease=lease, leased_until=Now() + LEASE, state=State.RUNNING
    )
    if not claimed:
        return None
    job = Job.objects.get(pk=job_id)
    if job.started_at is None:
        job.started_at = timezone.now()
    return job


def _take_step(job: Job) -> bool:
    """One step; whether a next one can follow at once. False when the job ended, must wait, or was taken over."""
    kind = KINDS.get(job.kind)
    if kind is None or job.tries >= MAX_TRIES:
        _end(job, State.FAILED, error="unknown_kind" if kind is None else job.error or "stopped_its_worker")
        return False
    if job.cancel_asked_at is not None and not kind.winds_back:
        _end(job, State.CANCELLED)
        return False
    lease = Now() + kind.lease(job)
    return _update(job, tries=job.tries + 1, started_at=job.started_at, leased_until=lease) and _try_step(kind, job)


def _try_step(kind: JobKind, job: Job) -> bool:
    try:
        with transaction.atomic():
            step = kind.step(job)
            kept = _save(job, step)
            transaction.set_rollback(not kept)
    except JobRefused as refused:
        _end(job, State.FAILED, error=refused.code, result=job.result | {"sentence": str(refused)})
    except (DatabaseError, InterfaceError) as error:
        _try_later(job, error)
    except Exception as error:  # noqa: BLE001 - whatever happens to a job is that job's end, not the worker's
        _end(job, State.FAILED, error=error_sentence(error), because=error)
    else:
        return step.result is None if kept else _is_to_stop(job)
    return False


def _is_to_stop(job: Job) -> bool:
    """Whether the last step was not kept because somebody had asked to stop meanwhile: the next one does so."""
    if not Job.objects.filter(pk=job.pk, lease=job.lease).exclude(cancel_asked_at=None).exists():
        return False  # taken over
    job.refresh_from_db()
    return True


def _save(job: Job, step: Step) -> bool:
    """Keep what a step did, in its transaction.

    False when nothing of it counts: the job was taken over, or this was the last step and somebody asked to stop
    while it was at work.
    """
    rows = Job.objects.filter(pk=job.pk, lease=job.lease)
    if step.result is not None and job.cancel_asked_at is None:
        rows = rows.filter(cancel_asked_at=None)
    job.cursor, job.progress = step.cursor, step.progress
    job.total = step.total if step.total is not None else job.total
    values: dict[str, Any] = {
        "cursor": job.cursor,
        "progress": job.progress,
        "total": job.total,
        "tries": 0,
        "error": "",
    }
    if step.result is None:
        values["leased_until"] = Now() + LEASE
    else:
        job.state = State.CANCELLED if job.cancel_asked_at is not None else State.DONE
        values |= {"state": job.state, "result": step.result, "finished_at": Now(), "lease": None, "leased_until": None}
    job.tries = 0
    kept = bool(rows.update(**values))
    if kept and job.state == State.DONE:
        _tell(job)
    if kept and step.result is None:
        job.cancel_asked_at = Job.objects.values_list("cancel_asked_at", flat=True).get(pk=job.pk)
    return kept


def _update(job: Job, **values: Any) -> bool:
    """Change the row as long as it is ours."""
    job.tries = values.get("tries", job.tries)
    return bool(Job.objects.filter(pk=job.pk, lease=job.lease).update(**values))


def _release(job: Job) -> None:
    _update(job, lease=None, leased_until=None)


def _end(
    job: Job, state: str, *, error: str = "", result: dict[str, Any] | None = None, because: Exception | None = None
) -> None:
    if because is not None:
        where = "".join(traceback.format_tb(because.__traceback__))
        logger.error("job %s (%s) failed: %s\n%s", job.pk, job.kind, error, where)
    with transaction.atomic():
        ended = _update(
            job, state=state, error=error[:300], result=result or job.result, finished_at=Now(), lease=None,
            leased_until=None,
        )  # fmt: skip
        kind = KINDS.get(job.kind)
        if ended and state == State.FAILED and kind is not None:
            job.error = error
            kind.on_failure(job)
            _tell(job)


def _tell(job: Job) -> None:
    kind = KINDS.get(job.kind)
    if kind is not None:
        notices.tell(ENDED, job.pk, kind.tells(job))


def _words_of_end(job_id: int, user: Any) -> NoticeText | None:
    """What somebody is told of a job that ended, if they may still know of it."""
    job = Job.objects.filter(pk=job_id).first()
    kind = KINDS.get(job.kind) if job is not None else None
    if job is None or kind is None or not kind.may_open(job, user):
        return None
    title, page = str(kind.title(job)), kind.page(job, user)
    if job.state != State.DONE:
        return NoticeText(title=title, text=job.result.get("sentence") or job.error, page=page, is_good=False)
    return NoticeText(title=title, text=str(kind.outcome(job)), link=kind.link(job), page=page)


ENDED = notices.register(NoticeTopic("job", _words_of_end))


def _try_later(job: Job, error: Exception) -> None:
    """A fault of the database's says nothing about the job: the same step is tried again after a pause."""
    logger.warning("job %s (%s) waits after %s", job.pk, job.kind, error_sentence(error))
    pause = PAUSE * 2 ** (job.tries - 1)
    _update(job, lease=None, leased_until=None, not_before=Now() + pause, error=error_sentence(error)[:300])


# -- Files ------------------------------------------------------------------------------------------------------------


def write_part(job: Job, name: str, part: int, body: bytes) -> None:
    """Keep a part of one of the job's files; a step that is repeated writes the same part again."""
    execute_binary(_WRITE_PART.format(body="VALUES (%s, %s, %s, %s)"), [job.pk, name, part, body])


def write_part_of(job: Job, name: str, part: int, query: str, values: Mapping[str, Any]) -> None:
    """The same of the one text that a query answers, which never leaves the database; NULL is a part without bytes."""
    body = f"""
        SELECT %(of_job)s, %(of_name)s, %(of_part)s, convert_to(coalesce(made.text, ''), 'UTF8')
        FROM ({query}) AS made (text)
    """  # noqa: S608 - the caller's own
    execute(_WRITE_PART.format(body=body), {**values, "of_job": job.pk, "of_name": name, "of_part": part})


_WRITE_PART = """
    INSERT INTO core_jobfile (job_id, name, part, body) {body}
    ON CONFLICT (job_id, name, part) DO UPDATE SET body = EXCLUDED.body
"""


def read_parts(job: Job, name: str) -> Iterable[bytes]:
    """The parts of a file in their order, one in memory at a time."""
    parts = JobFile.objects.filter(job=job, name=name).order_by("part")
    for pk in parts.values_list("pk", flat=True):
        [(body,)] = fetch_binary("SELECT body FROM core_jobfile WHERE id = %s", [pk])
        yield body


def forget_files(job: Job, *names: str) -> None:
    """Delete these files of a job; without names all of them."""
    files = JobFile.objects.filter(job=job)
    (files.filter(name__in=names) if names else files).delete()


def files_kept(job: Job) -> timedelta:
    """How long after its end the files of a job are kept."""
    return FAILED_FILES_KEPT if job.state == State.FAILED else FILES_KEPT


def forget_old_files() -> int:
    """Delete what jobs made a week ago, and what failed ones left yesterday; how many parts. Their rows stay."""
    now = timezone.now()
    failed = Q(state=State.FAILED, finished_at__lt=now - FAILED_FILES_KEPT)
    old = Job.objects.filter(failed | Q(finished_at__lt=now - FILES_KEPT))
    return JobFile.objects.filter(job__in=old).delete()[0]
