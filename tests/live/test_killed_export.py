"""A real worker is killed with -9 in the middle of an export: another one goes on, and there is one file, once."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from openpyxl import load_workbook

from contacts.models import Contact
from labelcrm.core import jobs as core_jobs
from labelcrm.core.bulk import fetch
from labelcrm.core.models import AuditEntry, Job, JobFile
from reports.models import Segment
from tests.browser.serving import database_url
from tests.factories import UserFactory
from tests.live.system import wait_until
from tests.live.test_long_work import WAITING, Workers, a_minute_passes, wait_for, workers
from transfer import exports, jobs
from transfer.funnel import Exclusions
from transfer.layouts import LAYOUTS
from transfer.models import Export, ExportedPerson, Reason
from transfer.people_export import ExportOrder

__all__ = ["workers"]
pytestmark = pytest.mark.django_db(transaction=True)

# So many pieces that the worker is still at them when it is killed.
PEOPLE = {exports.CSV: 6 * exports.CHUNK, exports.XLSX: 3 * exports.CHUNK}


@contextmanager
def nobody_writes(table: str) -> Iterator[Callable[[], None]]:
    """Until the end of this, whoever writes to `table` waits.

    What it gives waits until somebody does, while jobs without a task are looked for as beat does.
    """

    def somebody_waits() -> bool:
        core_jobs.sweep()
        return bool(fetch(WAITING, [])[0][0])

    with psycopg.connect(database_url()) as other:
        other.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield lambda: wait_until(somebody_waits, seconds=60, what=f"somebody writes to {table}")


def everybody(count: int) -> Segment:
    """A segment of so many people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contact (name, name_source, phone, lid, first_seen_at, created_at, updated_at)"
            " SELECT 'Budi 🌸 ' || n, '', '+62813' || lpad(n::text, 8, '0'), '', now(), now(), now()"
            " FROM generate_series(1, %s) AS n",
            [count],
        )
        cursor.execute("ANALYZE contacts_contact")
    return Segment.objects.create(name="Semua", definition={"any": [{"all": []}]}, shared="everyone")


def phones(body: bytes, layout: str) -> list[str]:
    if layout == exports.XLSX:
        sheet: Any = load_workbook(io.BytesIO(body), read_only=True).active
        return [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)]
    return [row["phone"] for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))]


@pytest.mark.parametrize("layout", [exports.CSV, pytest.param(exports.XLSX, marks=pytest.mark.full)])
def test_a_killed_worker_leaves_nothing_half_written(workers: Workers, layout: str) -> None:
    """Killed while it writes the snapshot, while it writes rows, and while it seals."""
    segment = everybody(PEOPLE[layout])
    order = ExportOrder(layout=LAYOUTS[layout], exclusions=Exclusions(hold_out=10))
    expected = PEOPLE[layout] * 9 // 10
    with nobody_writes("transfer_exportedperson") as somebody_waits:
        workers.start(drains=False)
        export = jobs.export_segment(segment, order, owner=UserFactory(role="marketing"))
        job = Job.objects.get(pk=export.job_id)
        somebody_waits()
        workers.kill()
    job.refresh_from_db()
    assert (job.cursor, ExportedPerson.objects.count(), JobFile.objects.count()) == ({}, 0, 0)

    a_minute_passes(job)
    workers.start(drains=False)
    wait_for(job, lambda job: job.progress > 0, "rows are written")
    with nobody_writes("core_jobfile") as somebody_waits:
        somebody_waits()
        workers.kill()
    job.refresh_from_db()
    assert 0 < job.progress < expected
    pieces = JobFile.objects.filter(job=job, name="file").count()
    assert pieces == 1 + len(job.cursor["ends"]), "the headings, and the pieces that count"

    with nobody_writes("core_auditentry") as somebody_waits:
        a_minute_passes(job)
        workers.start(drains=False)
        somebody_waits()
        workers.kill()
    export = Export.objects.get(pk=export.pk)
    assert (export.finished_at, jobs.export_link(export)) == (None, "")

    a_minute_passes(job)
    workers.start(drains=False)
    wait_for(job, lambda job: job.is_finished, "the export is done")
    export = Export.objects.get(pk=export.pk)
    assert (export.state, export.matched, export.rows) == (Job.State.DONE, PEOPLE[layout], expected)
    answer: Any = Client().get(jobs.export_link(export))
    body = b"".join(answer.streaming_content)
    assert hashlib.sha256(body).hexdigest() == export.sha256
    held_out = set(
        ExportedPerson.objects.filter(export=export, reason=Reason.HOLD_OUT).values_list("contact_id", flat=True)
    )
    inside = Contact.objects.exclude(pk__in=held_out).order_by("pk").values_list("phone", flat=True)
    assert phones(body, layout) == [phone.removeprefix("+") for phone in inside]
    assert AuditEntry.objects.filter(action="segments.exported").count() == 1
