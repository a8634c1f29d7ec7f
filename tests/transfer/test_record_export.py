"""Exports of label intervals and events: the rows of the API, once each, whatever happens while they are written."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job, JobFile
from labels.models import LabelAssignment, LabelEvent
from tests.desk.conftest import Shop, other_shop, shop
from tests.factories import THEN, UserFactory
from tests.transfer.opting_out import somebody_opts_out
from tests.transfer.test_export_job import done, killing, made, run_killed, steps
from tests.work import do_work
from transfer import exports, jobs, pieces
from transfer.label_records import SOURCES
from transfer.layouts import LAYOUTS
from transfer.models import Export, ExportKind
from transfer.record_export import RecordOrder

__all__ = ["killing", "other_shop", "shop"]
pytestmark = pytest.mark.django_db

BOTH = pytest.mark.parametrize("kind", [ExportKind.INTERVALS, ExportKind.EVENTS])
LISTS = {ExportKind.INTERVALS: "assignments", ExportKind.EVENTS: "label-events"}


@pytest.fixture(autouse=True)
def _three_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 3)


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory(role="analyst", language="en", first_name="Ana", last_name="Lisa")


@pytest.fixture
def ten(shop: Shop, user: Any) -> list[LabelAssignment]:
    """Ten intervals, of which every third is over, with what is hard to write: formulas, emoji, quotes, a LID."""
    row = shop.whatsapp_label("Grade A 🌟", label="Grade A")
    found = []
    for n in range(10):
        contact = shop.contact(name=f"Budi {n}", lid="12345678901234" if n == 2 else "")
        hours = 1.5 + n if n % 3 == 0 else None
        actors: dict[str, Any] = {"added_by": None, "added_by_user": user} if n == 4 else {}
        name = {5: '=HYPERLINK("http://x")', 6: 'Lunas, "cash"; 🌸\nbaru'}.get(n, row.name)
        at = THEN + timedelta(days=n, microseconds=n * 1000)
        ended = {"removed_at": at + timedelta(hours=hours)} if hours else {}
        found.append(shop.put(contact, row, hours=hours, channel_label_name=name, added_at=at, **ended, **actors))
        record(found[-1])
    return found


def record(interval: LabelAssignment, kind: str = "add") -> LabelEvent:
    return LabelEvent.objects.create(
        contact=interval.contact, channel=interval.channel, channel_label=interval.channel_label, kind=kind,
        occurred_at=interval.added_at, occurred_at_source="whatsapp", received_at=interval.added_at,
        actor_agent=interval.added_by, actor_user=interval.added_by_user, event_key=f"{kind}{interval.pk}",
        effect="opened", capped=interval.pk % 2 == 0,
    )  # fmt: skip


def start(user: Any, kind: ExportKind = ExportKind.INTERVALS, file_format: str = exports.CSV, **order: Any) -> Job:
    rows: Any = SOURCES[kind].rows()
    given = RecordOrder(layout=LAYOUTS[file_format], filters={}, sentence="", **order)
    job = jobs.export_records(kind, rows.visible_to(viewer_of(user)), given, owner=user).job
    assert job is not None
    return job


def lines(job: Job) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made(job).decode("utf-8-sig"), newline="")))


def of_api(user: Any, kind: ExportKind, **given: Any) -> list[dict[str, Any]]:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    found: list[dict[str, Any]] = client.get(f"/api/v1/{LISTS[kind]}/", given).json()["results"]
    return found


def as_cell(field: str, value: Any) -> str:
    """What a value of the API is in a file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).removeprefix("+") if field == "phone" else str(value)
    return f"'{text}" if text.startswith("=") else text


# -- What is in it ----------------------------------------------------------------------------------------------------


@BOTH
def test_the_file_has_the_rows_and_fields_of_the_api(ten: list[Any], user: Any, kind: ExportKind) -> None:
    found = lines(done(start(user, kind, addresses=True)))
    told = [{name: as_cell(name, value) for name, value in row.items()} for row in of_api(user, kind)]
    assert found == told
    assert len(found) == 10


def test_a_sheet_has_the_same_rows_and_nothing_runs_in_it(ten: list[Any], user: Any) -> None:
    rows = lines(done(start(user, addresses=True)))
    book = load_workbook(io.BytesIO(made(done(start(user, file_format=exports.XLSX, addresses=True)))))
    head, *cells = [list(row) for row in book.active.iter_rows()]
    names = [cell.value for cell in head]
    assert [{name: cell.value or "" for name, cell in zip(names, row, strict=True)} for row in cells] == rows
    assert {cell.data_type for row in cells for cell in row} <= {"s", "inlineStr", "n"}
    assert rows[5]["channel_label_name"] == '\'=HYPERLINK("http://x")'
    assert rows[6]["channel_label_name"] == 'Lunas, "cash"; 🌸\nbaru'


