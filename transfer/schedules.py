"""Exports that repeat: keeping schedules, beginning what is due, and whom to tell of it.

A run is one transaction: its row, the export, its job and the next due time are there together or not at all. Two ticks
at once make one run, a killed worker none, and due times that nobody was there for are made up for by one run. Who is
in a file is up to what the owner sees when the run begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.selectors.viewing import has_left, mark_sight, may_still, viewer_of
from labelcrm.core import audit, edits, notices
from labelcrm.core.jobs import UNFINISHED, JobKind
from labelcrm.core.models import Job, User
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic
from labelcrm.core.viewer import NOBODY, Viewer
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, parse_definition
from reports.services.segments import ADMINISTERS
from transfer import people_export
from transfer.funnel import Exclusions
from transfer.layouts import LAYOUTS
from transfer.models import ExportSchedule, RunRefusal, ScheduledRun
from transfer.people_export import RIGHTS, ExportOrder

BACKEND = "contacts.access.StaffBackend"
MAIL_AFTER = timedelta(minutes=1)  # who waits for an export on its page needs no e-mail
MOST_MISSED = 999

logger = logging.getLogger(__name__)


# -- Keeping them -----------------------------------------------------------------------------------------------------


def create_schedule(
    *, actor: Any, origin: str, order: ExportOrder, recipients: Iterable[User] = (), **values: Any
) -> ExportSchedule:
    """A new schedule of the actor's; `values` are its segment and when it is due. Raises ValidationError."""
    with transaction.atomic():
        schedule = edits.create(ExportSchedule, actor=actor, origin=origin, owner=actor, **_as_chosen(order), **values)
        _name(schedule, recipients, actor=actor)
        _check(schedule)
        return _wait_for_next(schedule)


def update_schedule(
    schedule: ExportSchedule, *, actor: Any, origin: str, order: ExportOrder | None = None,
    recipients: Iterable[User] | None = None, **values: Any,
) -> ExportSchedule:  # fmt: skip
    """The schedule with other values. Raises ValidationError.

    Switched on, or with another time, it is due next from now on; what is due already is not lost by any other change.
    """
    asked = _as_chosen(order) if order is not None else {}
    with transaction.atomic():
        before = edits.locked(schedule)
        _refuse_archived(before)
        changed = edits.change(schedule, actor=actor, origin=origin, **asked, **values)
        if recipients is not None:
            _name(changed, recipients, actor=actor)
        if changed.is_on:
            _check(changed)
        is_due = before.is_on and before.next_due_at is not None
        is_as_before = is_due and changed.is_on and before.rhythm == changed.rhythm
        return changed if is_as_before else _wait_for_next(changed)


def archive_schedule(schedule: ExportSchedule, *, actor: Any, origin: str) -> ExportSchedule:
    """Put a schedule away, switched off; what it exported stays."""
    with transaction.atomic():
        edits.change(schedule, actor=actor, origin=origin, is_on=False, next_due_at=None)
        return edits.archive(schedule, actor=actor, origin=origin)


def restore_schedule(schedule: ExportSchedule, *, actor: Any, origin: str) -> ExportSchedule:
    """A schedule that was put away, still switched off."""
    return edits.restore(schedule, actor=actor, origin=origin)


def _as_chosen(order: ExportOrder) -> dict[str, Any]:
    """The columns of an order as they were chosen, not as the format makes them: that may be changed later."""
    return order.values() | {"columns": list(order.columns), "exclude_no_phone": order.exclusions.no_phone}


def order_of(schedule: ExportSchedule) -> ExportOrder:
    """What each run asks for."""
    return ExportOrder(
        layout=LAYOUTS[schedule.layout],
        columns=tuple(schedule.columns),
        exclusions=Exclusions(
            complaint=schedule.exclude_complaint, no_phone=schedule.exclude_no_phone,
            exported_days=schedule.exported_days, only_new=schedule.only_new, hold_out=schedule.hold_out,
        ),
    )  # fmt: skip


def _refuse_archived(schedule: ExportSchedule) -> None:
    if schedule.is_archived:
        raise ValidationError(_("This schedule is archived: restore it first."), code="archived")


def _check(schedule: ExportSchedule) -> None:
    refusal = refusal_of(schedule)
    if refusal is not None:
        raise ValidationError(refusal.label, code=refusal.value)


def _wait_for_next(schedule: ExportSchedule) -> ExportSchedule:
    """Due next from now on, where it is on; what it was paused for is over."""
    schedule.next_due_at = schedule.due_after(timezone.now()) if schedule.is_on and not schedule.is_archived else None
    if schedule.is_on:
        schedule.paused_because, schedule.paused_at = "", None
    schedule.save()
    return schedule


def _name(schedule: ExportSchedule, recipients: Iterable[User], *, actor: Any) -> None:
    """Say who gets the link. Raises ValidationError for who may not."""
    named, allowed = {user.pk for user in recipients}, {user.pk for user in nameable(schedule.owner)}
    before = set(schedule.recipients.values_list("pk", flat=True))
    if named - before - allowed:
        sentence = _("Only who may log in, may export and sees all of these contacts can be sent the link.")
        raise ValidationError({"recipients": ValidationError(sentence, code="not_allowed")})
    if named != before:
        schedule.recipients.set(named)
        audit.record(actor=actor, action="exportschedule.recipients", obj=schedule, users=sorted(named))


