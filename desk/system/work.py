"""The Work page: long work one has asked for, how far it is and what came of it; owners see everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from contacts.selectors.viewing import may_still
from desk.system.page import pulses
from labelcrm.core import jobs, notices
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labelcrm.lib.numbers import row_id

SIZE = 50
LOOKS = {Job.State.DONE: "good", Job.State.FAILED: "bad", Job.State.CANCELLED: "warn"}
EVERYBODY, MINE, SYSTEM = "", "mine", "system"
CHOICES = (
    (EVERYBODY, gettext_lazy("Everybody's")),
    (MINE, gettext_lazy("Mine")),
    (SYSTEM, gettext_lazy("The system's")),
)
# Why a job failed, where that is a code of ours.
FAILURES = {
    "stopped_its_worker": gettext_lazy("It stopped its worker several times. What was done before is kept."),
    "unknown_kind": gettext_lazy("This version does not know such work."),
    "gone": gettext_lazy("What it was about does not exist any more."),
}


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as the page shows it; `percent` is None while nobody knows how much there is to do."""

    job: Job
    title: str | Promise
    outcome: str | Promise
    link: str
    look: str
    percent: int | None
    can_stop: bool
    can_retry: bool
    undo: str  # the address of a form that takes it back

    @property
    def is_file(self) -> bool:
        """Whether the link is that of a file to download, not of a page."""
        return self.link.startswith(reverse("job-file", args=["-"]).removesuffix("-/"))

    @property
    def until(self) -> datetime | None:
        """When it ended, else when it began or was asked for."""
        return self.job.finished_at or self.job.started_at or self.job.created_at

    @property
    def took(self) -> timedelta | None:
        """From its beginning to its end, when that was at least a second."""
        if self.job.finished_at is None or self.job.started_at is None:
            return None
        took = self.job.finished_at - self.job.started_at
        return took if took >= timedelta(seconds=1) else None


def visible_jobs(user: Any) -> QuerySet[Job]:
    """Everybody's for who may view jobs; one's own for all others."""
    rows = Job.objects.select_related("owner").order_by("-id")
    return rows if user.has_perm("core.view_job") else rows.filter(owner=user)


def work(request: HttpRequest) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        **_page(request),
        "title": _("Work"),
        "refresh": f"{reverse('work-rows')}?{request.GET.urlencode()}",
    }
    return TemplateResponse(request, "admin/work.html", context)


def work_rows(request: HttpRequest) -> HttpResponse:
    """The list alone: an open page asks for it while something is at work."""
    return TemplateResponse(request, "admin/work_rows.html", _page(request))


def _page(request: HttpRequest) -> dict[str, Any]:
    before, new = row_id(request.GET.get("before", "")), row_id(request.GET.get("new", ""))
    everybody = request.user.has_perm("core.view_job")
    whose = request.GET.get("whose", EVERYBODY) if everybody else MINE
    rows = _chosen(visible_jobs(request.user), whose, request.user)
    found = list((rows.filter(pk__lt=before) if before else rows)[: SIZE + 1])
    lines = list(_lines(found[:SIZE], request.user))
    waiting = [line for line in lines if not line.job.is_finished]
    if getattr(request.user, "unseen_notices", 0):  # whoever reads it here need not be told of it elsewhere
        notices.see(request.user, topic=jobs.ENDED, subjects=[line.job.pk for line in lines if line.job.is_finished])
    return {
        "lines": lines,
        "new": next((line for line in lines if line.job.pk == new), None),
        "older": found[SIZE - 1].pk if len(found) > SIZE else None,
        "newest": before is None,
        "everybody": everybody,
        "whose": whose,
        "choices": CHOICES if everybody else (),
        "quiet_left_out": everybody and whose == EVERYBODY,
        "waiting": bool(waiting),
        "silent": bool(waiting) and _worker_is_silent(),
        "said": _said_aloud(lines, waiting),
        "query": request.GET.urlencode(),
    }


def _chosen(rows: QuerySet[Job], whose: str, user: Any) -> QuerySet[Job]:
    """Whose work was asked for; everybody's is without what the system did at night and nobody needs to know."""
    if whose == MINE:
        return rows.filter(owner=user)
    if whose == SYSTEM:
        return rows.filter(owner=None)
    quiet = Q(pk__in=[])
    for kind in jobs.KINDS.values():
        if kind.quiet is not None:
            quiet |= Q(kind=kind.name) & kind.quiet
    return rows.exclude(quiet & Q(owner=None, state=Job.State.DONE))


