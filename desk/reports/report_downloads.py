"""A report as a file: at once where it is short, by a job where it is long.

A page shows what a request can show, and most reports are some dozen rows. Curves over a year have a line per campaign,
week and day, which is more than anybody should wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import ngettext

from desk.exports import record_asking
from desk.exports.record_asking import RecordsAsked
from reports.query import ReportQuery
from transfer import exports, jobs, pieces, report_export, report_files
from transfer.job_files import CONTENT_TYPES
from transfer.layouts import RECORD_LAYOUTS
from transfer.models import ExportKind
from transfer.report_files import ReportFile

AT_ONCE = 5000  # rows that are sent in the answer


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """One format of a report; a page has the one that was taken last first."""

    title: str | Promise
    help: str | Promise
    url: str


def links(user: Any, address: Callable[[str], str]) -> list[DownloadLink]:
    """The formats of a report; `address` makes the address of one by its code. Programs ask the API."""
    first = record_asking.layout_at_first(user, rows=0)
    offered = (layout for layout in RECORD_LAYOUTS.values() if layout.code != exports.PROGRAM_CSV)
    ordered = sorted(offered, key=lambda layout: layout.code != first)
    return [DownloadLink(layout.title, layout.help, address(layout.code)) for layout in ordered]


def download(request: HttpRequest, query: ReportQuery, *, code: str, beside: str = "") -> HttpResponse:
    """The rows of a report as a file of one of the RECORD_LAYOUTS, or where a long one is asked for.

    `beside` names what is asked for of what stands beside the rows.
    """
    file = report_files.BESIDE[beside] if beside else report_files.file_of(query)
    rows = query.beside[beside] if beside else query.rows
    if not beside and len(file.lines_of(rows)) > AT_ONCE:
        asked = {"report": query.report.name, **report_export.asked_again(query)}
        return HttpResponseRedirect(f"{reverse('report-export')}?{urlencode(asked)}")
    return send(request, query, file, rows, code=code, name=query.report.name)


def send(
    request: HttpRequest, query: ReportQuery, file: ReportFile, rows: Iterable[Any], *, code: str, name: str
) -> HttpResponse:
    """These rows, which `query` asked for, as a file of one of the RECORD_LAYOUTS; `name` is the first of its name."""
    layout, lines = RECORD_LAYOUTS[code], file.lines_of(rows)
    body = pieces.whole_file(layout, file.headings, lines, created=query.now)
    report_export.record(query, owner=request.user, layout=code, rows=len(lines))
    record_asking.remember_layout(request.user, layout)
    first, last = (timezone.localtime(moment) for moment in (query.period.start, query.period.end))
    return HttpResponse(
        body,
        content_type=CONTENT_TYPES[layout.suffix],
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{first:%Y%m%d}-{last:%Y%m%d}.{layout.suffix}"',
            "Cache-Control": "no-store",
        },
    )


def ask(request: HttpRequest, query: ReportQuery, *, back: str) -> HttpResponse:
    """The page before a job that makes the file of a report."""
    if not record_asking.may_export(request, ExportKind.REPORT):
        raise PermissionDenied
    file = report_files.file_of(query)
    rows = len(file.lines_of(query.rows))
    asked = RecordsAsked(
        kind=ExportKind.REPORT,
        title=str(file.title),
        sentence=report_files.sentence(query),
        rows=rows,
        counted=ngettext("%(n)s row", "%(n)s rows", rows) % {"n": intcomma(rows)},
        back=back,
        start=lambda layout, _addresses: jobs.export_report(query, layout=layout, owner=request.user),
    )
    return record_asking.page(request, asked)
