"""Pages of scheduled exports: the list, one schedule with its runs, and the form that "Repeat this export" opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN
from desk.exports import choice as choices
from desk.exports.choice import COLUMN_TITLES, ExportChoice
from desk.templatetags.labelcrm import person
from labelcrm.core import notices
from labelcrm.core.jobs import ENDED
from labelcrm.core.models import Job, Notice
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id, whole_number
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, parse_definition
from reports.segments.in_words import names_of, segment_in_words
from transfer import jobs, schedules
from transfer.funnel import MOST_DAYS, MOST_HELD_OUT
from transfer.layouts import LAYOUTS
from transfer.models import ExportSchedule, ScheduledRun
from transfer.people_export import RIGHTS
from transfer.schedule_words import rhythm_in_words, schedule_in_words

LISTED = 50
RUNS = 50
HOURS, DAYS = range(24), range(1, 32)


def _schedules(request: HttpRequest) -> Any:
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    return ExportSchedule.all_objects.visible_to(viewer_of(request.user)).select_related("segment", "owner")


def _schedule(request: HttpRequest, pk: int) -> ExportSchedule:
    found: ExportSchedule | None = _schedules(request).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


# -- All of them ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One schedule of the list, with its last run."""

    schedule: Any
    in_words: str
    last: ScheduledRun | None


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """Scheduled exports, newest first; `?state=archived` those that were put away, `?before=` the older ones."""
    archived = request.GET.get("state") == "archived"
    seen = _schedules(request)
    rows = (seen.archived() if archived else seen.living()).annotate(named=Count("recipients")).order_by("-id")
    before = row_id(request.GET.get("before", ""))
    found = list((rows.filter(pk__lt=before) if before else rows)[: LISTED + 1])
    context = {
        **admin.site.each_context(request),
        "title": _("Archived scheduled exports") if archived else _("Scheduled exports"),
        "lines": _lines(found[:LISTED]),
        "older": found[LISTED - 1].pk if len(found) > LISTED else None,
        "archived": archived,
        "has_archived": not archived and seen.archived().exists(),
    }
    return TemplateResponse(request, "exports/schedules.html", context)


def _lines(rows: list[Any]) -> list[ScheduleLine]:
    last = schedules.last_runs(rows)
    return [ScheduleLine(row, schedule_in_words(row), last.get(row.pk)) for row in rows]


# -- One --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run: its file, and what became of the e-mails."""

    run: ScheduledRun
    link: str
    mails: str


