"""An export as a job: exactly the rows that were chosen, each as it is when it is written, memory that does not grow.

Which rows is taken down in the request that asks for the file. What a list shows follows from its filters, which are
the admin's and need a request to be read; read later, by a worker, they might mean something else. A million ids are
one query and take about a second.

A step then reads the next of them, looks again at what the owner may do and see, and keeps their rows: as a piece of
the CSV file, or for the workbook that the last step makes. The audit row, with the number of rows and the SHA-256 of
what may leave the house, is written together with "done": before that there is no link.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.selectors.viewing import viewer_of
from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job, JobFile
from transfer import exports
from transfer.exports import Rows
from transfer.job_files import MADE, in_language_of, owner_with, read_part, write_blocks

IDS, ROWS = "ids", "rows"  # what a job keeps for itself: packed 64-bit ids; the rows of a workbook to be, as JSON
_INT64 = "q"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """What is exported: the rights one needs, the columns, the rows of some ids; and what the audit row says of it."""

    rights: tuple[str, ...]
    columns: Sequence[str]
    rows: Callable[..., Rows]
    action: str
    tells: tuple[str, ...]


CONTACTS = ExportSource(
    rights=("contacts.view_contact", "contacts.export_contact"),
    columns=exports.COLUMNS,
    rows=exports.contact_rows,
    action="contacts.exported",
    tells=("rows", "left_out", "without_number"),
)
CAMPAIGNS = ExportSource(
    rights=("contacts.view_campaign",),
    columns=exports.CAMPAIGN_COLUMNS,
    rows=exports.campaign_rows,
    action="campaigns.exported",
    tells=("rows",),
)


def start(
    kind: JobKind, rows: QuerySet[Any], *, owner: Any, file_format: str, filters: Mapping[str, Any], **asked: bool
) -> Job:
    """Queue the export of these rows, in their order, as a file of `file_format` (CSV, PROGRAM_CSV, XLSX) for `owner`.

    The caller has limited the rows to what `owner` may see. Of what the list was searched for, the job's row, which
    stays, keeps no more than the audit trail does. `asked` goes to the source of the rows.
    """
    parameters = {
        "format": file_format,
        "filters": audit.kept_filters(filters),
        "asked": asked,
        "language": get_language(),
    }
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters)
        job.total = _keep_ids(job, rows)
        job.save(update_fields=["total"])
    return job


def step(job: Job, source: ExportSource) -> Step:
    """One step of an export: some thousand rows more, or the end."""
    if job.cancel_asked_at is not None:
        jobs.forget_files(job)
        return Step(cursor=job.cursor, progress=job.progress, result={"rows": 0})
    with in_language_of(job):
        sentence = _("The right to export these rows was taken away in the meantime: no file was made.")
        owner = owner_with(job, source.rights, code="export_right_required", sentence=sentence)
        return _finish(job, source) if _all_kept(job) else _keep_rows(job, source, owner)


def lease(job: Job) -> timedelta:
    """A workbook is made in one step: 0.13 ms a row, two minutes for a million, and longer beside other work."""
    makes_workbook = _is_workbook(job) and _all_kept(job)
    return jobs.LEASE + timedelta(milliseconds=job.cursor["rows"] / 2 if makes_workbook else 0)


def _all_kept(job: Job) -> bool:
    """Whether only the end is left; a file without rows has its first step too, which writes the head."""
    return bool(job.cursor) and job.progress == job.total


def _is_workbook(job: Job) -> bool:
    return bool(job.parameters["format"] == exports.XLSX)


def _keep_ids(job: Job, rows: QuerySet[Any]) -> int:
    """Take down which rows, a part for each step and the first even if there are none; how many rows."""
    ids = rows.values_list("pk", flat=True).iterator(chunk_size=exports.CHUNK)
    chunks = list(iter(lambda: array(_INT64, islice(ids, exports.CHUNK)), array(_INT64))) or [array(_INT64)]
    JobFile.objects.bulk_create(
        JobFile(job=job, name=IDS, part=part, body=_packed(chunk)) for part, chunk in enumerate(chunks)
    )
    return sum(map(len, chunks))


def _packed(ids: array[int]) -> bytes:
    """A fifth of the bytes: to store a million as they are takes longer than to read them."""
    return zlib.compress(ids.tobytes(), level=1)


def _unpacked(body: bytes) -> list[int]:
    ids = array(_INT64)
    ids.frombytes(zlib.decompress(body))
    return ids.tolist()


def _keep_rows(job: Job, source: ExportSource, owner: Any) -> Step:
    part = job.cursor.get("part", 0)
    ids = _unpacked(read_part(job, IDS, part))
    found = source.rows(ids, viewer=viewer_of(owner), **job.parameters["asked"])
    counts = {
        "rows": job.cursor.get("rows", 0) + len(found.lines),
        "left_out": job.cursor.get("left_out", 0) + found.left_out,
        "without_number": job.cursor.get("without_number", 0) + found.without_number,
    }
    if _is_workbook(job):
        _check_sheet(counts["rows"])
        jobs.write_part(job, ROWS, part, json.dumps(found.lines).encode())
    else:
        head = b"" if part else exports.csv_head(job.parameters["format"], source.columns)
        jobs.write_part(job, MADE, part, head + exports.csv_rows(found.lines))
    return Step(cursor={"part": part + 1, **counts}, progress=job.progress + len(ids))


def _check_sheet(rows: int) -> None:
    if rows > exports.XLSX_ROWS:
        sentence = _("An XLSX file holds at most 1,048,575 rows: choose CSV, or filter the list.")
        raise JobRefused("too_many_rows", sentence)


def _finish(job: Job, source: ExportSource) -> Step:
    read_part(job, IDS, 0)  # still there: then so is all that was kept
    if _is_workbook(job):
        _make_workbook(job, source)
    digest = hashlib.sha256()
    for body in jobs.read_parts(job, MADE):
        digest.update(body)
    counts = {name: job.cursor[name] for name in ("rows", "left_out", "without_number")}
    audit.record(
        actor=job.owner, action=source.action, filters=job.parameters["filters"], format=job.parameters["format"],
        sha256=digest.hexdigest(), **{name: counts[name] for name in source.tells},
    )  # fmt: skip
    jobs.forget_files(job, IDS, ROWS)
    gone = (job.total or 0) - counts["rows"] - counts["left_out"]
    result = {"matched": job.total, **counts, "gone": gone, "sha256": digest.hexdigest()}
    return Step(cursor=job.cursor, progress=job.progress, result=result)


def _make_workbook(job: Job, source: ExportSource) -> None:
    with tempfile.TemporaryFile() as file:
        exports.write_xlsx(file, source.columns, _kept_rows(job), created=job.created_at)
        file.seek(0)
        write_blocks(job, MADE, file.read)


def _kept_rows(job: Job) -> Iterator[list[str]]:
    for body in jobs.read_parts(job, ROWS):
        yield from json.loads(body)
