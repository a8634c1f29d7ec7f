"""Import and export in the admin: django-import-export's pages, our files, our permissions, our audit trail.

The pages choose and preview; the files are made and written by jobs (`transfer.jobs`), which the page of work shows.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_POST
from import_export.admin import ImportExportMixin
from import_export.tmp_storages import BaseStorage
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.widgets import UnfoldBooleanSwitchWidget

from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from labelcrm.lib.spreadsheets import MAX_BYTES, UploadRefused
from transfer import export_job, exports, import_job, imports, jobs

UPLOAD_HOURS = 24  # how long an upload waits to be confirmed


class UploadFolder(BaseStorage):
    """Uploads between preview and confirmation: files of our own folder under names that cannot be guessed.

    The name comes back from the browser, so nothing but such a name is ever opened or removed.
    """

    def save(self, data: bytes) -> None:
        folder = self._folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old(folder)
        self.name = uuid4().hex
        path = folder / self.name
        path.touch(mode=0o600)
        path.write_bytes(data)

    def read(self) -> bytes:
        try:
            return self._path().read_bytes()
        except FileNotFoundError:
            raise UploadRefused("gone") from None

    def take(self) -> bytes:
        """What `read` gives, once: whoever confirms a second time finds it gone."""
        taken = self._path().with_suffix(".taken")
        try:
            self._path().rename(taken)
        except FileNotFoundError:
            raise UploadRefused("gone") from None
        raw = taken.read_bytes()
        taken.unlink()
        return raw

    def _path(self) -> Path:
        if not re.fullmatch(r"[0-9a-f]{32}", self.name or ""):
            raise UploadRefused("gone")
        return self._folder() / self.name

    @staticmethod
    def _folder() -> Path:
        return Path(settings.MEDIA_ROOT) / "imports"


def _forget_old(folder: Path) -> None:
    oldest = time.time() - UPLOAD_HOURS * 3600
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


class UploadForm(ImportForm):
    """A file of at most 20 MB, and which format it is in."""

    help_text: Any = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["import_file"].help_text = self.help_text

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(imports.REFUSALS["too_large"], code="too_large")
        return file


class ContactUploadForm(UploadForm):
    help_text = gettext_lazy(
        "Columns: phone (any spelling), name, assigned_to, campaign, opted_out (yes), follow_up_at. Rows with a known "
        "phone change that contact, others make a new one; empty cells change nothing, and nobody is ever opted in "
        "again. Labels are not imported: they come from WhatsApp. A file exported here can be edited and imported; "
        "there the id says who is meant. A number that may be two people is refused, and the preview names both."
    )


class CampaignUploadForm(UploadForm):
    help_text = gettext_lazy(
        "Columns: code, name, source, cost (rupiah), starts_on, ends_on. Rows with a known code change that campaign, "
        "others make a new one; empty cells change nothing."
    )


# What each format of an export is good for.
FORMAT_HELP = {
    exports.XLSX: gettext_lazy("For Excel and Google Sheets: phone numbers stay whole."),
    exports.CSV: gettext_lazy("Plain text with commas, marked so that Excel reads names right."),
    exports.PROGRAM_CSV: gettext_lazy("The same without the mark, for programs that stumble over it."),
}


class ContactExportForm(ExportForm):
    leave_out_opted_out = forms.BooleanField(
        label=gettext_lazy("Leave out who opted out"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Keep this on for broadcasts: writing to people who opted out breaks the law."),
    )


class TransferAdmin(ImportExportMixin):
    """What contacts and campaigns share."""

    import_formats = imports.FORMATS
    export_formats = imports.EXPORT_FORMATS
    import_form_class = UploadForm
    export_form_class = ExportForm
    import_template_name = "reports/import.html"
    export_template_name = "reports/export.html"
    tmp_storage_class = UploadFolder
    export_source: export_job.ExportSource
    export_kind: JobKind
    import_source: import_job.ImportSource
    counted: Any  # so many rows, in words

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perms(self.export_source.rights))

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perms(self.import_source.rights))

    def _address(self, page: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}")

    # -- Export ---

    def export_action(self, request: HttpRequest) -> HttpResponse:
        try:
            return super().export_action(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self._address('changelist')}?e=1")

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self._filtered_list(request).queryset
        return rows

    def _filtered_list(self, request: HttpRequest) -> Any:
        """The list whose filters the address of this page has; read once per request."""
        lists = request.__dict__.setdefault("_labelcrm_exported", {})
        if self.opts.label not in lists:
            lists[self.opts.label] = self.get_changelist_instance(request)
        return lists[self.opts.label]

    def init_request_context_data(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        filtered = self._filtered_list(request)
        counts = self.export_counts(filtered.queryset)
        formats = self._formats(request, form, matching=counts["matching"])
        given = filtered.get_query_string()
        return super().init_request_context_data(request, form) | {
            **counts,
            "counted": self._in_words(counts["matching"]),
            "formats": formats,
            "cl": filtered,
            "list_url": self._address("changelist") + given,
        }

    def export_counts(self, matching: QuerySet[Any]) -> dict[str, Any]:
        """What the page says before anything is written."""
        return {"matching": matching.count()}

    def _in_words(self, rows: int) -> str:
        return str(self.counted % {"n": intcomma(rows), "count": rows})

    def _formats(self, request: HttpRequest, form: Any, *, matching: int) -> list[dict[str, Any]]:
        """The choices of a format, of which one is chosen: the one taken last, else XLSX.

        Excel in Indonesia takes commas for decimals, so that a CSV file opens as one column, and makes 6.28E+12 of
        phone numbers; XLSX has neither fault, but no room for more rows than a sheet has.
        """
        wanted = form.data.get("format") or self._format_at_first(request.user, matching)
        places = {each.kind: (str(place), each().get_title()) for place, each in enumerate(self.get_export_formats())}
        return [
            {"value": place, "title": title, "help": words, "chosen": wanted in (place, kind)}
            for kind, words in FORMAT_HELP.items()
            for place, title in [places[kind]]
        ]

    def _format_at_first(self, user: Any, matching: int) -> str:
        wanted = jobs.last_format(self.export_kind, owner=user) or exports.XLSX
        return exports.CSV if wanted == exports.XLSX and matching > exports.XLSX_ROWS else wanted

    def _do_file_export(
        self, file_format: Any, request: HttpRequest, queryset: QuerySet[Any], export_form: Any = None
    ) -> HttpResponse:
        """Start the job that makes the file, and go where it will be found."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        filters = {name: request.GET.getlist(name) for name in request.GET}
        asked = export_form.cleaned_data if export_form else {}
        job = self.start_export(queryset, asked, owner=request.user, file_format=file_format.kind, filters=filters)
        return HttpResponseRedirect(f"{reverse('work')}?new={job.pk}")

    def start_export(self, rows: QuerySet[Any], asked: dict[str, Any], **details: Any) -> Job:
        """Export these rows; `asked` is what the form says beside the format."""
        raise NotImplementedError

    # -- Import ---

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"user": request.user}

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"user": request.user}

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {"shown_rows": imports.SHOWN_ROWS}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        sentence = imports.refusal(e)
        if sentence is None:
            raise e
        form.add_error("import_file", sentence)

    @method_decorator(require_POST)
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Start the job that writes what was previewed, and go where it will be found."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_confirm_form(request)
        try:
            self._start_import(form, request.user)
        except UploadRefused as refused:
            messages.error(request, str(imports.refusal(refused)))
            return HttpResponseRedirect(self._address("import"))
        messages.success(request, _("The file is being written. This page says how far it is and what came of it."))
        return HttpResponseRedirect(reverse("work"))

    def _start_import(self, form: Any, owner: Any) -> None:
        """Raises UploadRefused when there is no such upload."""
        if not form.is_valid():
            raise UploadRefused("gone")
        chosen = self.get_import_formats()[int(form.cleaned_data["format"])]
        upload = UploadFolder(name=form.cleaned_data["import_file_name"]).take()
        self.start_import(upload, owner=owner, file_format=chosen.kind)

    def start_import(self, upload: bytes, *, owner: Any, file_format: str) -> Job:
        """Write this file."""
        raise NotImplementedError


