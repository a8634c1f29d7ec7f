"""An export of campaigns as a job: exactly the rows that were chosen, each as it is when it is written.

Which rows is taken down in the request that asks for the file: what a list shows follows from its filters, which are
the admin's and need a request to be read. A step then reads the next of them, looks again at what the owner may do and
see, and keeps their rows. The audit row, with the number of rows and the SHA-256 of what may leave the house, is
written together with "done": before that there is no link.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, Step
from labelcrm.core.models import Job
from transfer import exports
from transfer.job_files import IDS, MADE, in_language_of, keep_ids, kept_ids, owner_with, write_blocks

ROWS = "rows"  # what a job keeps for itself: the rows of a workbook to be, as JSON
RIGHTS = ("contacts.view_campaign",)


def start(kind: JobKind, rows: QuerySet[Any], *, owner: Any, file_format: str, filters: Mapping[str, Any]) -> Job:
    """Queue the export of these campaigns, in their order, as CSV, PROGRAM_CSV or XLSX for `owner`.

    The caller has limited the rows to what `owner` may see. Of what the list was searched for, the job's row, which
    stays, keeps no more than the audit trail does.
    """
    parameters = {"format": file_format, "filters": audit.kept_filters(filters), "language": get_language()}
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters)
        job.total = keep_ids(job, rows, size=exports.CHUNK)
        job.save(update_fields=["total"])
    return job


def step(job: Job) -> Step:
    """One step of an export: some thousand rows more, or the end."""
    if job.cancel_asked_at is not None:
        jobs.forget_files(job)
        return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        owner = owner_with(job, RIGHTS, code="export_right_required", sentence=sentence)
        # A file without rows has its first step too, which writes the head.
        return _finish(job) if job.cursor and job.progress == job.total else _keep_rows(job, owner)


def _keep_rows(job: Job, owner: Any) -> Step:
    part = job.cursor.get("part", 0)
    ids = kept_ids(job, part)
    lines = exports.campaign_rows(ids, viewer=viewer_of(owner))
    if job.parameters["format"] == exports.XLSX:
        jobs.write_part(job, ROWS, part, json.dumps(lines).encode())
    else:
        head = b"" if part else exports.csv_head(job.parameters["format"], exports.CAMPAIGN_COLUMNS)
        jobs.write_part(job, MADE, part, head + exports.csv_rows(lines))
    rows = job.cursor.get("rows", 0) + len(lines)
    return Step(cursor={"part": part + 1, "rows": rows}, progress=job.progress + len(ids))


def _finish(job: Job) -> Step:
    kept_ids(job, 0)  # still there: then so is all that was kept
    if job.parameters["format"] == exports.XLSX:
        _make_workbook(job)
    digest = hashlib.sha256()
    for body in jobs.read_parts(job, MADE):
        digest.update(body)
    rows = job.cursor["rows"]
    audit.record(
        actor=job.owner, action="campaigns.exported", filters=job.parameters["filters"],
        format=job.parameters["format"], sha256=digest.hexdigest(), rows=rows,
    )  # fmt: skip
    jobs.forget_files(job, IDS, ROWS)
    result = {"matched": job.total, "rows": rows, "gone": (job.total or 0) - rows, "sha256": digest.hexdigest()}
    return Step(cursor=job.cursor, progress=job.progress, result=result)


def _make_workbook(job: Job) -> None:
    with tempfile.TemporaryFile() as file:
        exports.write_xlsx(file, exports.CAMPAIGN_COLUMNS, _kept_rows(job), created=job.created_at)
        file.seek(0)
        write_blocks(job, MADE, file.read)


def _kept_rows(job: Job) -> Iterator[list[str]]:
    for body in jobs.read_parts(job, ROWS):
        yield from json.loads(body)
