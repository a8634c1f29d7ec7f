"""Import and export in the admin: django-import-export's pages, our files, our permissions, our audit trail.

The pages choose; the files are made by jobs (`transfer.jobs`), which the page of work shows. Imports have pages of
their own (`desk.imports`).
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from import_export.admin import ImportExportMixin
from unfold.contrib.import_export.forms import ExportForm

from desk.exports import asking
from desk.exports.asking import Exported
from desk.exports.choice import list_parameters
from desk.imports.page import redirect_here
from labelcrm.core.jobs import JobKind
from labelcrm.core.models import Job
from transfer import export_job, exports, import_job, imports, jobs, people_export
from transfer.funnel import whom_list_means

# What each format of an export is good for.
FORMAT_HELP = {
    exports.XLSX: gettext_lazy("For Excel and Google Sheets: phone numbers stay whole."),
    exports.CSV: gettext_lazy("Plain text with commas, marked so that Excel reads names right."),
    exports.PROGRAM_CSV: gettext_lazy("The same without the mark, for programs that stumble over it."),
}


class TransferAdmin(ImportExportMixin):
    """What contacts and campaigns share."""

    export_formats = imports.EXPORT_FORMATS
    export_form_class = ExportForm
    export_template_name = "reports/export.html"
    export_rights: tuple[str, ...]
    export_kind: JobKind
    import_source: import_job.ImportSource
    counted: Any  # so many rows, in words

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perms(self.export_rights))

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
        job = self.start_export(queryset, owner=request.user, file_format=file_format.kind, filters=_filters(request))
        return HttpResponseRedirect(f"{reverse('work')}?new={job.pk}")

    def start_export(self, rows: QuerySet[Any], **details: Any) -> Job:
        """Export these rows."""
        raise NotImplementedError

    # -- Import ---

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Imports have a page of their own (`desk.imports`); this address led to one before."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        return redirect_here(self.import_source.kind)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.import_action(request)

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"user": request.user}


def _filters(request: HttpRequest) -> dict[str, list[str]]:
    return {name: request.GET.getlist(name) for name in request.GET}


class ContactTransfer(TransferAdmin):
    """Contacts in and out."""

    resource_classes = [imports.ContactResource]
    export_rights = people_export.RIGHTS
    import_source = import_job.CONTACTS
    counted = ngettext_lazy("%(n)s contact", "%(n)s contacts", "count")

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """The page of an export (`desk.exports.asking`), of the list that the address filters."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        asked, request.GET = request.GET, list_parameters(request.GET)  # type: ignore[assignment]
        try:
            exported = self._exported(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self._address('changelist')}?e=1")
        request.GET = asked
        return asking.page(request, exported)

    def _exported(self, request: HttpRequest) -> Exported:
        listed = self._filtered_list(request)
        contacts, filters, sentence = listed.queryset, _filters(request), listed.in_words()
        return Exported(
            title=_("contacts"),
            sentence=sentence,
            meant=whom_list_means(contacts),
            now=timezone.now(),
            back=self._address("changelist") + listed.get_query_string(),
            kept=[(name, value) for name, values in filters.items() for value in values],
            columns_at_first=exports.COLUMNS,
            opts=self.opts,
            start=lambda order: jobs.export_contacts(
                contacts, order, owner=request.user, filters=filters, sentence=sentence
            ),
        )


class CampaignTransfer(TransferAdmin):
    """Campaigns in and out."""

    resource_classes = [imports.CampaignResource]
    export_rights = export_job.RIGHTS
    export_kind = jobs.EXPORT_CAMPAIGNS
    import_source = import_job.CAMPAIGNS
    counted = ngettext_lazy("%(n)s campaign", "%(n)s campaigns", "count")

    def start_export(self, rows: QuerySet[Any], **details: Any) -> Job:
        return jobs.export_campaigns(rows, **details)
