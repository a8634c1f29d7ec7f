"""An import as a job: a file that was previewed and confirmed, written by the services some rows at a time.

The first step reads the file into parts of as many rows as one step writes. Each further one understands its rows anew
and writes them: what is wrong with a row by now, such as a contact that was archived since the preview, keeps that row
from being written and no other, and goes into a file of problems. What a step wrote counts together with its cursor,
so no row is written twice. Stopping keeps what was written.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job
from labelcrm.lib.spreadsheets import UploadRefused
from transfer import exports
from transfer.imports.campaigns import write_campaigns
from transfer.imports.contacts import write_contacts
from transfer.imports.files import FORMATS, Written, refusal
from transfer.job_files import PROBLEMS, in_language_of, owner_with, read_part, write_blocks

UPLOAD, ROWS, SEEN = "upload", "rows", "seen"  # what a job keeps for itself
COUNTS = ("created", "changed", "unchanged", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """What is imported: the rights one needs, how some rows are written and how many at once, the audit row's action.

    `write` is told on which line of the file each contact stood that earlier rows were about, and adds to it.
    """

    rights: tuple[str, ...]
    write: Callable[[Sequence[Mapping[str, str]], Any, dict[str, str]], Written]
    chunk: int
    action: str


CONTACTS = ImportSource(
    rights=("contacts.add_contact", "contacts.change_contact"),
    write=write_contacts,
    chunk=1000,
    action="contacts.imported",
)
CAMPAIGNS = ImportSource(
    rights=("contacts.add_campaign", "contacts.change_campaign"),
    write=write_campaigns,
    chunk=200,  # they are written one by one
    action="campaigns.imported",
)


def start(kind: JobKind, upload: bytes, *, owner: Any, file_format: str) -> Job:
    """Queue the import of a file (CSV, XLSX) that was previewed, for `owner`."""
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters={"format": file_format, "language": get_language()})
        write_blocks(job, UPLOAD, io.BytesIO(upload).read)
    return job


def step(job: Job, source: ImportSource) -> Step:
    """One step of an import: the file is read, or its next rows are written."""
    with in_language_of(job):
        if job.cancel_asked_at is not None:
            return _end(job, source, job.cursor, job.progress)
        sentence = _("The right to import was taken away in the meantime: nothing more was written.")
        owner = owner_with(job, source.rights, code="import_right_required", sentence=sentence)
        return _write_rows(job, source, owner) if job.cursor else _read_file(job, source)


def _read_file(job: Job, source: ImportSource) -> Step:
    upload = b"".join(jobs.read_parts(job, UPLOAD))
    read = next(each for each in FORMATS if each.kind == job.parameters["format"])
    try:
        table = read().create_dataset(upload)
    except UploadRefused as refused:
        raise JobRefused(refused.code, refusal(refused) or "") from refused
    for part, start_of_part in enumerate(range(0, len(table), source.chunk)):
        rows = table[start_of_part : start_of_part + source.chunk]
        jobs.write_part(job, ROWS, part, json.dumps({"headers": table.headers, "rows": rows}).encode())
    jobs.forget_files(job, UPLOAD)
    return _go_on(job, source, {"part": 0} | dict.fromkeys(COUNTS, 0), progress=0, total=len(table))


def _write_rows(job: Job, source: ImportSource, owner: Any) -> Step:
    part = job.cursor["part"]
    kept = json.loads(read_part(job, ROWS, part))
    rows = [dict(zip(kept["headers"], cells, strict=True)) for cells in kept["rows"]]
    before = _seen(job)
    seen = dict(before)
    written = source.write(rows, owner, seen)
    jobs.write_part(job, SEEN, part, json.dumps({who: seen[who] for who in seen.keys() - before.keys()}).encode())
    if written.problems:
        _write_problems(job, part, written)
    counts = {name: job.cursor[name] + more for name, more in written.counts.items()}
    return _go_on(job, source, {"part": part + 1, **counts}, progress=job.progress + len(rows), total=job.total)


def _seen(job: Job) -> dict[str, str]:
    """Whom the rows before were about, and on which line."""
    seen: dict[str, str] = {}
    for body in jobs.read_parts(job, SEEN):
        seen.update(json.loads(body))
    return seen


def _write_problems(job: Job, part: int, written: Written) -> None:
    """The rows that were not written: their line, the column ("" for the row as a whole) and what is wrong."""
    head = (_("Row in the file"), _("Column"), _("Problem"))
    lines = [
        [str(line), column, sentence]
        for line, problems in sorted(written.problems.items())
        for column, sentences in problems.items()
        for sentence in sentences
    ]
    begins = exports.csv_head(exports.CSV, head) if not job.cursor["failed"] else b""
    jobs.write_part(job, PROBLEMS, part, begins + exports.csv_rows(lines))


def _go_on(job: Job, source: ImportSource, cursor: dict[str, Any], *, progress: int, total: int | None) -> Step:
    if progress == total:
        return _end(job, source, cursor, progress)
    return Step(cursor=cursor, progress=progress, total=total)


def _end(job: Job, source: ImportSource, cursor: dict[str, Any], progress: int) -> Step:
    """Done, or stopped: say what was written, and forget everything but the problems."""
    counts = {name: cursor.get(name, 0) for name in COUNTS}
    if progress:
        audit.record(
            actor=job.owner, action=source.action, format=job.parameters["format"], rows=progress,
            new=counts["created"], changed=counts["changed"], unchanged=counts["unchanged"], failed=counts["failed"],
        )  # fmt: skip
    jobs.forget_files(job, UPLOAD, ROWS, SEEN)
    return Step(cursor=cursor, progress=progress, total=job.total, result=counts)