# -- Who may be sent the link ---------------------------------------------------------------------------------------


def nameable(owner: Any) -> list[User]:
    """Who may be sent what `owner` exports: the link needs no login, so only who could have made the file themselves.

    They may log in, hold the right to export, and see every contact that the owner sees.
    """
    allowed = User.objects.with_perm("contacts.export_contact", backend=BACKEND)
    allowed = allowed.filter(pk__in=User.objects.with_perm("contacts.view_contact", backend=BACKEND).values("pk"))
    rows = mark_sight(allowed.filter(is_staff=True)).select_related("agent").order_by("first_name", "username")
    return [user for user in rows if user.sees_every_team or _sees_all_of(user, owner)]


def may_be_sent(user: Any, owner: Any) -> bool:
    """Whether somebody is one of the `nameable`, now."""
    can_take = user.is_active and user.is_staff and user.has_perms(RIGHTS) and not has_left(user)
    return can_take and _sees_all_of(user, owner)


def _sees_all_of(user: Any, owner: Any) -> bool:
    if owner is None or has_left(user):
        return False
    theirs, needed = viewer_of(user), viewer_of(owner)
    if theirs.everything or user.pk == owner.pk:
        return True
    return not needed.everything and needed.teams <= theirs.teams and needed.agent in (NOBODY, theirs.agent)


# -- What stands in the way -----------------------------------------------------------------------------------------


def refusal_of(schedule: ExportSchedule) -> RunRefusal | None:
    """Why no file may be made now; None when nothing stands in the way."""
    owner = User.objects.select_related("agent").filter(pk=schedule.owner_id or NOBODY).first()
    if owner is None or not owner.is_active or not owner.is_staff or has_left(owner):
        return RunRefusal.OWNER_GONE
    if not owner.has_perms(RIGHTS):
        return RunRefusal.EXPORT_RIGHT
    return _segment_refusal(schedule.segment, viewer_of(owner))


def _segment_refusal(segment: Segment, viewer: Viewer) -> RunRefusal | None:
    if segment.is_archived:
        return RunRefusal.SEGMENT_ARCHIVED
    if not Segment.objects.visible_to(viewer).filter(pk=segment.pk).exists():
        return RunRefusal.SEGMENT_HIDDEN
    try:
        parse_definition(segment.definition)
    except InvalidDefinition:
        return RunRefusal.SEGMENT_UNREADABLE
    return None


def schedules_using(*segments: Segment) -> QuerySet[Any]:
    """The schedules that export these segments, those that are on first; who sees a segment may know of them."""
    rows = ExportSchedule.objects.filter(segment__in=segments)
    return rows.select_related("owner", "segment").order_by("-is_on", "id")


# -- Running them -----------------------------------------------------------------------------------------------------


def run_due(kind: JobKind, *, now: datetime) -> int:
    """Begin every export that is due; how many runs. One that cannot begin keeps no other waiting."""
    begun = 0
    for pk in ExportSchedule.all_objects.due(now).order_by("next_due_at", "pk").values_list("pk", flat=True):
        try:
            begun += _run_if_due(kind, pk, now=now)
        except Exception:
            logger.exception("schedule %s could not begin and is tried again", pk)
    return begun


@transaction.atomic
def _run_if_due(kind: JobKind, pk: int, *, now: datetime) -> bool:
    rows = ExportSchedule.all_objects.due(now).select_for_update(skip_locked=True, of=("self",), no_key=True)
    schedule = rows.select_related("segment").filter(pk=pk).first()
    if schedule is None:  # somebody else has it, or had it
        return False
    due, waited_for = schedule.latest_due(now), schedule.next_due_at
    schedule.next_due_at = schedule.due_after(now)
    schedule.save(update_fields=["next_due_at"])
    if waited_for is not None and due < waited_for:
        return False  # the clock of the business was set to another zone since
    run, made = ScheduledRun.objects.get_or_create(
        schedule=schedule, due_at=due, defaults={"missed": _missed(schedule, due, since=waited_for)}
    )
    if made:
        _begin(kind, schedule, run)
    return bool(made)


def _missed(schedule: ExportSchedule, due: datetime, *, since: datetime | None) -> int:
    """How many due times there were before this one, from the one that was waited for on."""
    missed, moment = 0, since
    while moment is not None and moment < due and missed < MOST_MISSED:
        missed, moment = missed + 1, schedule.due_after(moment)
    return missed


def _begin(kind: JobKind, schedule: ExportSchedule, run: ScheduledRun) -> None:
    """Begin the export of a run, or pause the schedule and say why."""
    refusal = refusal_of(schedule)
    if refusal is not None:
        run.refused = refusal
        pause(schedule, refusal)
        people = _who_is_told_of_a_pause(schedule)
        notices.tell(PAUSED, run.pk, NoticeAudience(seen_by=people, mailed=people))
    else:
        run.export = _export(kind, schedule)
    run.save()


