"""An export of label intervals or label events as a job: exactly the rows that were chosen, each as it is when written.

1. Which rows is taken down in the request that asks for the file, by one statement: that moment is `computed_at`. What
   comes later is not in the file. A list is chosen by filters, which are its page's and need a request to be read.
2. A step reads the next some thousand of them by one query, looks again at what the owner may do and see, and keeps
   their rows as a piece of the file. A row that changed since the moment stands as it was when its piece was written;
   its `updated_at` says so.
3. The file is closed, and the last step looks at every row once more: pieces in which somebody stands who was erased,
   left the owner's sight or opted out since they were written are written again. Else the number of rows, the SHA-256
   and the audit row are written together with "done". Before that there is no link, and afterwards nothing of the
   export changes any more.

A step counts together with its cursor, or was never there: a worker that is killed leaves nothing half-written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from transfer import exports, label_records, pieces
from transfer.job_files import IDS, in_language_of, keep_ids, kept_ids, owner_with
from transfer.label_records import RecordSource
from transfer.layouts import LAYOUTS, Layout
from transfer.models import EXPORT_RIGHTS, Export, ExportKind
from transfer.people_export import scope_in_words

_AGAIN = 10  # pieces that are written again in one step


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """What somebody asks for besides the rows: how the file looks, and whether it says how contacts are written to.

    `filters` are how the rows were chosen, `sentence` says so in words.
    """

    layout: Layout
    filters: Mapping[str, Any]
    sentence: str
    addresses: bool = False


def start(kind: JobKind, source: RecordSource, rows: QuerySet[Any], order: RecordOrder, *, owner: Any) -> Export:
    """Queue the export of these rows, which the caller has limited to what `owner` may see."""
    kept = audit.kept_filters(order.filters)
    parameters = {"format": order.layout.code, "language": get_language(), "filters": kept}
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters)
        now = timezone.now()
        job.total = keep_ids(job, rows.order_by("pk"), size=exports.CHUNK)
        job.save(update_fields=["total"])
        return Export.objects.create(
            job=job, kind=source.kind, owner=owner, scope=scope_in_words(viewer_of(owner)), sentence=order.sentence,
            definition={"filters": kept}, layout=order.layout.code, computed_at=now, matched=job.total,
            columns=source.columns(addresses=order.addresses), exclude_complaint=False, exclude_no_phone=False,
        )  # fmt: skip


def step(job: Job) -> Step:
    """One step of an export."""
    if job.cancel_asked_at is not None:
        jobs.forget_files(job)
        Export.objects.note_cancelled(job)
        return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})
    export = Export.objects.get(job=job)
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        rights = EXPORT_RIGHTS[ExportKind(export.kind)]
        viewer = viewer_of(owner_with(job, rights, code="export_right_required", sentence=sentence))
        if not job.cursor:
            _begin(job, export)
        # A file without rows has its first step too.
        return (
            _seal(job, export, viewer) if job.cursor and job.progress == job.total else _write_next(job, export, viewer)
        )


def _begin(job: Job, export: Export) -> None:
    layout = LAYOUTS[export.layout]
    if layout.is_workbook and (job.total or 0) > exports.XLSX_ROWS:
        sentence = _("An XLSX file holds at most 1,048,575 rows: choose CSV, or filter the list.")
        raise JobRefused("too_many_rows", sentence)
    pieces.write_head(job, layout.head(export.columns))


def _write_next(job: Job, export: Export, viewer: Viewer) -> Step:
    marks = job.cursor.get("marks", [])
    ids = kept_ids(job, len(marks))
    written = _write(job, export, viewer, piece=len(marks), ids=ids)
    return Step(cursor={"marks": [*marks, written]}, progress=job.progress + len(ids))


def _write(job: Job, export: Export, viewer: Viewer, *, piece: int, ids: list[int]) -> list[int]:
    """Keep the rows of `ids` that are still there as a piece of the file; its mark."""
    source = label_records.SOURCES[ExportKind(export.kind)]
    found = label_records.read(source, ids, viewer=viewer, columns=export.columns)
    pieces.write_rows(job, LAYOUTS[export.layout], piece, found.lines)
    return found.mark


def _seal(job: Job, export: Export, viewer: Viewer) -> Step:
    kept_ids(job, 0)  # still there: then so is all that was kept
    if "sha256" not in job.cursor:  # a step of its own: the end of a large workbook takes seconds
        digest = pieces.close(job, len(job.cursor["marks"]), workbook=LAYOUTS[export.layout].is_workbook)
        return Step(cursor=job.cursor | {"sha256": digest}, progress=job.progress)
    # Where nobody can be written to by what stands in it, it does not matter who opts out in this very moment.
    if label_records.names_people(export.columns) and not pieces.nobody_opts_out_any_more():
        return Step(cursor=job.cursor, progress=job.progress)
    if changed := _changed_meanwhile(job, export, viewer):  # the last look, as close to the end as can be
        return _write_again(job, export, viewer, changed)
    return _done(job, export, job.cursor["sha256"])


def _changed_meanwhile(job: Job, export: Export, viewer: Viewer) -> list[int]:
    """The pieces in which stands what may not, or no longer needs to be blank."""
    source = label_records.SOURCES[ExportKind(export.kind)]
    return [
        piece
        for piece, written in enumerate(job.cursor["marks"])
        if label_records.mark(source, kept_ids(job, piece), viewer=viewer) != written
    ]


def _write_again(job: Job, export: Export, viewer: Viewer, changed: list[int]) -> Step:
    """Write these pieces anew, and the file has to be closed again; of many some, the next look finds the others."""
    marks = list(job.cursor["marks"])
    for piece in changed[:_AGAIN]:
        marks[piece] = _write(job, export, viewer, piece=piece, ids=kept_ids(job, piece))
    return Step(cursor={"marks": marks}, progress=job.progress)


def _done(job: Job, export: Export, sha256: str) -> Step:
    rows = sum(written for written, *_sums in job.cursor["marks"])
    gone = (job.total or 0) - rows
    export.matched = export.rows = rows
    export.sha256, export.finished_at = sha256, timezone.now()
    export.save()
    audit.record(
        actor=job.owner, action=f"{export.kind}.exported", export=export.pk, filters=job.parameters["filters"],
        format=export.layout, sha256=sha256, rows=rows, columns=export.columns,
    )  # fmt: skip
    jobs.forget_files(job, IDS)
    return Step(cursor=job.cursor, progress=job.progress, result={"rows": rows, "gone": gone, "sha256": sha256})
