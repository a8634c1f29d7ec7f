"""An import as a job: a file that is looked at, or written by the services, some rows at a time.

The first step reads the file into parts of as many rows as one step handles. Each further one understands its rows
anew and writes them: what is wrong with a row by now, such as a contact that was archived since the preview, keeps
that row from being written and no other, and goes into a file of problems. What a step wrote counts together with its
cursor, so no row is written twice. Stopping keeps what was written, and it can be taken back (`transfer.import_undo`).

A dry run goes the same way and writes nothing; its upload waits until somebody confirms it or a week is over. All or
nothing looks at every row before it writes the first, and takes back what it wrote when one became wrong meanwhile.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from labelcrm.core import audit, jobs
from labelcrm.core.jobs import JobKind, JobRefused, Step
from labelcrm.core.models import Job, JobFile
from labelcrm.lib.memory import collector_paused
from labelcrm.lib.spreadsheets import CSV, UploadRefused, inflated_size, kind_of
from transfer import exports
from transfer.contact_undo import take_back_contacts
from transfer.imports import headings
from transfer.imports.campaigns import take_back_campaigns, write_campaigns
from transfer.imports.contacts import write_contacts
from transfer.imports.files import ImportBatch, Upload, Written, open_upload, refusal
from transfer.imports.label_mapping import take_back_label_mapping, write_label_mapping
from transfer.job_files import PROBLEMS, in_language_of, owner_with, read_part, write_blocks

UPLOAD, ROWS, SEEN = "upload", "rows", "seen"  # what a job keeps for itself
HEAD, PREVIEW = "head", "preview"  # what the page of an import shows
CHANGES = "changes"  # what taking it back needs
COUNTS = ("created", "changed", "unchanged", "failed")
SHOWN_ROWS = 200  # of a preview; the rest is counted
SAMPLE_ROWS = 3
OPENED_AT_ONCE = 8 * 1024 * 1024  # bytes that a workbook unpacks to which a request may open to look at its headings

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """What is imported: the rights one needs, how some rows are written and how many at once, the audit row's action.

    Of a file with one of the columns `slow` a quarter as many are written at once. `take_back` gives back what `write`
    changed and nobody changed since; it returns why not, by line of the file.
    """

    kind: str
    rights: tuple[str, ...]
    write: Callable[[Rows, ImportBatch], Written]
    take_back: Callable[[Sequence[Mapping[str, Any]], ImportBatch], dict[int, str]]
    chunk: int
    action: str
    slow: frozenset[str] = frozenset()

    def rows_at_once(self, columns: Sequence[str]) -> int:
        return self.chunk if self.slow.isdisjoint(columns) else self.chunk // 4


CONTACTS = ImportSource(
    kind=headings.CONTACTS,
    rights=("contacts.add_contact", "contacts.change_contact"),
    write=write_contacts,
    take_back=take_back_contacts,
    chunk=10_000,  # a second and a half; contacts are locked for most of it
    slow=frozenset({"labels"}),
    action="contacts.imported",
)
CAMPAIGNS = ImportSource(
    kind=headings.CAMPAIGNS,
    rights=("contacts.add_campaign", "contacts.change_campaign"),
    write=write_campaigns,
    take_back=take_back_campaigns,
    chunk=200,  # they are written one by one
    action="campaigns.imported",
)
LABEL_MAPPING = ImportSource(
    kind=headings.LABEL_MAPPING,
    rights=("labels.change_channellabel",),
    write=write_label_mapping,
    take_back=take_back_label_mapping,
    chunk=200,  # each starts a job
    action="label_mapping.imported",
)


# -- Asking for one ---------------------------------------------------------------------------------------------------


def check_upload(raw: bytes, source: ImportSource) -> str:
    """Refuse a file that cannot be read, as far as that can be told at once; returns its format.

    A large workbook is only opened by the job. Raises UploadRefused.
    """
    file_format = kind_of(raw)
    if is_opened_at_once(raw) and next(open_upload(raw, source.kind).rows, None) is None:
        raise UploadRefused("no_rows")
    return file_format


def is_opened_at_once(raw: bytes) -> bool:
    """Whether a request may read the whole file: small in an archive may be large outside. Raises UploadRefused."""
    return kind_of(raw) == CSV or inflated_size(raw) <= OPENED_AT_ONCE


def start(
    kind: JobKind, upload: bytes, *, owner: Any, dry_run: bool = False, columns: Mapping[int, str] | None = None,
    name: str = "",
) -> Job:  # fmt: skip
    """Queue the import of a file for `owner`, or a look at it; `name` is what the file is called.

    Raises UploadRefused for what is neither CSV nor XLSX.
    """
    parameters = _parameters(kind_of(upload), dry_run=dry_run, columns=columns, name=name)
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters)
        write_blocks(job, UPLOAD, io.BytesIO(upload).read)
    return job


def start_with_upload_of(
    former: Job, kind: JobKind, *, owner: Any, dry_run: bool, columns: Mapping[int, str], whole: bool = False
) -> Job:
    """Queue an import of the file that a dry run looked at, or another look at it with other columns.

    The file goes over to the new job, so it is imported once. Raises UploadRefused where it is gone.
    """
    parameters = _parameters(
        former.parameters["format"], dry_run=dry_run, columns=columns, name=former.parameters["name"]
    )
    with transaction.atomic():
        job = jobs.start(kind, owner=owner, parameters=parameters | {"whole": whole})
        if not JobFile.objects.filter(job=former, name=UPLOAD).update(job=job):
            raise UploadRefused("gone")
    return job


def _parameters(file_format: str, *, dry_run: bool, columns: Mapping[int, str] | None, name: str) -> dict[str, Any]:
    chosen = None if columns is None else {str(place): column for place, column in columns.items()}
    return {
        "format": file_format, "language": get_language(), "dry_run": dry_run, "columns": chosen, "name": name[:100],
        "whole": False,
    }  # fmt: skip


def is_dry(job: Job) -> bool:
    return bool(job.parameters.get("dry_run"))


def counts_of(job: Job) -> dict[str, int]:
    """How many rows were created and so on, so far."""
    told = job.result if "created" in job.result else job.cursor
    return {name: int(told.get(name, 0)) for name in COUNTS}


# -- Doing it ---------------------------------------------------------------------------------------------------------


def step(job: Job, source: ImportSource) -> Step:
    """One step of an import: the file is read, its next rows are looked at or written, or written ones taken back."""
    with in_language_of(job), collector_paused():
        if "back" in job.cursor:
            return _go_back(job, source)
        if job.cancel_asked_at is not None:
            return _end(job, source, job.cursor, job.progress)
        if "undo" in job.result:
            raise JobRefused("undone", _("What it wrote was taken back: begin anew."))
        sentence = _("The right to import was taken away in the meantime: nothing more was written.")
        owner = owner_with(job, source.rights, code="import_right_required", sentence=sentence)
        return _write_rows(job, source, owner) if job.cursor else _read_file(job, source)


def _read_file(job: Job, source: ImportSource) -> Step:
    upload = b"".join(jobs.read_parts(job, UPLOAD))
    chosen = job.parameters.get("columns")
    places = None if chosen is None else {int(place): name for place, name in chosen.items()}
    try:
        opened = open_upload(upload, source.kind, chosen=places)
        total = _keep_rows(job, opened, source)
    except UploadRefused as refused:
        raise JobRefused(refused.code, refusal(refused)) from refused
    if not is_dry(job):
        jobs.forget_files(job, UPLOAD)
    cursor = {"part": 0, "shown": 0, "checking": is_dry(job) or bool(job.parameters.get("whole"))}
    return Step(cursor=cursor | dict.fromkeys(COUNTS, 0), progress=0, total=total)


def _keep_rows(job: Job, opened: Upload, source: ImportSource) -> int:
    """Keep the rows in parts, one in memory at a time; returns how many there are. Raises UploadRefused."""
    total = part = 0
    at_once = source.rows_at_once(opened.names)
    sample: list[list[str]] = []
    while rows := list(islice(opened.rows, at_once)):
        kept = {"headings": opened.headings, "headers": opened.names, "rows": rows}
        jobs.write_part(job, ROWS, part, json.dumps(kept).encode())
        sample = sample or rows[:SAMPLE_ROWS]
        total, part = total + len(rows), part + 1
    if not total:
        raise UploadRefused("no_rows")
    if is_dry(job):
        head = {"headings": opened.headings, "columns": opened.columns, "sample": sample}
        jobs.write_part(job, HEAD, 0, json.dumps(head).encode())
    return total


def _write_rows(job: Job, source: ImportSource, owner: Any) -> Step:
    part = job.cursor["part"]
    kept = json.loads(read_part(job, ROWS, part))
    rows = [dict(zip(kept["headers"], cells, strict=True)) for cells in kept["rows"]]
    seen, checking = _seen_before(job), job.cursor["checking"]
    before = len(seen)
    shown = SHOWN_ROWS - job.cursor["shown"] if is_dry(job) else 0
    batch = ImportBatch(owner=owner, key=f"import{job.pk}", writes=not checking, first_row=seen, shown=shown)
    written = source.write(rows, batch)
    new = islice(reversed(seen.items()), len(seen) - before)
    jobs.write_part(job, SEEN, part, json.dumps(dict(new)).encode())
    _keep(job, part, written, kept)
    cursor = {name: job.cursor[name] + more for name, more in written.counts.items()}
    cursor |= {"part": part + 1, "shown": job.cursor["shown"] + len(written.shown), "checking": checking}
    cursor["seen"] = _last_seen.keep(seen)
    return _go_on(job, source, cursor, progress=job.progress + len(rows))


class _LastSeen:
    """What the last step of this process had seen, for the next one: read anew from its parts at every step, an import
    of 200,000 rows spent a fifth of its time on it.

    Steps that were rolled back are told apart by a mark in the cursor: only what counted carries the cursor's.
    """

    def __init__(self) -> None:
        self._mark, self._seen = "", dict[str, str]()

    def keep(self, seen: dict[str, str]) -> str:
        """Returns the mark that the cursor is to carry."""
        self._mark, self._seen = uuid4().hex, seen
        return self._mark

    def take(self, mark: str) -> dict[str, str] | None:
        """What was kept under this mark, once."""
        known, seen = mark == self._mark, self._seen
        self._mark, self._seen = "", {}
        return seen if known and mark else None


_last_seen = _LastSeen()


def _seen_before(job: Job) -> dict[str, str]:
    """Whom or what the rows before were about, and on which line."""
    if (seen := _last_seen.take(job.cursor.get("seen", ""))) is not None:
        return seen
    seen = {}
    for body in JobFile.objects.filter(job=job, name=SEEN).values_list("body", flat=True):
        seen.update(json.loads(bytes(body)))
    return seen


def _keep(job: Job, part: int, written: Written, kept: Mapping[str, Any]) -> None:
    """Keep what came of a part: what is wrong with rows, what was changed, and what a preview shows."""
    if written.problems:
        begins = problems_head(kept["headings"]) if not job.cursor["failed"] else b""
        jobs.write_part(job, PROBLEMS, part, begins + exports.csv_rows(_problem_lines(written, kept)))
    if written.changes:
        jobs.write_part(job, CHANGES, part, f"[{', '.join(written.changes)}]".encode())
    if written.shown:
        jobs.write_part(job, PREVIEW, part, json.dumps([asdict(each) for each in written.shown]).encode())


def problems_head(found: Sequence[str]) -> bytes:
    """The heading of a file of problems: where, what is wrong, and then the row as it was, to be corrected."""
    return exports.csv_head(exports.CSV, [_("Row in the file"), _("Column"), _("Problem"), *found])


def _problem_lines(written: Written, kept: Mapping[str, Any]) -> list[list[str]]:
    """The rows that were not written: their line, the columns ("" for the row as a whole), what is wrong, the cells."""
    width = len(kept["headings"])
    cells = {cells[-1]: cells[:width] for cells in kept["rows"]}
    return [
        [
            str(line),
            ", ".join(filter(None, problems)),
            " ".join(sentence for sentences in problems.values() for sentence in sentences),
            *cells[str(line)],
        ]
        for line, problems in sorted(written.problems.items())
    ]


def _go_on(job: Job, source: ImportSource, cursor: dict[str, Any], *, progress: int) -> Step:
    if job.parameters.get("whole") and cursor["failed"]:
        if not cursor["checking"]:
            return Step(cursor=cursor | {"back": cursor["part"] - 1}, progress=progress, total=job.total)
        if progress == job.total:
            return _end(job, source, cursor, progress)
    elif progress == job.total and cursor["checking"] and not is_dry(job):
        jobs.forget_files(job, SEEN)  # every row is right: from the beginning, and now they are written
        again = {"part": 0, "shown": 0, "checking": False}
        return Step(cursor=again | dict.fromkeys(COUNTS, 0), progress=0, total=job.total)
    elif progress == job.total:
        return _end(job, source, cursor, progress)
    return Step(cursor=cursor, progress=progress, total=job.total)


def _go_back(job: Job, source: ImportSource) -> Step:
    """All or nothing, and a row became wrong while others were written: part by part these are taken back."""
    part = job.cursor["back"]
    batch = ImportBatch(owner=job.owner, key=f"import{job.pk}", writes=True, first_row={})
    source.take_back(changes_of(job, part), batch)
    if part:
        return Step(cursor=job.cursor | {"back": part - 1}, progress=job.progress, total=job.total)
    jobs.forget_files(job, CHANGES)
    return _end(job, source, job.cursor, job.progress)


def changes_of(job: Job, part: int) -> list[dict[str, Any]]:
    """What a part of an import changed."""
    body = JobFile.objects.filter(job=job, name=CHANGES, part=part).values_list("body", flat=True).first()
    return json.loads(bytes(body)) if body is not None else []


def _end(job: Job, source: ImportSource, cursor: dict[str, Any], progress: int) -> Step:
    """Done, or stopped: say what was written, and forget what only the job needed."""
    _last_seen.take("")
    counts = {name: int(cursor.get(name, 0)) for name in COUNTS}
    nothing = bool("back" in cursor or (job.parameters.get("whole") and cursor.get("checking")))
    if nothing:
        counts |= {"created": 0, "changed": 0}
    if progress and not is_dry(job) and not nothing:
        _record(job, source, counts, rows=progress)
    jobs.forget_files(job, ROWS, SEEN)
    if not is_dry(job):
        jobs.forget_files(job, UPLOAD)
    return Step(cursor=cursor, progress=progress, total=job.total, result=counts | {"nothing": nothing})


def _record(job: Job, source: ImportSource, counts: Mapping[str, int], *, rows: int, **more: Any) -> None:
    audit.record(
        actor=job.owner, action=source.action, format=job.parameters["format"], rows=rows, new=counts["created"],
        changed=counts["changed"], unchanged=counts["unchanged"], failed=counts["failed"], **more,
    )  # fmt: skip


def record_failure(job: Job, source: ImportSource) -> None:
    """An import that failed for good wrote rows before: the audit trail says how many, as of one that was done."""
    if job.progress and not is_dry(job) and not job.cursor.get("checking"):
        _record(job, source, counts_of(job), rows=job.progress, state=Job.State.FAILED.value)
