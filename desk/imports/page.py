"""Import: choose a file, look at what it would do, correct which column is what, and only then write it.

The upload waits in the database as the file of a job that looked at it (`transfer.import_job`), so every web process
and every worker finds it. Small files are looked at while the page loads; for others it says how far that is.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.selectors.viewing import viewer_of
from desk.imports.reading import KINDS, TITLES, ImportView, view_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job
from labelcrm.lib.spreadsheets import MAX_BYTES, UploadRefused
from transfer import exports, import_job, jobs
from transfer.imports import refusal
from transfer.imports.headings import CONTACTS
from transfer.imports.templates import COLUMNS, template
from transfer.job_files import CONTENT_TYPES
from transfer.jobs import IMPORTS, KIND_OF_IMPORT

AT_ONCE_BYTES = 256 * 1024  # of a file that is looked at while the page loads
AT_ONCE = 1.5  # seconds that a page may wait for that
MOST_COLUMNS = 100


class UploadForm(forms.Form):
    """A file of at most 20 MB."""

    file = forms.FileField(allow_empty_file=True)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(refusal(UploadRefused("too_large")), code="too_large")
        return file


def kinds_of(request: HttpRequest) -> list[str]:
    """What the reader may import."""
    return [kind for kind, (_job, source) in IMPORTS.items() if request.user.has_perms(source.rights)]


# -- A file is chosen -------------------------------------------------------------------------------------------------


def page(request: HttpRequest) -> HttpResponse:
    """Choose a file; `?kind=` says what is in it."""
    allowed = kinds_of(request)
    if not allowed:
        raise PermissionDenied
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else allowed[0]
    if kind not in allowed:
        raise PermissionDenied
    form = UploadForm(request.POST or None, request.FILES or None) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            return _look_at(request, kind, form.cleaned_data["file"])
        except UploadRefused as refused:
            form.add_error("file", refusal(refused))
    context = {
        **admin.site.each_context(request),
        "title": TITLES[kind],
        "kind": kind,
        "kinds": [(each, KINDS[each]) for each in allowed],
        "columns": [column for column in COLUMNS[kind] if column.heads[0]],
        "form": form,
        "recent": _recent(request),
    }
    return TemplateResponse(request, "imports/choose.html", context)


def _recent(request: HttpRequest) -> list[tuple[Job, str, str]]:
    """One's own latest imports and previews: the row, what it is and where its page is."""
    mine = Job.objects.filter(kind__in=KIND_OF_IMPORT, owner=request.user.pk).order_by("-pk")[:5]
    return [(job, str(core_jobs.KINDS[job.kind].title(job)), reverse("import-page", args=[job.pk])) for job in mine]


def _look_at(request: HttpRequest, kind: str, file: Any) -> HttpResponse:
    """Queue a look at the file, and take it at once where that is quick. Raises UploadRefused."""
    job_kind, source = IMPORTS[kind]
    raw = file.read()
    import_job.check_upload(raw, source)
    job = import_job.start(job_kind, raw, owner=request.user, dry_run=True, name=file.name or "")
    return _go_to(job, small=len(raw) <= AT_ONCE_BYTES and import_job.is_opened_at_once(raw))


def _go_to(job: Job, *, small: bool) -> HttpResponse:
    if small:
        core_jobs.run(job.pk, seconds=AT_ONCE)
    return HttpResponseRedirect(reverse("import-page", args=[job.pk]))


@require_safe
def download_template(request: HttpRequest, kind: str, suffix: str) -> HttpResponse:
    """An empty file with our columns, in the reader's language."""
    if kind not in kinds_of(request):
        raise PermissionDenied
    heads, rows = template(kind, viewer=viewer_of(request.user))
    answer = HttpResponse(content_type=CONTENT_TYPES[suffix])
    answer["Content-Disposition"] = f'attachment; filename="{kind}.{suffix}"'
    if suffix == exports.XLSX:
        exports.write_xlsx(answer, heads, rows, created=timezone.now())  # type: ignore[arg-type]
    else:
        answer.write(exports.csv_head(exports.CSV, heads) + exports.csv_rows(list(rows)))
    return answer


# -- One import -------------------------------------------------------------------------------------------------------


def _found(request: HttpRequest, pk: int) -> Job:
    """An import of the reader's own, or anybody's for who sees all work and may import the same. Raises Http404."""
    job = Job.objects.select_related("owner").filter(pk=pk, kind__in=KIND_OF_IMPORT).first()
    if job is None:
        raise Http404
    if job.owner_id != request.user.pk and not request.user.has_perms(["core.view_job", *jobs.source_of(job).rights]):
        raise Http404
    return job