@require_safe
def schedule_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One schedule: when it is due, what it exports, who gets the link, and its runs."""
    schedule = _schedule(request, pk)
    runs = schedules.latest_runs(schedule, most=RUNS)
    user: Any = request.user
    if getattr(user, "unseen_notices", 0):
        notices.see(user, topic=schedules.PAUSED, subjects=[run.pk for run in runs])
        notices.see(user, topic=ENDED, subjects=_jobs_of(runs))
    refusal = schedules.refusal_of(schedule)
    context = {
        **admin.site.each_context(request),
        "title": _("Scheduled export of %(whom)s") % {"whom": schedule},
        "schedule": schedule,
        "in_words": schedule_in_words(schedule),
        "sentence": _segment_in_words(schedule.segment, request),
        "refusal": refusal.label if refusal else "",
        "layout": LAYOUTS.get(schedule.layout),
        "columns": [COLUMN_TITLES.get(name, name) for name in schedule.columns],
        "recipients": _recipients(schedule),
        "runs": _run_lines(runs),
        "at_work": any(run.state in (Job.State.QUEUED, Job.State.RUNNING) for run in runs),
        "mail_is_set_up": notices.mail_is_set_up(),
    }
    return TemplateResponse(request, "exports/schedule.html", context)


def _segment_in_words(segment: Segment, request: HttpRequest) -> str:
    try:
        definition = parse_definition(segment.definition)
    except InvalidDefinition:
        return ""
    return segment_in_words(definition, names_of([definition], viewer=viewer_of(request.user)))


def _recipients(schedule: ExportSchedule) -> list[tuple[Any, bool]]:
    """Who is named, and whether they may still be sent the link."""
    allowed = {user.pk for user in schedules.nameable(schedule.owner)}
    return [(user, user.pk in allowed) for user in schedule.recipients.order_by("first_name", "username")]


def _jobs_of(runs: list[ScheduledRun]) -> list[int]:
    return [run.export.job_id for run in runs if run.export is not None and run.export.job_id is not None]


def _run_lines(runs: list[ScheduledRun]) -> list[RunLine]:
    of_jobs = Notice.objects.filter(topic=ENDED.name, subject__in=_jobs_of(runs))
    counted = of_jobs.exclude(mail=Notice.Mail.NONE).values_list("subject", "mail").annotate(n=Count("pk")).order_by()
    mails: dict[int, list[str]] = {}
    for job, state, n in counted:
        mails.setdefault(job, []).append(f"{n} {Notice.Mail(state).label}")
    return [
        RunLine(
            run,
            jobs.export_link(run.export) if run.export else "",
            ", ".join(mails.get(run.export.job_id or 0, ())) if run.export else "",
        )
        for run in runs
    ]


# -- The form ---------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class ScheduleForm:
    """A filled form. What no number of a choice can be counts as the first one."""

    segment: Segment
    choice: ExportChoice
    owner: Any
    every: str = ExportSchedule.Every.WEEKLY
    weekday: int = 0
    day: int = 1
    hour: int = 8
    named: set[int] = field(default_factory=set)
    schedule: ExportSchedule | None = None
    errors: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """What the services take."""
        nameable = self.nameable
        return {
            "order": self.choice.order, "every": self.every, "weekday": self.weekday, "day": self.day,
            "hour": self.hour, "recipients": [user for user in nameable if user.pk in self.named],
        }  # fmt: skip

    @property
    def nameable(self) -> list[Any]:
        return schedules.nameable(self.owner)

    @property
    def hours(self) -> list[str]:
        return [time_format(time(hour)) for hour in HOURS]


@require_http_methods(["GET", "HEAD", "POST"])
def new_page(request: HttpRequest) -> HttpResponse:
    """A new schedule of the segment that `?segment=` names, with what was chosen for its export."""
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else request.GET
    segments = Segment.objects.visible_to(viewer_of(request.user))
    segment = segments.filter(pk=row_id(data.get("segment", "")) or 0).first()
    if segment is None:
        raise Http404
    choice = choices.choice_of(data, user=request.user, columns_at_first=())
    form = ScheduleForm(segment=segment, choice=choice, owner=request.user, named={request.user.pk or 0})
    if request.method == "POST":
        _read(form, request.POST)
        made = _saved(form, lambda: schedules.create_schedule(
            actor=request.user, origin=ORIGIN, segment=segment, **form.values
        ))  # fmt: skip
        if made:
            messages.success(request, _("It is exported %(when)s.") % {"when": schedule_in_words(made)})
            return HttpResponseRedirect(schedules.page_of(made))
    return _form(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Another time, other columns, other people for a schedule."""
    schedule = _schedule(request, pk)
    if schedule.is_archived:
        raise Http404
    form = _saved_form(schedule)
    if request.method == "POST":
        form.choice = choices.choice_of(request.POST, user=request.user, columns_at_first=())
        _read(form, request.POST)
        changed = _saved(form, lambda: schedules.update_schedule(
            schedule, actor=request.user, origin=ORIGIN, **form.values
        ))  # fmt: skip
        if changed:
            messages.success(request, _("It is exported %(when)s.") % {"when": schedule_in_words(changed)})
            return HttpResponseRedirect(schedules.page_of(changed))
    return _form(request, form)


def _saved_form(schedule: ExportSchedule) -> ScheduleForm:
    order = schedules.order_of(schedule)
    return ScheduleForm(
        segment=schedule.segment,
        choice=ExportChoice(layout=order.layout, columns=tuple(order.columns), exclusions=order.exclusions),
        owner=schedule.owner, every=schedule.every, weekday=schedule.weekday, day=schedule.day, hour=schedule.hour,
        named=set(schedule.recipients.values_list("pk", flat=True)), schedule=schedule,
    )  # fmt: skip


