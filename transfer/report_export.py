"""An export of a report as a job: the rows that its page and the API show, asked once more by the worker.

What was asked for is kept as parameters; a period that is named by words, such as `last_30`, is the one of the moment
in which the file was asked for. The whole file is one step: figures of one moment stay together, and a report is made
within seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from transfer import exports, pieces, report_files
from transfer.job_files import in_language_of, owner_with
from transfer.layouts import LAYOUTS, Layout
from transfer.models import EXPORT_RIGHTS, Export, ExportKind
from transfer.people_export import scope_in_words


def start(kind: JobKind, query: ReportQuery, *, layout: Layout, owner: Any) -> Export:
    """Queue the export of what `query` asks for. The work begins after the commit."""
    asked = {"report": query.report.name, "filters": asked_again(query)}
    parameters = {"format": layout.code, "language": get_language(), **asked}
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters)
        return Export.objects.create(
            job=job, kind=ExportKind.REPORT, owner=owner, scope=scope_in_words(viewer_of(owner)), definition=asked,
            name=str(report_files.FILES[query.report.name].title), sentence=report_files.sentence(query),
            layout=layout.code, columns=report_files.file_of(query).headings, exclude_complaint=False,
            exclude_no_phone=False,
        )  # fmt: skip


def asked_again(query: ReportQuery) -> dict[str, str]:
    """The parameters that ask the same at any later time."""
    ends = query.period.days or (timezone.localtime(query.period.start), timezone.localtime(query.period.end))
    times = {"from": ends[0].isoformat(), "to": ends[1].isoformat()}
    shown = {name: str(value) for name, value in query.shown.items() if value and name != "certain"}
    return times | shown | ({"certain": "true"} if query.filters.certain else {})


def step(job: Job) -> Step:
    """The only step of an export."""
    if job.cancel_asked_at is not None:
        Export.objects.note_cancelled(job)
        return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})
    export = Export.objects.get(job=job)
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        rights = EXPORT_RIGHTS[ExportKind.REPORT]
        viewer = viewer_of(owner_with(job, rights, code="export_right_required", sentence=sentence))
        return _write(job, export, _query(job, viewer, now=timezone.now()))


def _query(job: Job, viewer: Viewer, *, now: datetime) -> ReportQuery:
    try:
        return parse_query(REPORTS[job.parameters["report"]], job.parameters["filters"], viewer=viewer, now=now)
    except InvalidQuery as wrong:  # what a filter names is no longer there for the owner
        raise JobRefused("unknown_value", f"{wrong.name}: {wrong.message}") from None


def _write(job: Job, export: Export, query: ReportQuery) -> Step:
    layout, file = LAYOUTS[export.layout], report_files.file_of(query)
    lines = file.lines_of(query.rows)
    if layout.is_workbook and len(lines) > exports.XLSX_ROWS:
        sentence = _("An XLSX file holds at most 1,048,575 rows: choose CSV, or filter the list.")
        raise JobRefused("too_many_rows", sentence)
    pieces.write_head(job, layout.head(file.headings))
    parts = [lines[start : start + exports.CHUNK] for start in range(0, len(lines), exports.CHUNK)]
    for place, part in enumerate(parts):
        pieces.write_rows(job, layout, place, part)
    export.sha256 = pieces.close(job, len(parts), workbook=layout.is_workbook)
    return _done(job, export, query, rows=len(lines))


def _done(job: Job, export: Export, query: ReportQuery, *, rows: int) -> Step:
    export.matched = export.rows = rows
    export.computed_at, export.finished_at = query.now, timezone.now()
    export.save()
    record(query, owner=job.owner, layout=export.layout, rows=rows, export=export.pk, sha256=export.sha256)
    return Step(progress=rows, total=rows, result={"rows": rows, "sha256": export.sha256})


def record(query: ReportQuery, *, owner: Any, layout: str, rows: int, **details: Any) -> None:
    """The audit row of a report that became a file."""
    audit.record(
        actor=owner, action="report.exported", report=query.report.name, filters=asked_again(query), format=layout,
        rows=rows, **details,
    )  # fmt: skip