class ContactTransfer(TransferAdmin):
    """Contacts in and out."""

    resource_classes = [imports.ContactResource]
    import_form_class = ContactUploadForm
    export_form_class = ContactExportForm
    export_source = export_job.CONTACTS
    export_kind = jobs.EXPORT_CONTACTS
    import_source = import_job.CONTACTS
    counted = ngettext_lazy("%(n)s contact", "%(n)s contacts", "count")

    def export_counts(self, matching: QuerySet[Any]) -> dict[str, Any]:
        counts: dict[str, Any] = matching.aggregate(
            matching=Count("pk"),
            opted_out=Count("pk", filter=Q(opted_out_at__isnull=False)),
            without_number=Count("pk", filter=Q(phone="")),
        )
        return counts | {
            "without_opted_out": self._in_words(counts["matching"] - counts["opted_out"]),
            "fields_list": [(imports.ContactResource.get_display_name(), exports.COLUMNS)],
        }

    def start_export(self, rows: QuerySet[Any], asked: dict[str, Any], **details: Any) -> Job:
        return jobs.export_contacts(rows, leave_out_opted_out=bool(asked.get("leave_out_opted_out")), **details)

    def start_import(self, upload: bytes, *, owner: Any, file_format: str) -> Job:
        return jobs.import_contacts(upload, owner=owner, file_format=file_format)


class CampaignTransfer(TransferAdmin):
    """Campaigns in and out."""

    resource_classes = [imports.CampaignResource]
    import_form_class = CampaignUploadForm
    export_source = export_job.CAMPAIGNS
    export_kind = jobs.EXPORT_CAMPAIGNS
    import_source = import_job.CAMPAIGNS
    counted = ngettext_lazy("%(n)s campaign", "%(n)s campaigns", "count")

    def start_export(self, rows: QuerySet[Any], asked: dict[str, Any], **details: Any) -> Job:
        return jobs.export_campaigns(rows, **details)

    def start_import(self, upload: bytes, *, owner: Any, file_format: str) -> Job:
        return jobs.import_campaigns(upload, owner=owner, file_format=file_format)