def _editable(request: HttpRequest, pk: int) -> Job:
    """An import that the reader may go on with. Raises Http404, PermissionDenied."""
    job = _found(request, pk)
    theirs = job.owner_id == request.user.pk or request.user.has_perm("core.change_job")
    if not theirs or not request.user.has_perms(jobs.source_of(job).rights):
        raise PermissionDenied
    return job


@require_safe
def import_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What a file would do, or what came of it."""
    view = view_of(_found(request, pk))
    context = {**admin.site.each_context(request), "title": _title(view), **_context(request, view)}
    return TemplateResponse(request, "imports/page.html", context)


@require_safe
def import_state(request: HttpRequest, pk: int) -> HttpResponse:
    """The same without the page around it: an open page asks for it while the work goes on."""
    return TemplateResponse(request, "imports/state.html", _context(request, view_of(_found(request, pk))))


def _title(view: ImportView) -> str:
    return str(core_jobs.KINDS[view.job.kind].title(view.job))


def _context(request: HttpRequest, view: ImportView) -> dict[str, Any]:
    may = view.job.owner_id == request.user.pk or request.user.has_perm("core.change_job")
    return {
        "view": view,
        "kind": view.kind,
        "may_act": may and request.user.has_perms(jobs.source_of(view.job).rights),
        "choices": COLUMNS[view.kind],
        "again": f"{reverse('imports')}?{urlencode({'kind': view.kind})}",
    }


@require_POST
def change_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the same file again, with other columns."""
    job = _editable(request, pk)
    chosen, twice = _chosen_columns(request, KIND_OF_IMPORT[job.kind])
    if twice:
        messages.error(request, _("“%(column)s” is chosen twice: a column can be only one of the file's.") % twice)
        return HttpResponseRedirect(reverse("import-page", args=[pk]))
    return _again(request, job, columns=chosen, dry_run=True)


def _chosen_columns(request: HttpRequest, kind: str) -> tuple[dict[int, str], dict[str, Any]]:
    """What the boxes say that columns are, by place; and one that was chosen twice."""
    titles = {column.name: column.title for column in COLUMNS[kind]}
    chosen: dict[int, str] = {}
    for place in range(MOST_COLUMNS):
        name = request.POST.get(f"column-{place}", "")
        if name in titles:
            if name in chosen.values():
                return {}, {"column": titles[name]}
            chosen[place] = name
    return chosen, {}


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what was looked at; with `whole` all of it or nothing."""
    job = _editable(request, pk)
    view = view_of(job)
    if not view.is_dry or not job.is_finished:
        raise Http404
    columns = {column.place: column.chosen for column in view.columns if column.chosen}
    return _again(request, job, columns=columns, dry_run=False, whole="whole" in request.POST)


def _again(request: HttpRequest, job: Job, *, columns: dict[int, str], **how: Any) -> HttpResponse:
    kind, _source = IMPORTS[KIND_OF_IMPORT[job.kind]]
    try:
        fresh = import_job.start_with_upload_of(job, kind, owner=request.user, columns=columns, **how)
    except UploadRefused as refused:
        messages.error(request, refusal(refused))
        return HttpResponseRedirect(f"{reverse('imports')}?{urlencode({'kind': KIND_OF_IMPORT[job.kind]})}")
    return _go_to(fresh, small=how["dry_run"] and (job.total or 0) <= jobs.source_of(job).chunk)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what an import wrote."""
    job = _editable(request, pk)
    if jobs.undo_import(job, actor=request.user) is None:
        messages.warning(request, _("This import cannot be taken back any more."))
    else:
        messages.success(request, _("It is being taken back. What somebody changed since stays as it is."))
    return HttpResponseRedirect(reverse("import-page", args=[pk]))


def redirect_here(kind: str = CONTACTS) -> HttpResponse:
    """For addresses of imports from before this page."""
    return HttpResponseRedirect(f"{reverse('imports')}?{urlencode({'kind': kind})}")


def _open(address: str, view: Any, name: str, **given: str) -> URLPattern:
    return path(f"imports/{address}", admin.site.admin_view(view), given, name=name)


urlpatterns = [
    _open("", page, "imports"),
    _open("template/<slug:kind>.csv", download_template, "import-template-csv", suffix="csv"),
    _open("template/<slug:kind>.xlsx", download_template, "import-template-xlsx", suffix="xlsx"),
    _open("<int:pk>/", import_page, "import-page"),
    _open("<int:pk>/state/", import_state, "import-state"),
    _open("<int:pk>/columns/", change_columns, "import-columns"),
    _open("<int:pk>/confirm/", confirm, "import-confirm"),
    _open("<int:pk>/undo/", undo, "import-undo"),
]