def _worker_is_silent() -> bool:
    return not any(pulse.alive for pulse in pulses(now=timezone.now()) if pulse.name == "slow")


# -- What a job says --------------------------------------------------------------------------------------------------


def _lines(rows: list[Job], user: Any) -> Iterator[JobLine]:
    for job in rows:
        kind = jobs.KINDS.get(job.kind)
        ended = kind is not None and job.state in (Job.State.DONE, Job.State.CANCELLED)
        yield JobLine(
            job=job,
            title=kind.title(job) if kind else job.kind,
            outcome=_outcome(kind, job) if kind and job.state in LOOKS else _said(job),
            link=kind.link(job) if kind and ended and may_still(user, kind.link_rights) else "",
            look=LOOKS.get(Job.State(job.state), ""),
            percent=_percent(job),
            can_stop=_may_act(job, user) and not job.is_finished and job.cancel_asked_at is None,
            can_retry=_may_act(job, user) and kind is not None and kind.can_retry and job.state == Job.State.FAILED,
            undo=kind.undo(job) if kind and _may_act(job, user) and user.has_perms(kind.link_rights) else "",
        )


def _percent(job: Job) -> int | None:
    if not job.total:
        return 100 if job.state == Job.State.DONE else None
    return max(0, min(100, job.progress * 100 // job.total))


def _may_act(job: Job, user: Any) -> bool:
    """Who only looks, such as an auditor, stops nobody's work but their own."""
    return bool(job.owner_id == user.pk or user.has_perm("core.change_job"))


def _outcome(kind: JobKind, job: Job) -> str | Promise:
    """What came of a job that ended."""
    if job.state == Job.State.DONE:
        return kind.outcome(job)
    return kind.stopped(job) if job.state == Job.State.CANCELLED else _failure(job)


def _failure(job: Job) -> str | Promise:
    return (
        job.result.get("sentence")
        or FAILURES.get(job.error)
        or _("It stopped with: %(error)s. What was done before is kept.") % {"error": job.error}
    )


def _said(job: Job) -> str | Promise:
    """What a job says that has not ended, or whose kind nobody knows any more."""
    if job.state == Job.State.FAILED:
        return _failure(job)
    if job.is_finished:
        return ""
    if job.cancel_asked_at:
        return _("Being stopped.")
    return _("Tried again soon: %(error)s") % {"error": job.error} if job.error else ""


def _said_aloud(lines: list[JobLine], waiting: list[JobLine]) -> str:
    """A sentence for who hears the page: it changes with every tenth of the work, not with every row."""
    if waiting:
        known = [line.percent for line in waiting if line.percent is not None]
        n, percent = len(waiting), sum(known) // len(known) // 10 * 10 if known else 0
        if known:
            sentence = ngettext("%(n)d at work, %(percent)d%% done", "%(n)d at work, %(percent)d%% done", n)
            return sentence % {"n": n, "percent": percent}
        return ngettext("%(n)d at work", "%(n)d at work", n) % {"n": n}
    ended = [line for line in lines if line.job.finished_at]
    last = max(ended, key=lambda line: line.job.finished_at or line.job.created_at, default=None)
    return f"{last.title}: {last.job.get_state_display()}" if last else ""


# -- Stopping, and going on -------------------------------------------------------------------------------------------


@require_POST
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Stop or go on with a job: one's own, or anybody's for who may change jobs."""
    job = visible_jobs(request.user).filter(pk=pk).first()
    if job is None:
        raise Http404
    if not _may_act(job, request.user):
        raise PermissionDenied
    if action == "cancel":
        worked, said = jobs.cancel(job, actor=request.user), _("It is being stopped.")
    else:
        worked, said = jobs.retry(job, actor=request.user), _("It goes on from where it stopped.")
    if worked:
        messages.success(request, said)
    else:
        messages.warning(request, _("It has ended in the meantime."))
    return HttpResponseRedirect(f"{reverse('work')}?{request.GET.urlencode()}")


urlpatterns = [
    path("jobs/", admin.site.admin_view(work), name="work"),
    path("jobs/rows/", admin.site.admin_view(work_rows), name="work-rows"),
    path("jobs/<int:pk>/cancel/", admin.site.admin_view(act), {"action": "cancel"}, name="work-cancel"),
    path("jobs/<int:pk>/retry/", admin.site.admin_view(act), {"action": "retry"}, name="work-retry"),
]