def test_addresses_are_in_it_only_where_they_were_asked_for(ten: list[Any], user: Any) -> None:
    without, with_them = lines(done(start(user))), lines(done(start(user, addresses=True)))
    assert set(with_them[0]) - set(without[0]) == {"phone", "lid"}
    assert with_them[2]["lid"] == "12345678901234@lid"
    assert with_them[0]["phone"] == ten[0].contact.phone.removeprefix("+")


def test_who_opted_out_stands_in_it_by_id_alone(ten: list[Any], user: Any) -> None:
    gone = ten[2].contact
    Contact.objects.filter(pk=gone.pk).update(opted_out_at=timezone.now())
    body = made(done(start(user, addresses=True)))
    [row] = [each for each in lines(Job.objects.get()) if each["contact"] == str(gone.pk)]
    assert (row["phone"], row["lid"], row["label_name"]) == ("", "", "Grade A")
    assert gone.phone.removeprefix("+").encode() not in body
    assert b"12345678901234" not in body


def test_archived_contacts_and_whatsapps_own_lists_are_left_out(ten: list[Any], shop: Shop, user: Any) -> None:
    shop.put(shop.contact(), shop.whatsapp_label("Grade B", hidden=True))
    Contact.objects.filter(pk=ten[1].contact_id).update(deleted_at=timezone.now())
    assert [row["id"] for row in lines(done(start(user)))] == [str(each.pk) for n, each in enumerate(ten) if n != 1]


@BOTH
def test_a_team_lead_gets_what_the_team_sees(ten: list[Any], other_shop: Shop, kind: ExportKind) -> None:
    theirs = other_shop.put(other_shop.contact(), other_shop.whatsapp_label())
    event = record(theirs)
    lead = UserFactory(role="cs_lead", teams=[other_shop.team], language="en")
    expected = theirs.pk if kind == ExportKind.INTERVALS else event.pk
    assert [row["id"] for row in lines(done(start(lead, kind)))] == [str(expected)]
    assert [row["id"] for row in of_api(lead, kind)] == [expected]
    assert Export.objects.get().scope == f"kontak {other_shop.team.name}"


def test_nothing_matches_and_the_file_has_its_head(user: Any) -> None:
    job = done(start(user))
    assert made(job).decode("utf-8-sig").split("\r\n")[0] == ",".join(
        SOURCES[ExportKind.INTERVALS].columns(addresses=False)
    )
    assert (job.result["rows"], Export.objects.get().rows) == (0, 0)


# -- What is kept of it -----------------------------------------------------------------------------------------------


def test_what_left_the_house_is_written_down(ten: list[Any], user: Any) -> None:
    job = done(start(user, addresses=True))
    export = Export.objects.get()
    digest = hashlib.sha256(made(job)).hexdigest()
    assert (export.kind, export.rows, export.matched, export.sha256) == ("intervals", 10, 10, digest)
    assert export.finished_at is not None
    entry = AuditEntry.objects.get(action="intervals.exported")
    assert entry.actor == user
    assert {"rows": 10, "sha256": digest, "format": "csv", "export": export.pk}.items() <= entry.details.items()
    assert "phone" in entry.details["columns"]
    assert {file.name for file in JobFile.objects.all()} == {"file"}, "the ids are forgotten"
    answer: Any = Client().get(core_jobs.KINDS[job.kind].link(job))
    assert answer["Content-Disposition"].startswith('attachment; filename="label_intervals-')


# -- Whatever happens meanwhile ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", [exports.CSV, exports.XLSX])
def test_killed_in_any_step_it_makes_the_same_bytes(
    ten: list[Any], user: Any, killing: Callable[..., None], file_format: str
) -> None:
    undisturbed, killed = start(user, file_format=file_format), start(user, file_format=file_format)
    Job.objects.update(created_at=undisturbed.created_at)
    core_jobs.run(undisturbed.pk)
    killing("label_intervals.export", 1, 3, 4, 6, 8)
    assert run_killed(killed) == 5
    undisturbed.refresh_from_db()
    killed.refresh_from_db()
    assert made(killed) == made(undisturbed)
    assert AuditEntry.objects.filter(action="intervals.exported").count() == 2


