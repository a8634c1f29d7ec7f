"""An export goes on whatever happens meanwhile, and its file is for whom it is meant, for a week."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from openpyxl import load_workbook

from contacts.models import Agent, Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job, JobFile, JobRun, User
from labelcrm.core.tasks import forget_old_jobs
from tests.desk.conftest import Shop, other_shop, shop
from tests.desk.reports.test_pages import client_of
from tests.factories import ContactFactory, UserFactory
from tests.work import do_work
from transfer import exports, jobs
from transfer.funnel import Exclusions
from transfer.layouts import LAYOUTS
from transfer.models import Export
from transfer.people_export import ExportOrder

__all__ = ["other_shop", "shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _three_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 3)


@pytest.fixture
def ten(db: None) -> list[Contact]:
    return [ContactFactory(name=f"Budi {n}") for n in range(10)]


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory(role="marketing", language="en")


def start(user: Any, file_format: str = exports.CSV) -> Job:
    order = ExportOrder(
        layout=LAYOUTS[file_format], columns=exports.COLUMNS, exclusions=Exclusions(no_phone=False, complaint=False)
    )
    with translation.override(user.language):
        contacts = Contact.objects.visible_to(viewer_of(user))
        job = jobs.export_contacts(contacts, order, owner=user, filters={}).job
    assert job is not None
    return job


def steps(job: Job, count: int) -> Job:
    for _ in range(count):
        core_jobs.run(job.pk, seconds=0)
    job.refresh_from_db()
    return job


def done(job: Job) -> Job:
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, (job.state, job.error)
    return job


def made(job: Job) -> bytes:
    answer: Any = Client().get(core_jobs.KINDS[job.kind].link(job))
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def names(job: Job) -> list[str]:
    return [row["name"] for row in csv.DictReader(io.StringIO(made(job).decode("utf-8-sig"), newline=""))]


def all_names(contacts: list[Contact]) -> list[str]:
    return [contact.name for contact in contacts]


# -- Whatever happens ---------------------------------------------------------------------------------------------


class Killer:
    """Kills whoever does the steps with these numbers, after all that they wrote, once each."""

    def __init__(self, step: Callable[[Job], Any], *numbers: int) -> None:
        self.step, self.numbers, self.calls = step, list(numbers), 0

    def __call__(self, job: Job) -> Any:
        self.calls += 1
        step = self.step(job)
        if self.calls in self.numbers:
            raise SystemExit
        return step


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def begin(name: str, *numbers: int) -> None:
        kind = core_jobs.KINDS[name]
        monkeypatch.setitem(core_jobs.KINDS, name, replace(kind, step=Killer(kind.step, *numbers)))

    return begin


def run_killed(job: Job) -> int:
    """Do a job with a new worker after every death; how many died."""
    deaths = 0
    while Job.objects.filter(pk=job.pk, state__in=core_jobs.UNFINISHED):
        Job.objects.filter(pk=job.pk).update(leased_until=None)
        try:
            core_jobs.run(job.pk, seconds=600)
        except SystemExit:
            deaths += 1
    return deaths


@pytest.mark.parametrize("file_format", [exports.CSV, exports.PROGRAM_CSV, exports.XLSX])
def test_killed_in_any_step_it_makes_the_same_bytes(
    ten: list[Contact], user: Any, killing: Callable[..., None], file_format: str
) -> None:
    undisturbed, killed = start(user, file_format), start(user, file_format)
    Job.objects.update(created_at=undisturbed.created_at)
    core_jobs.run(undisturbed.pk)
    killing("contacts.export", 1, 3, 4, 6, 8)
    assert run_killed(killed) == 5
    undisturbed.refresh_from_db()
    killed.refresh_from_db()
    assert (killed.state, killed.result) == (Job.State.DONE, undisturbed.result)
    assert made(killed) == made(undisturbed)
    assert AuditEntry.objects.filter(action="contacts.exported").count() == 2


def test_a_failed_export_goes_on_where_it_failed(ten: list[Contact], user: Any) -> None:
    job = steps(start(user), 3)
    rights = user.groups.get().permissions
    rights.remove(Permission.objects.get(codename="export_contact"))
    steps(job, 1)
    assert (job.state, job.error) == (Job.State.FAILED, "export_right_required")
    assert "taken away" in job.result["sentence"]
    assert core_jobs.KINDS[job.kind].link(job) == ""
    assert not AuditEntry.objects.filter(action="contacts.exported").exists()
    rights.add(Permission.objects.get(codename="export_contact"))
    assert core_jobs.retry(job, actor=user)
    assert names(done(job)) == all_names(ten)


def test_who_was_switched_off_or_has_left_gets_no_file(ten: list[Contact], shop: Shop, user: Any) -> None:
    lead = UserFactory(role="cs_lead", teams=[shop.team])
    Agent.objects.filter(pk=shop.agent.pk).update(user=lead)
    off, left = start(user), start(lead)
    user.is_active = False
    user.save()
    Agent.objects.filter(pk=shop.agent.pk).update(deleted_at=timezone.now())
    do_work()
    for job in (off, left):
        job.refresh_from_db()
        assert (job.state, job.error) == (Job.State.FAILED, "export_right_required")


def test_who_opts_out_between_two_steps_is_left_out(ten: list[Contact], user: Any) -> None:
    job = steps(start(user), 2)
    Contact.objects.filter(name__in=["Budi 0", "Budi 4", "Budi 9"]).update(opted_out_at=timezone.now())
    assert names(done(job)) == [
        f"Budi {n}" for n in (1, 2, 3, 5, 6, 7, 8)
    ]  # Budi 0 had been written, and was taken out
    counts = (job.result["matched"], job.result["rows"], job.result["excluded"]["opted_out"], job.result["gone"])
    assert counts == (10, 7, 3, 0)


def test_what_the_owner_no_longer_sees_is_not_written(shop: Shop, other_shop: Shop) -> None:
    lead = UserFactory(role="cs_lead", teams=[shop.team, other_shop.team])
    contacts = [*(shop.contact(name=f"A{n}") for n in range(3)), *(other_shop.contact(name=f"B{n}") for n in range(3))]
    job = steps(start(lead), 2)
    lead.teams.remove(other_shop.team)
    assert names(done(job)) == all_names(contacts)[:3]
    assert (job.result["matched"], job.result["gone"]) == (3, 0), "begun anew, with whom they see now"


def test_who_was_merged_or_erased_meanwhile_has_no_row(ten: list[Contact], user: Any) -> None:
    job = steps(start(user), 2)
    Contact.objects.filter(pk=ten[5].pk).update(merged_into=ten[0], deleted_at=timezone.now())
    ten[6].identities.all().delete()
    ten[6].delete()
    assert names(done(job)) == [f"Budi {n}" for n in (0, 1, 2, 3, 4, 7, 8, 9)]


def test_who_came_after_the_click_is_not_in_the_file(ten: list[Contact], user: Any) -> None:
    job = start(user)
    ContactFactory(name="Baru")
    assert names(done(job)) == all_names(ten)


def test_cancelled_it_leaves_nothing(ten: list[Contact], user: Any) -> None:
    job = steps(start(user), 2)
    assert core_jobs.cancel(job, actor=user)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert not JobFile.objects.exists()
    assert core_jobs.KINDS[job.kind].link(job) == ""
    assert not AuditEntry.objects.filter(action="contacts.exported").exists()


def test_more_rows_than_a_sheet_holds_are_refused(
    ten: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 9)
    job = start(user, exports.XLSX)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "too_many_rows")
    assert "1,048,575 rows" in job.result["sentence"]
    Contact.objects.filter(name="Budi 4").update(opted_out_at=timezone.now())
    done(start(user, exports.XLSX))


@pytest.mark.parametrize("file_format", [exports.CSV, exports.XLSX])
def test_nobody_matches_and_the_file_has_its_head(user: Any, file_format: str) -> None:
    job = done(start(user, file_format))
    raw = made(job)
    if file_format == exports.XLSX:
        [head] = load_workbook(io.BytesIO(raw)).active.values
    else:
        [head] = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert tuple(head) == exports.COLUMNS


def test_a_workbook_has_the_rows_of_all_steps(ten: list[Contact], user: Any) -> None:
    job = done(start(user, exports.XLSX))
    sheet = load_workbook(io.BytesIO(made(job))).active
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == all_names(ten)
    assert {file.name for file in JobFile.objects.all()} == {"file"}, "the rows are forgotten"


def test_what_was_searched_for_is_not_kept(ten: list[Contact]) -> None:
    client = client_of("marketing")
    client.post("/admin/contacts/contact/export/?q=Budi+4", {"asked": "1", "layout": "csv", "columns": ["labelled_by"]})
    assert Job.objects.get().parameters["filters"] == {"q": ["…"]}
    assert Export.objects.get().sentence == "Search: Budi 4"
    do_work()
    assert Export.objects.get().rows == 1


def test_words_are_in_the_language_of_who_asked(shop: Shop) -> None:
    shop.put(shop.contact(), shop.whatsapp_label(), added_by=None, added_by_method="unknown")
    told = {}
    for language in ("id", "en"):
        client = Client()
        client.force_login(UserFactory(role="marketing", language=language), backend="contacts.access.StaffBackend")
        client.post("/admin/contacts/contact/export/", {"asked": "1", "layout": "csv", "columns": ["labelled_by"]})
        job = done(Job.objects.latest("pk"))
        [row] = csv.DictReader(io.StringIO(made(job).decode("utf-8-sig"), newline=""))
        told[language] = row["labelled_by"]
    assert "nobody known" in told["en"]
    assert "nobody known" not in told["id"]


# -- Size ---------------------------------------------------------------------------------------------------------


def test_ten_thousand_rows_cost_each_step_the_same(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2000)
    now = timezone.now()
    Contact.objects.bulk_create(
        Contact(name=f"Budi {n}", phone=f"+62813{n:08d}", first_seen_at=now, updated_at=now) for n in range(10_000)
    )
    tracemalloc.start()
    job = start(user)
    costs = []
    while True:
        tracemalloc.reset_peak()
        with CaptureQueriesContext(connection) as asked:
            steps(job, 1)
        if job.is_finished:
            break
        costs.append((len(asked), tracemalloc.get_traced_memory()[1]))
        connection.queries_log.clear()  # it holds every part of the file
    tracemalloc.stop()
    queries, memory = zip(*costs, strict=True)
    assert (len(costs), len(set(queries[1:]))) == (6, 1)  # the first one freezes whom it means
    assert (queries[0] < 40, queries[1] < 25) == (True, True)
    assert max(memory) < 40 * 1024 * 1024
    assert max(memory[2:]) < 1.2 * memory[1]
    assert (job.state, job.progress, job.result["rows"]) == (Job.State.DONE, 10_000, 10_000)
    assert made(job).count(b"\r\n") == 10_001
    assert hashlib.sha256(made(job)).hexdigest() == job.result["sha256"]


@pytest.mark.parametrize(("language", "grouped"), [("id", "3.115"), ("en", "3,115")])
def test_what_came_of_a_job_groups_thousands_as_its_progress_does(language: str, grouped: str) -> None:
    kinds = core_jobs.KINDS
    result = {
        "rows": 3115,
        "excluded": {"no_phone": 3115},
        "gone": 3115,
        "created": 3115,
        "changed": 3115,
        "unchanged": 3115,
    }
    job = Job(state=Job.State.CANCELLED, progress=3115, total=3115, result=result | {"failed": 3115})
    with translation.override(language):
        told = f"{kinds['contacts.export'].outcome(job)} {kinds['contacts.import'].stopped(job)}"
    assert told.count(grouped) == 9
    assert "3115" not in told


def test_asking_makes_no_row_of_the_file(ten: list[Contact]) -> None:
    client = client_of("marketing")
    client.post("/admin/contacts/contact/export/", {"asked": "1", "layout": "csv", "columns": ["labelled_by"]})
    assert set(JobFile.objects.values_list("name", flat=True)) == {"ids"}


# -- The link -----------------------------------------------------------------------------------------------------


def test_a_link_needs_no_login_and_says_what_it_brings(ten: list[Contact], user: Any) -> None:
    job = done(start(user))
    address = core_jobs.KINDS[job.kind].link(job)
    assert address.startswith("/exports/")
    answer: Any = Client().get(address)
    body = b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == (
        f'attachment; filename="contacts-{timezone.localtime(job.created_at):%Y%m%d-%H%M}.csv"'
    )
    assert (answer["Content-Type"], answer["Content-Length"]) == ("text/csv; charset=utf-8", str(len(body)))
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert Client().head(address).status_code == 200
    assert Client().post(address).status_code == 405


def test_a_large_file_is_sent_part_by_part(ten: list[Contact], user: Any) -> None:
    job = done(start(user))
    answer: Any = Client().get(core_jobs.KINDS[job.kind].link(job))
    assert len(list(answer.streaming_content)) == 5  # the headings first


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link[:-2] + "/",
        lambda link: link.replace("file", "ids"),
        lambda link: link.replace("exports/", "exports/1"),
        lambda link: "/exports/1:file/",
    ],
    ids=["cut", "another file", "another job", "unsigned"],
)
def test_a_link_that_nobody_signed_leads_nowhere(ten: list[Contact], user: Any, change: Callable[[str], str]) -> None:
    job = done(start(user))
    address = core_jobs.KINDS[job.kind].link(job)
    assert Client().get(change(address)).status_code == 404


def test_after_a_week_the_link_is_over_and_says_so(ten: list[Contact], user: Any) -> None:
    job = done(start(user))
    kind = core_jobs.KINDS[job.kind]
    address = kind.link(job)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=6, hours=23))
    assert Client().get(address).status_code == 200
    Job.objects.update(finished_at=timezone.now() - timedelta(days=7, seconds=1))
    answer = Client(headers={"Cookie": "django_language=en"}).get(address)
    assert answer.status_code == 410
    assert "7 " in answer.content.decode()
    job.refresh_from_db()
    assert kind.link(job) == ""
    assert "7" in str(kind.outcome(job))


def test_a_link_is_shown_to_whose_it_is_and_to_who_may_export(ten: list[Contact], user: Any) -> None:
    """An auditor sees everybody's work, and gets no file that they could not export."""
    done(start(user))
    shown = {}
    for role in ("marketing", "owner", "auditor"):
        [*lines] = client_of(role).get("/admin/jobs/").context["lines"]
        shown[role] = [bool(line.link) for line in lines]
    assert shown == {"marketing": [], "owner": [True], "auditor": [False]}