def _export(kind: JobKind, schedule: ExportSchedule) -> Any:
    owner = User.objects.select_related("agent").get(pk=schedule.owner_id or NOBODY)
    with translation.override(viewer_of(owner).language):
        return people_export.export_segment(kind, schedule.segment, order_of(schedule), owner=owner)


def run_now(kind: JobKind, schedule: ExportSchedule, *, actor: Any) -> ScheduledRun:
    """A run by hand, with the owner's rights as every other; the next due time stays. Raises ValidationError."""
    with transaction.atomic():
        held = edits.locked(schedule)
        _refuse_archived(held)
        _check(held)
        if held.runs.filter(export__job__state__in=UNFINISHED).exists():
            raise ValidationError(_("A run is at work already."), code="at_work")
        run = ScheduledRun.objects.create(schedule=held, due_at=timezone.now(), by_hand=True)
        audit.record(actor=actor, action="exportschedule.run", obj=held)
        _begin(kind, held, run)
    return run


def pause(schedule: ExportSchedule, refusal: RunRefusal) -> None:
    """Switch a schedule off until a person has put right what stands in the way."""
    schedule.is_on, schedule.next_due_at = False, None
    schedule.paused_because, schedule.paused_at = refusal.value, timezone.now()
    schedule.save()
    audit.record(actor=None, action="exportschedule.paused", obj=schedule, reason=refusal.value)


def note_failure(job: Job) -> None:
    """The export of a run failed for good: what a person must put right pauses its schedule."""
    run = run_of(job)
    if run is not None and job.error == RunRefusal.EXPORT_RIGHT:
        pause(run.schedule, refusal_of(run.schedule) or RunRefusal.EXPORT_RIGHT)


def run_of(job: Job) -> ScheduledRun | None:
    """The run that a job exports for; None for what somebody asked for by hand."""
    return ScheduledRun.objects.select_related("schedule__owner", "schedule__segment").filter(export__job=job).first()


# -- Telling of it ----------------------------------------------------------------------------------------------------


def audience_of(job: Job) -> NoticeAudience:
    """Whom to tell that an export is done or has failed: whoever asked for it, and who is named in the schedule."""
    run = run_of(job)
    owner = {job.owner_id} if job.owner_id is not None else set()
    if run is None:
        return NoticeAudience(seen_by=owner, mailed=owner, mail_after=MAIL_AFTER)
    if job.state == Job.State.DONE:
        return NoticeAudience(seen_by=owner, mailed=run.schedule.recipients.values_list("pk", flat=True))
    people = owner if run.schedule.is_on else _who_is_told_of_a_pause(run.schedule)
    return NoticeAudience(seen_by=people, mailed=people)


def may_know(job: Job, user: Any) -> bool:
    """Whether somebody may still know of an export that ended, and have its link."""
    if job.state != Job.State.DONE:
        return job.owner_id == user.pk or user.has_perm(ADMINISTERS)
    if job.owner_id == user.pk:
        return may_still(user, RIGHTS)
    run = run_of(job)
    named = run is not None and run.schedule.recipients.filter(pk=user.pk).exists()
    return bool(named and run and may_be_sent(user, run.schedule.owner))


def _who_is_told_of_a_pause(schedule: ExportSchedule) -> set[int]:
    """Its owner, and who looks after people: the owner may be the one who has left."""
    admins = User.objects.with_perm(ADMINISTERS, backend=BACKEND).values_list("pk", flat=True)
    return {*admins} if schedule.owner_id is None else {*admins, schedule.owner_id}


def _words_of_pause(run_id: int, user: Any) -> NoticeText | None:
    run = ScheduledRun.objects.visible_to(viewer_of(user)).select_related("schedule__segment").filter(pk=run_id).first()
    if run is None:
        return None
    title = _("The scheduled export of “%(segment)s” has paused") % {"segment": run.schedule}
    nothing = _("No file was made.")
    return NoticeText(title=title, text=f"{run.why_it_failed} {nothing}", page=page_of(run.schedule), is_good=False)


PAUSED = notices.register(NoticeTopic("schedule", _words_of_pause))


def page_of(schedule: ExportSchedule) -> str:
    """Where one looks at a schedule."""
    return reverse("admin:schedules-page", args=[schedule.pk])


def latest_runs(schedule: ExportSchedule, *, most: int) -> list[ScheduledRun]:
    """The latest runs with their exports, the latest first."""
    return list(schedule.runs.select_related("export__job").order_by("-id")[:most])


def last_runs(schedules: Iterable[ExportSchedule]) -> dict[int, ScheduledRun]:
    """The last run of each of these schedules, in one query."""
    rows = ScheduledRun.objects.filter(schedule__in=[schedule.pk for schedule in schedules])
    latest = rows.order_by("schedule_id", "-due_at", "-id").distinct("schedule_id").select_related("export__job")
    return {run.schedule_id: run for run in latest}