def _read(form: ScheduleForm, data: QueryDict) -> None:
    every = data.get("every", "")
    if every in ExportSchedule.Every.values:
        form.every = every
    form.weekday = _among(data, "weekday", range(7))
    form.day = _among(data, "day", DAYS)
    form.hour = _among(data, "hour", HOURS)
    form.named = {pk for pk in map(row_id, data.getlist("recipients")) if pk}


def _among(data: QueryDict, name: str, allowed: range) -> int:
    found = whole_number(data.get(name, ""), largest=allowed[-1])
    return found if found is not None and found in allowed else allowed[0]


def _saved(form: ScheduleForm, save: Callable[[], ExportSchedule]) -> ExportSchedule | None:
    try:
        return save()
    except ValidationError as error:
        form.errors = [str(message) for message in error.messages]
        return None


def _form(request: HttpRequest, form: ScheduleForm) -> HttpResponse:
    title = _("Change the scheduled export of %(whom)s") if form.schedule else _("Repeat the export of %(whom)s")
    context = {
        **admin.site.each_context(request),
        "title": title % {"whom": form.segment.name},
        "form": form,
        "choice": form.choice,
        "sentence": _segment_in_words(form.segment, request),
        "rhythms": ExportSchedule.Every.choices,
        "weekdays": list(WEEKDAYS.items()),
        "days": DAYS,
        "most_days": MOST_DAYS,
        "most_held_out": MOST_HELD_OUT,
        "of_schedule": True,
        "mail_is_set_up": notices.mail_is_set_up(),
    }
    return TemplateResponse(request, "exports/schedule_form.html", context)


# -- What is done with one --------------------------------------------------------------------------------------------


@require_POST
def run_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Run now."""
    schedule = _schedule(request, pk)
    return _do(
        request, schedule, lambda: jobs.run_schedule_now(schedule, actor=request.user),
        _("The export has begun; the run is in the list below."),
    )  # fmt: skip


@require_POST
def switch_view(request: HttpRequest, pk: int, *, on: bool) -> HttpResponse:
    """On or off."""
    schedule = _schedule(request, pk)
    said = _("It is switched on.") if on else _("It is switched off.")
    return _do(
        request, schedule,
        lambda: schedules.update_schedule(schedule, actor=request.user, origin=ORIGIN, is_on=on), said,
    )  # fmt: skip


@require_POST
def archive_view(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = _schedule(request, pk)
    said = _("It is archived and switched off; it can be restored.")
    return _do(request, schedule, lambda: schedules.archive_schedule(schedule, actor=request.user, origin=ORIGIN), said)


@require_POST
def restore_view(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = _schedule(request, pk)
    said = _("It is back, and still switched off.")
    return _do(request, schedule, lambda: schedules.restore_schedule(schedule, actor=request.user, origin=ORIGIN), said)


def _do(request: HttpRequest, schedule: ExportSchedule, act: Callable[[], Any], said: str) -> HttpResponse:
    try:
        act()
        messages.success(request, said)
    except ValidationError as error:
        messages.error(request, " ".join(str(message) for message in error.messages))
    return HttpResponseRedirect(reverse("admin:schedules-page", args=[schedule.pk]))


# -- On the pages of segments -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UseOfSegment:
    """A schedule that exports a segment; `url` is "" for who does not see the schedule itself."""

    schedule: Any
    in_words: str
    url: str

    @property
    def state(self) -> str:
        """Why it does not run, and whose it is."""
        owner = person(self.schedule.owner) or "–"
        if self.schedule.is_on:
            return owner
        return f"{owner}, {_('paused') if self.schedule.paused_because else _('switched off')}"


def uses_of_segments(segments: Iterable[Any], viewer: Viewer) -> dict[int, list[UseOfSegment]]:
    """The schedules of these segments, by segment, in two queries however many there are."""
    rows = list(schedules.schedules_using(*segments))
    seen = set(
        ExportSchedule.objects.visible_to(viewer).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    )
    found: dict[int, list[UseOfSegment]] = {}
    for row in rows:
        url = schedules.page_of(row) if row.pk in seen and viewer.may(*RIGHTS) else ""
        words = schedule_in_words(row) if row.is_on else rhythm_in_words(row)
        found.setdefault(row.segment_id, []).append(UseOfSegment(row, words, url))
    return found