def test_whoever_loses_the_right_is_shown_no_link_any_more(ten: list[Contact], user: Any) -> None:
    job = done(start(user))
    client = Client()
    client.force_login(user)

    def links() -> list[bool]:
        return [bool(line.link) for line in client.get("/admin/jobs/").context["lines"]]

    assert links() == [True]
    user.groups.get().permissions.remove(Permission.objects.get(codename="export_contact"))
    assert links() == [False]
    for kind in ("contacts.export", "label_intervals.export", "label_events.export"):
        Job.objects.filter(pk=job.pk).update(kind=kind)
        found = Job.objects.get(pk=job.pk)
        assert not core_jobs.KINDS[kind].may_open(found, User.objects.get(pk=user.pk)), kind


# -- What is forgotten --------------------------------------------------------------------------------------------


def test_files_are_deleted_after_a_week_and_the_job_stays(ten: list[Contact], user: Any) -> None:
    old, new = done(start(user)), done(start(user))
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=8))
    forget_old_jobs()
    assert set(JobFile.objects.values_list("job", flat=True)) == {new.pk}
    old.refresh_from_db()
    assert old.result["rows"] == 10
    assert JobRun.objects.get(job="forget-old-jobs").ok


def test_what_a_failed_export_left_is_deleted_and_a_retry_says_so(ten: list[Contact], user: Any) -> None:
    job = steps(start(user), 2)
    Job.objects.update(state=Job.State.FAILED, finished_at=timezone.now() - timedelta(hours=23), leased_until=None)
    core_jobs.forget_old_files()
    assert JobFile.objects.exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    core_jobs.forget_old_files()
    assert not JobFile.objects.exists()
    core_jobs.retry(job, actor=user)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "files_gone")
    assert job.result["sentence"]
