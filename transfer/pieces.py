"""The pieces of a file that a job writes step by step, and how they become one file.

A file is its headings and then the pieces of its rows, each kept as a part of the job's (`JobFile`). A piece may be
written again until the file is closed; closed again, it is the same file where no piece changed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from contacts.services.opt_out import hold_opt_outs
from labelcrm.core import jobs
from labelcrm.core.jobs import JobRefused
from labelcrm.core.models import Job, JobFile
from labelcrm.core.viewer import Viewer
from transfer import exports
from transfer import workbook as workbooks
from transfer.exports import ChosenPeople
from transfer.job_files import MADE
from transfer.layouts import Layout

_PATIENCE = 5.0  # seconds of a step for who is being opted out
_BEFORE, _HEAD, _FIRST = 0, 1, 2  # parts of the file: a workbook's beginning, the headings, the first rows


def write_head(job: Job, head: bytes) -> None:
    """Keep what stands before the rows."""
    jobs.write_part(job, MADE, _HEAD, head)


def write_rows(job: Job, layout: Layout, piece: int, lines: Sequence[Sequence[Any]]) -> None:
    """Keep these rows as the piece with this number, from 0 on."""
    write_piece(job, piece, layout.piece(lines))


def write_piece(job: Job, piece: int, body: bytes) -> None:
    """Keep rows that are written already as the piece with this number."""
    jobs.write_part(job, MADE, _FIRST + piece, body)


def write_people(
    job: Job, layout: Layout, piece: int, people: ChosenPeople, *, viewer: Viewer, columns: Sequence[str]
) -> None:
    """Keep the rows of these contacts as the piece with this number. What is plain text is written by the database."""
    if layout.is_plain:
        query, values = exports.csv_query(people, viewer=viewer, columns=columns, delimiter=layout.delimiter)
        jobs.write_part_of(job, MADE, _FIRST + piece, query, values)
    else:
        write_rows(job, layout, piece, exports.rows_of_people(people, viewer=viewer, columns=columns))


def close(job: Job, count: int, *, workbook: bool = False) -> str:
    """Make a file of the headings and `count` pieces; its SHA-256.

    Raises JobRefused when pieces were deleted, as those of a failed job are after a while.
    """
    parts = JobFile.objects.filter(job=job, name=MADE, part__range=(_HEAD, _HEAD + count))
    if parts.count() != 1 + count:
        raise JobRefused("files_gone", _("What was begun was deleted in the meantime: begin anew."))
    if workbook:
        _close_workbook(job, end=_FIRST + count)
    digest = hashlib.sha256()
    for body in jobs.read_parts(job, MADE):
        digest.update(body)
    return digest.hexdigest()


def _close_workbook(job: Job, *, end: int) -> None:
    """Put around the pieces of the sheet what makes them a workbook."""
    parts = JobFile.objects.filter(job=job, name=MADE)
    sheet = workbooks.measured(bytes(parts.values_list("body", flat=True).get(part=n)) for n in range(_HEAD, end))
    jobs.write_part(job, MADE, _BEFORE, workbooks.before(sheet, created=job.created_at))
    jobs.write_part(job, MADE, end, workbooks.after(sheet, created=job.created_at))


def whole_file(layout: Layout, columns: Sequence[str], lines: Sequence[Sequence[Any]], *, created: datetime) -> bytes:
    """A file of so few rows that it needs no job."""
    head, rows = layout.head(columns), layout.piece(lines)
    if not layout.is_workbook:
        return head + rows
    sheet = workbooks.measured([head, rows])
    return workbooks.before(sheet, created=created) + head + rows + workbooks.after(sheet, created=created)


# -- The last look ----------------------------------------------------------------------------------------------------


def nobody_opts_out_any_more() -> bool:
    """True as soon as nobody is being opted out, and then until the step has ended; an import may take seconds."""
    deadline = time.monotonic() + _PATIENCE
    while not hold_opt_outs():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