def test_a_row_written_during_the_export_is_not_in_it(ten: list[Any], shop: Shop, user: Any) -> None:
    job = steps(start(user), 2)
    late = shop.put(shop.contact(), ten[0].channel_label)
    ids = [row["id"] for row in lines(done(job))]
    assert ids == [str(each.pk) for each in ten]
    assert str(late.pk) not in ids


def test_a_row_changed_during_the_export_stands_as_it_was_written(ten: list[Any], user: Any) -> None:
    job = steps(start(user), 2)
    at = timezone.now()
    LabelAssignment.objects.filter(pk__in=[ten[1].pk, ten[8].pk]).update(removed_at=at, updated_at=at)
    rows = lines(done(job))
    assert [rows[1]["removed_at"], rows[8]["removed_at"]] == ["", timezone.localtime(at).isoformat()]
    assert rows[8]["updated_at"] == timezone.localtime(at).isoformat()
    assert len(rows) == 10


def test_who_was_erased_after_their_row_was_written_is_not_in_it(ten: list[Any], user: Any) -> None:
    job = steps(start(user), 3)
    for n in (0, 8):
        Contact.objects.get(pk=ten[n].contact_id).delete()
    assert [row["id"] for row in lines(done(job))] == [str(each.pk) for n, each in enumerate(ten) if n not in (0, 8)]
    assert (job.result["rows"], job.result["gone"]) == (8, 2)


def test_who_opts_out_after_their_row_was_written_is_blank_in_it(ten: list[Any], user: Any) -> None:
    job = steps(start(user, addresses=True), 4)
    assert job.progress == job.total, "every row is written"
    Contact.objects.filter(pk__in=[ten[0].contact_id, ten[9].contact_id]).update(opted_out_at=timezone.now())
    rows = lines(done(job))
    assert [n for n, row in enumerate(rows) if not row["phone"]] == [0, 9]


@pytest.mark.parametrize("addresses", [True, False])
def test_no_file_with_addresses_is_sealed_while_somebody_is_being_opted_out(
    ten: list[Any], user: Any, monkeypatch: pytest.MonkeyPatch, addresses: bool
) -> None:
    monkeypatch.setattr(pieces, "_PATIENCE", 0.01)
    with somebody_opts_out():
        job = steps(start(user, addresses=addresses), 10)
        assert (job.state == Job.State.DONE) is not addresses
    assert done(job).state == Job.State.DONE


def test_who_was_merged_into_somebody_who_opted_out_is_blank(ten: list[Any], user: Any) -> None:
    job = steps(start(user, addresses=True), 4)
    heir = ten[5].contact
    Contact.objects.filter(pk=heir.pk).update(opted_out_at=THEN)
    LabelAssignment.objects.filter(pk=ten[0].pk).update(contact=heir)
    rows = lines(done(job))
    assert [(n, row["contact"]) for n, row in enumerate(rows) if not row["phone"]] == [
        (0, str(heir.pk)), (5, str(heir.pk)),
    ]  # fmt: skip


def test_what_the_owner_no_longer_sees_is_not_written(ten: list[Any], shop: Shop, other_shop: Shop) -> None:
    other_shop.put(other_shop.contact(), other_shop.whatsapp_label())
    lead = UserFactory(role="cs_lead", teams=[shop.team, other_shop.team])
    job = steps(start(lead), 2)
    lead.teams.remove(shop.team)
    assert len(lines(done(job))) == 1, "what was written before is taken out"


def test_who_lost_the_right_gets_no_file(ten: list[Any], user: Any) -> None:
    job = steps(start(user), 2)
    user.groups.get().permissions.remove(Permission.objects.get(codename="export_contact"))
    steps(job, 1)
    assert (job.state, job.error) == (Job.State.FAILED, "export_right_required")
    assert not AuditEntry.objects.filter(action="intervals.exported").exists()


def test_cancelled_it_leaves_nothing(ten: list[Any], user: Any) -> None:
    job = steps(start(user), 2)
    assert core_jobs.cancel(job, actor=user)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert not JobFile.objects.exists()
    assert Export.objects.get().state == "cancelled"
    assert not AuditEntry.objects.filter(action="intervals.exported").exists()


def test_more_rows_than_a_sheet_holds_are_refused(ten: list[Any], user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 9)
    job = start(user, file_format=exports.XLSX)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "too_many_rows")


@BOTH
def test_a_step_costs_the_same_few_queries_however_many_rows(
    ten: list[Any], user: Any, kind: ExportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for chunk in (2, 8):
        monkeypatch.setattr(exports, "CHUNK", chunk)
        job = steps(start(user, kind), 1)
        with CaptureQueriesContext(connection) as asked:
            steps(job, 1)
        costs.append(len(asked))
    assert costs[0] == costs[1] < 25
