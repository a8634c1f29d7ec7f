"""Making a file of conversions, and its page: how far it is, and the link."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.selectors.viewing import viewer_of
from desk.conversions.conversion_words import HELP
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job
from transfer.conversions import conversion_jobs
from transfer.conversions.conversion_files import RIGHTS
from transfer.conversions.models import FILE_TARGETS, ConversionFile, Target
from transfer.job_files import MADE, Download


@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Begin a file for `target`; `again` takes in what was in earlier ones."""
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    target = request.POST.get("target", "")
    if target not in {each.value for each in FILE_TARGETS}:
        raise Http404
    file = conversion_jobs.make_file(Target(target), owner=request.user, again="again" in request.POST)
    return HttpResponseRedirect(reverse("admin:conversions-file", args=[file.pk]))


def _file(request: HttpRequest, pk: int) -> ConversionFile:
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
    seen = ConversionFile.objects.visible_to(viewer_of(request.user)).select_related("job", "owner")
    found: ConversionFile | None = seen.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_safe
def file_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One file: its progress, and once it is done its link."""
    file = _file(request, pk)
    title = _("Conversions for %(target)s") % {"target": file.get_target_display()}
    context = {**admin.site.each_context(request), **_context(request, file), "title": title}
    return TemplateResponse(request, "conversions/file.html", context)


@require_safe
def file_state(request: HttpRequest, pk: int) -> HttpResponse:
    """What changes while an open page waits."""
    return TemplateResponse(request, "conversions/file_state.html", _context(request, _file(request, pk)))


def _context(request: HttpRequest, file: ConversionFile) -> dict[str, Any]:
    link, job = conversion_jobs.file_link(file), file.job
    failed = job is not None and file.state == Job.State.FAILED
    return {
        "file": file,
        "job": job,
        "waiting": job is not None and not job.is_finished,
        "percent": job.progress * 100 // job.total if job is not None and job.total else None,
        "failure": (job.result.get("sentence") or job.error) if job is not None and failed else "",
        "link": link,
        "download": Download(job, MADE) if link and job is not None else None,
        "help": HELP[file.target],
        "mine": _may_cancel(request, job),
    }


def _may_cancel(request: HttpRequest, job: Job | None) -> bool:
    return job is not None and (job.owner_id == request.user.pk or request.user.has_perm("core.change_job"))


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a file that is not done: its conversions are free again."""
    file = _file(request, pk)
    if file.job is None or not _may_cancel(request, file.job):
        raise PermissionDenied
    if core_jobs.cancel(file.job, actor=request.user):
        messages.success(request, _("It is being stopped."))
    else:
        messages.warning(request, _("It has ended in the meantime."))
    return HttpResponseRedirect(reverse("admin:conversions-file", args=[file.pk]))
