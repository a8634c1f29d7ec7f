"""The Work page: long work one has asked for, how far it is and what came of it; owners see everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labelcrm.lib.numbers import row_id

SIZE = 50
LOOKS = {Job.State.DONE: "good", Job.State.FAILED: "bad", Job.State.CANCELLED: "warn"}


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as the page shows it; `percent` is None while nobody knows how much there is to do."""

    job: Job
    title: str | Promise
    outcome: str | Promise
    link: str
    look: str
    percent: int | None

    @property
    def until(self) -> datetime | None:
        """When it ended, else when it began or was asked for."""
        return self.job.finished_at or self.job.started_at or self.job.created_at


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
    before = row_id(request.GET.get("before", ""))
    rows = visible_jobs(request.user)
    found = list((rows.filter(pk__lt=before) if before else rows)[: SIZE + 1])
    lines = list(_lines(found[:SIZE], request.user))
    return {
        "lines": lines,
        "older": found[SIZE - 1].pk if len(found) > SIZE else None,
        "newest": before is None,
        "everybody": request.user.has_perm("core.view_job"),
        "waiting": any(not line.job.is_finished for line in lines),
    }


def _lines(rows: list[Job], user: Any) -> Iterator[JobLine]:
    for job in rows:
        kind = jobs.KINDS.get(job.kind)
        ended = kind is not None and job.state in (Job.State.DONE, Job.State.CANCELLED)
        yield JobLine(
            job=job,
            title=kind.title(job) if kind else job.kind,
            outcome=_outcome(kind, job) if kind and ended else _said(job),
            link=kind.link(job) if kind and ended and _may_follow(kind, job, user) else "",
            look=LOOKS.get(Job.State(job.state), ""),
            percent=_percent(job),
        )


def _percent(job: Job) -> int | None:
    if not job.total:
        return 100 if job.state == Job.State.DONE else None
    return min(100, job.progress * 100 // job.total)


def _may_follow(kind: JobKind, job: Job, user: Any) -> bool:
    """Whoever sees everybody's work does not get with it what only others may take out of the house."""
    return bool(job.owner_id == user.pk or user.has_perms(kind.link_rights))


def _outcome(kind: JobKind, job: Job) -> str | Promise:
    return kind.outcome(job) if job.state == Job.State.DONE else kind.stopped(job)


def _said(job: Job) -> str:
    """What a job says of itself that failed, or has not ended."""
    if job.state == Job.State.FAILED:
        return job.result.get("sentence") or _("It stopped with: %(error)s") % {"error": job.error}
    if job.cancel_asked_at and not job.is_finished:
        return _("Being stopped.")
    return _("Tried again soon: %(error)s") % {"error": job.error} if job.error and not job.is_finished else ""


@require_POST
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Stop or go on with a job that one may see."""
    job = visible_jobs(request.user).filter(pk=pk).first()
    if job is None:
        raise Http404
    if action == "cancel":
        worked, said = jobs.cancel(job, actor=request.user), _("It is being stopped.")
    else:
        worked, said = jobs.retry(job, actor=request.user), _("It goes on from where it stopped.")
    if worked:
        messages.success(request, said)
    else:
        messages.warning(request, _("It has ended in the meantime."))
    return HttpResponseRedirect(reverse("work"))


urlpatterns = [
    path("work/", admin.site.admin_view(work), name="work"),
    path("work/rows/", admin.site.admin_view(work_rows), name="work-rows"),
    path("work/<int:pk>/cancel/", admin.site.admin_view(act), {"action": "cancel"}, name="work-cancel"),
    path("work/<int:pk>/retry/", admin.site.admin_view(act), {"action": "retry"}, name="work-retry"),
]
