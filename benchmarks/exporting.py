"""P4: an export of a million contacts, from the click to the file, against psql's \\copy of the same query.

The peer asks in one statement what an export asks: whom the segment means, whom to leave out and why, and six cleaned
cells of everybody else. An export writes that down as well, in a snapshot of a row per person, step by step, and looks
again at each person before their row is written. Interleaved; medians count. The workbook is measured against openpyxl
in its write-only mode with the cells at hand, a tenth of the rows.
"""

from __future__ import annotations

import csv
import io
import os
import resource
import subprocess
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import volume
from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 3
COLUMNS = ("phone", "name", "labels", "campaign", "assigned_to", "last_message_at")
SHEET_ROWS = 100_000
DOWNLOADS = 20
PATIENCE = 3600.0
PEER = Path(__file__).with_name("export_peer.sql")
QUOTE = "'"
Lines: TypeAlias = list[list[str]]


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """Ours ÷ psql in rows per second, openpyxl's time ÷ ours, memory, and how soon a download begins."""
    volume.fill()
    # First of all: what is measured is how high this process's memory ever went.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken, book = _export("xlsx")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    path = site.folder / "peer.csv"
    kept: list[dict[str, float]] = []
    same = True
    for number in range(rounds or ROUNDS):
        peer = _psql(site, path)
        ours, export = _export("csv")
        same = same and _same(export, path)
        _forget(export)
        sheet, openpyxl = _workbooks(path)
        kept.append({"psql": export.rows / peer, "ours": export.rows / ours, "workbook": openpyxl / sheet})
        print(f"  round {number + 1}: {ours:.1f} s, psql {peer:.1f} s: {peer / ours:.3f}", flush=True)
    figures = [
        Figure(name="export ÷ psql \\copy", value=median([o["ours"] / o["psql"] for o in kept]), goal=(">=", 0.45)),
        Figure(name="files that differ", value=int(not same), goal=("<=", 0)),
        Figure(name="workbook: openpyxl ÷ ours", value=median([o["workbook"] for o in kept]), goal=(">=", 8)),
        Figure(name="first byte of the download", value=_first_byte(site, book), unit="ms", goal=("<=", 50)),
        Figure(name="more memory for a workbook of a million", value=grown, unit="MB", goal=("<=", 30)),
        Figure(name="export", value=median([o["ours"] for o in kept]), unit="/s"),
        Figure(name="psql \\copy", value=median([o["psql"] for o in kept]), unit="/s"),
    ]
    notes = [f"{export.rows:,} people of a million, {len(COLUMNS)} columns; the workbook took {taken:.0f} s"]
    return Result(bench="P4", title="export of a million contacts", figures=figures, rounds=kept, notes=notes)


# -- Ours -------------------------------------------------------------------------------------------------------------


def _export(layout: str) -> tuple[float, Any]:
    """Seconds of the whole job, step by step as the worker does it, and the export."""
    from labelcrm.core import jobs

    start = time.perf_counter()
    export = _asked(layout)
    jobs.run(export.job_id, seconds=PATIENCE)
    taken = time.perf_counter() - start
    export.refresh_from_db()
    assert export.sha256, export.job.error
    return taken, export


def _asked(layout: str) -> Any:
    from labelcrm.core.models import User
    from reports.models import Segment
    from transfer.jobs import export_segment
    from transfer.layouts import LAYOUTS
    from transfer.people_export import ExportOrder

    owner, _created = User.objects.get_or_create(username="bench", is_superuser=True)
    everybody = {"any": [{"all": []}]}
    segment, _created = Segment.objects.get_or_create(name="everybody", owner=owner, definition=everybody)
    return export_segment(segment, ExportOrder(layout=LAYOUTS[layout], columns=COLUMNS), owner=owner)


def _file_of(export: Any) -> bytes:
    from labelcrm.core import jobs
    from transfer.job_files import MADE

    return b"".join(jobs.read_parts(export.job, MADE))


def _forget(export: Any) -> None:
    """So that each round begins with the same tables."""
    from labelcrm.core import jobs
    from labelcrm.core.bulk import execute

    jobs.forget_files(export.job)
    execute("DELETE FROM transfer_exportedperson WHERE export_id = %s", [export.pk])


def _first_byte(site: Site, export: Any) -> float:
    """Milliseconds until the first byte of the finished file has come, over HTTP; the median of many."""
    from transfer.jobs import export_link

    def taken() -> float:
        start = time.perf_counter()
        with urllib.request.urlopen(f"{site.url}{export_link(export)}") as answer:
            answer.read(1)
        return (time.perf_counter() - start) * 1000

    with site.running("web"):
        taken()  # the first request of a process compiles and connects
        return median([taken() for _ in range(DOWNLOADS)])


# -- The peers --------------------------------------------------------------------------------------------------------


def _psql(site: Site, path: Path) -> float:
    from labelcrm.lib.cells import FORMULA

    query = " ".join(PEER.read_text().format(formula=f"'{FORMULA.replace(QUOTE, QUOTE * 2)}'").split("\n"))
    psql = site.program("psql")
    assert psql, "P4 needs psql"
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", os.environ["DATABASE_URL"], "-c"]
    start = time.perf_counter()
    subprocess.run([*command, f"\\copy ({query}) TO '{path}' (FORMAT csv, HEADER)"], check=True)
    return time.perf_counter() - start


def _same(export: Any, path: Path) -> bool:
    """Whether both files say the same, cell by cell."""
    ours = csv.reader(io.StringIO(_file_of(export).decode("utf-8-sig"), newline=""))
    with path.open(newline="") as file:
        return all(one == other for one, other in zip_longest(ours, csv.reader(file)))


def _workbooks(path: Path) -> tuple[float, float]:
    """Seconds for a workbook of the same cells: ours, and openpyxl's."""
    with path.open(newline="") as file:
        lines = list(islice(csv.reader(file), SHEET_ROWS))
    return _timed(lambda: _our_workbook(lines)), _timed(lambda: _workbook_of_openpyxl(lines))


def _our_workbook(lines: Lines) -> None:
    from transfer import exports

    exports.write_xlsx(io.BytesIO(), lines[0], lines[1:], created=datetime.now(UTC))


def _workbook_of_openpyxl(lines: Lines) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in lines:
        sheet.append(line)
    book.save(io.BytesIO())


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
