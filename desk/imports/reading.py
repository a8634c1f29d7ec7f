"""What the page of an import shows of its job: how far it is, what came of each row, and what may be done with it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labelcrm.core import jobs
from labelcrm.core.models import Job, JobFile
from transfer import import_job, import_undo
from transfer.imports.headings import CAMPAIGNS, CONTACTS, LABEL_MAPPING
from transfer.imports.templates import COLUMNS
from transfer.job_files import PROBLEMS, link
from transfer.jobs import KIND_OF_IMPORT

KINDS: dict[str, str | Promise] = {
    CONTACTS: _("Contacts"),
    CAMPAIGNS: _("Campaigns"),
    LABEL_MAPPING: _("What WhatsApp labels mean"),
}
TITLES: dict[str, str | Promise] = {
    CONTACTS: _("Import contacts"),
    CAMPAIGNS: _("Import campaigns"),
    LABEL_MAPPING: _("Import what WhatsApp labels mean"),
}
MOST_PROBLEMS, MOST_CHANGES = 20, 20  # rows that the page shows; the file has all
SAMPLE_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of the file: its heading, what stands in its first rows, and which of ours it was taken for."""

    place: int
    heading: str
    sample: str
    chosen: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not written: its line, our names for the columns that are wrong, their titles, and the reasons."""

    line: str
    column: str
    titles: list[str | Promise]
    problem: str


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row of the preview; `cells` are (title of the column, before, after)."""

    line: int
    new: bool
    cells: list[tuple[str | Promise, str, str]]


@dataclass(slots=True)
class ImportView:
    """An import as its page shows it."""

    job: Job
    kind: str
    counts: dict[str, int]
    columns: list[FileColumn] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    changes: list[ChangedRow] = field(default_factory=list)
    errors_url: str = ""
    undo: Job | None = None

    @property
    def is_dry(self) -> bool:
        return import_job.is_dry(self.job)

    @property
    def is_confirmed(self) -> bool:
        """Whether the file went on to an import, or to another look at it, or was cleared away."""
        return self.is_dry and not JobFile.objects.filter(job=self.job, name=import_job.UPLOAD).exists()

    @property
    def good(self) -> int:
        """How many rows there are to write."""
        return self.counts["created"] + self.counts["changed"]

    @property
    def can_undo(self) -> bool:
        return import_undo.can_undo(self.job)

    @property
    def reason(self) -> str:
        return str(self.job.result.get("sentence") or self.job.error)

    @property
    def percent(self) -> int | None:
        return min(100, self.job.progress * 100 // self.job.total) if self.job.total else None


def view_of(job: Job) -> ImportView:
    """Everything that the page of an import shows; a few queries, however long the file is."""
    view = ImportView(job, KIND_OF_IMPORT[job.kind], import_job.counts_of(job))
    if not job.is_finished:
        return view
    view.columns = _columns(job)
    view.changes = _changes(job, view.kind)
    if view.counts["failed"]:
        view.refused = _refused(job, view.kind)
        view.errors_url = link(job, PROBLEMS)
    view.undo = Job.objects.filter(pk=job.result.get("undo") or 0).first()
    return view


def _columns(job: Job) -> list[FileColumn]:
    head = _json(job, import_job.HEAD)
    if not head:
        return []
    chosen = {int(place): name for place, name in head["columns"].items()}
    return [
        FileColumn(place, heading or "–", _sample(head["sample"], place), chosen.get(place, ""))
        for place, heading in enumerate(head["headings"])
    ]


def _sample(rows: list[list[str]], place: int) -> str:
    cells = (" ".join(row[place].split()) for row in rows)
    return ", ".join(cell[:SAMPLE_CHARACTERS] for cell in cells if cell)


def _changes(job: Job, kind: str) -> list[ChangedRow]:
    titles = {column.name: column.title for column in COLUMNS[kind]}
    return [
        ChangedRow(row["line"], row["new"], [(titles[name], *cells) for name, cells in row["cells"].items()])
        for row in _json(job, import_job.PREVIEW)[:MOST_CHANGES]
    ]


def _json(job: Job, name: str) -> Any:
    """The first part of a file of the job that holds JSON; nothing where there is none."""
    body = JobFile.objects.filter(job=job, name=name).order_by("part").values_list("body", flat=True).first()
    return json.loads(bytes(body)) if body is not None else []


def _refused(job: Job, kind: str) -> list[RefusedRow]:
    titles = {column.name: column.title for column in COLUMNS[kind]}
    body = next(iter(jobs.read_parts(job, PROBLEMS)), b"")
    lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    return [
        RefusedRow(line, columns, [titles.get(name, name) for name in columns.split(", ") if name], problem)
        for line, columns, problem, *_cells in islice(lines, 1, MOST_PROBLEMS + 1)
    ]
