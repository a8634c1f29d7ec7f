"""The page before an export of rows that are no contacts: how many there are, how the file looks; start.

Lists of labels on contacts and of label events share it with long reports. Its address has the filters of the list or
the parameters of the report, so that going back shows what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from desk.base import preferences
from desk.base.chips import counted
from transfer import exports, jobs
from transfer.layouts import RECORD_LAYOUTS, Layout
from transfer.models import EXPORT_RIGHTS, Export, ExportKind
from transfer.record_export import RecordOrder

PREFERENCE = "record_export"  # the format taken last


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsAsked:
    """What a page exports: which rows, in words and how many; where it came from, and what starts the export.

    `start` takes how the file looks, and whether it says how contacts are written to.
    """

    kind: ExportKind
    title: str
    sentence: str
    rows: int
    counted: str  # so many rows, in words
    back: str
    start: Callable[[Layout, bool], Export]
    opts: Any = None  # of the list, which the tab then names

    @property
    def has_people(self) -> bool:
        """Whether a row is about somebody."""
        return self.kind != ExportKind.REPORT

    @property
    def has_addresses(self) -> bool:
        """Whether its rows can say how somebody is written to."""
        return self.kind == ExportKind.INTERVALS


def may_export(request: HttpRequest, kind: ExportKind) -> bool:
    return viewer_of(request.user).may(*EXPORT_RIGHTS[kind])


def page(request: HttpRequest, asked: RecordsAsked) -> HttpResponse:
    """Look at what would be exported, or start."""
    if not may_export(request, asked.kind):
        raise PermissionDenied
    if request.method == "POST" and request.POST.get("layout") in RECORD_LAYOUTS:
        return _start(request, asked, RECORD_LAYOUTS[request.POST["layout"]])
    if request.method == "POST":
        messages.error(request, _("Choose a format."))
    context = {
        **admin.site.each_context(request),
        "title": _("Export of %(whom)s") % {"whom": asked.title},
        "opts": asked.opts,
        "asked": asked,
        "layouts": RECORD_LAYOUTS.values(),
        "chosen": layout_at_first(request.user, rows=asked.rows),
        "too_long": asked.rows > exports.XLSX_ROWS,
    }
    return TemplateResponse(request, "exports/ask_records.html", context)


def _start(request: HttpRequest, asked: RecordsAsked, layout: Layout) -> HttpResponse:
    export = asked.start(layout, asked.has_addresses and "addresses" in request.POST)
    remember_layout(request.user, layout)
    return HttpResponseRedirect(reverse("admin:exports-page", args=[export.pk]))


def layout_at_first(user: Any, *, rows: int) -> str:
    """The code of the format that is chosen at first: the one taken last, else XLSX, as far as the rows fit."""
    wanted = user.preferences.get(PREFERENCE, "")
    wanted = wanted if wanted in RECORD_LAYOUTS else exports.XLSX
    return exports.CSV if wanted == exports.XLSX and rows > exports.XLSX_ROWS else wanted


def remember_layout(user: Any, layout: Layout) -> None:
    """Keep the format for this person's next file."""
    if user.preferences.get(PREFERENCE) != layout.code:
        preferences.remember(user, PREFERENCE, lambda _before: layout.code)


# -- Of a list --------------------------------------------------------------------------------------------------------


class RecordExportMixin:
    """Put before a ModelAdmin: its list can be exported, with the filters and the search it has."""

    change_list_template = "exports/record_list.html"
    export_kind: ExportKind

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("export/", export, name=self._page_name("export")), *urls]

    def _page_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"has_export_permission": may_export(request, self.export_kind)} | (extra_context or {})
        answer: HttpResponse = super().changelist_view(request, shown)  # type: ignore[misc]
        return answer

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The export of the list that the address filters."""
        if not may_export(request, self.export_kind):
            raise PermissionDenied
        address = reverse(f"admin:{self._page_name('changelist')}")
        try:
            listed = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{address}?e=1")
        rows, sentence = listed.queryset.order_by(), listed.in_words()
        filters = {name: request.GET.getlist(name) for name in request.GET}

        def start(layout: Layout, addresses: bool) -> Export:
            order = RecordOrder(layout=layout, filters=filters, sentence=sentence, addresses=addresses)
            return jobs.export_records(self.export_kind, rows, order, owner=request.user)

        count, opts = rows.count(), self.opts  # type: ignore[attr-defined]
        asked = RecordsAsked(
            kind=self.export_kind, title=str(opts.verbose_name_plural), sentence=sentence, rows=count,
            counted=counted(count, opts), back=address + listed.get_query_string(), start=start, opts=opts,
        )  # fmt: skip
        return page(request, asked)
