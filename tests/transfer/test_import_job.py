"""An import goes on whatever happens meanwhile, writes no row twice, and says which rows it could not write."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from contacts.models import Campaign, Contact
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job, JobFile
from tests.desk.reports.test_pages import client_of
from tests.factories import CampaignFactory, ContactFactory, UserFactory
from tests.transfer.test_export_job import killing, run_killed, steps
from tests.transfer.test_imports import CAMPAIGNS, URL, numbered, upload
from tests.work import do_work
from transfer import import_job, jobs
from transfer.job_files import PROBLEMS, link

__all__ = ["killing"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def three_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    write_at_once(monkeypatch, 3, slow=frozenset())


def write_at_once(monkeypatch: pytest.MonkeyPatch, rows: int, **more: Any) -> None:
    for name, source in (("contacts.import", import_job.CONTACTS), ("campaigns.import", import_job.CAMPAIGNS)):
        step = partial(import_job.step, source=replace(source, chunk=rows, **more))
        kind = replace(core_jobs.KINDS[name], step=step)
        monkeypatch.setitem(core_jobs.KINDS, name, kind)


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory(role="marketing", language="en")


def start(user: Any, text: str) -> Job:
    with translation.override(user.language):
        return jobs.import_contacts(text.encode(), owner=user)


def done(job: Job) -> Job:
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, (job.state, job.error)
    return job


def problems(job: Job) -> list[dict[str, str]]:
    answer: Any = Client().get(link(job, PROBLEMS))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def kept_files(*jobs: Job) -> set[str]:
    files = JobFile.objects.filter(job__in=jobs) if jobs else JobFile.objects.all()
    return set(files.values_list("name", flat=True))


# -- Whatever happens ---------------------------------------------------------------------------------------------


def test_killed_in_any_step_it_writes_no_row_twice(user: Any, three_a_step: None, killing: Callable[..., None]) -> None:
    ContactFactory(phone="+6281300000004", name="Lama")
    job = start(user, numbered(10))
    killing("contacts.import", 1, 3, 4, 7)
    assert run_killed(job) == 4
    job.refresh_from_db()
    assert (job.state, job.result) == (
        Job.State.DONE,
        {"created": 9, "changed": 1, "unchanged": 0, "failed": 0, "nothing": False},
    )
    assert sorted(Contact.objects.values_list("name", flat=True)) == [f"Budi {n}" for n in range(10)]
    assert AuditEntry.objects.filter(action="contact.created").count() == 9
    [entry] = AuditEntry.objects.filter(action="contacts.imported")
    assert entry.details == {"format": "csv", "rows": 10, "new": 9, "changed": 1, "unchanged": 0, "failed": 0}
    assert kept_files() == {"changes"}, "the file is forgotten"


@pytest.mark.parametrize(("headings", "first"), [("nama,hp", 8), ("nama,hp,label", 2)])
def test_labels_take_long_so_fewer_rows_are_written_at_once(
    user: Any, monkeypatch: pytest.MonkeyPatch, headings: str, first: int
) -> None:
    write_at_once(monkeypatch, 8)
    rows = "".join(f"Baru {n},081300000{n:03d}{',Grade A' * ('label' in headings)}\n" for n in range(10))
    job = steps(start(user, f"{headings}\n{rows}"), 2)
    assert (job.progress, Contact.objects.count()) == (first, first)


def test_a_row_that_became_wrong_is_not_written_and_all_others_are(user: Any, three_a_step: None) -> None:
    contacts = [ContactFactory(phone=f"+6281300000{n:03d}", name="Lama") for n in range(10)]
    job = steps(start(user, "nama,hp\n\n" + "".join(f"Baru {n},081300000{n:03d}\n" for n in range(10))), 2)
    for place in (1, 4, 8):  # the first is written already
        Contact.objects.filter(pk=contacts[place].pk).update(deleted_at=timezone.now())
    done(job)
    assert job.result == {"created": 0, "changed": 8, "unchanged": 0, "failed": 2, "nothing": False}
    names = list(Contact.all_objects.order_by("pk").values_list("name", flat=True))
    assert names == [f"Baru {n}" if n not in (4, 8) else "Lama" for n in range(10)]
    sentence = "This contact is in the archive; restore it first."
    assert problems(job) == [
        {
            "Row in the file": str(line), "Column": "phone", "Problem": sentence,
            "nama": f"Baru {n}", "hp": f"081300000{n:03d}",
        }
        for n, line in ((4, 7), (8, 11))
    ], "the row stands behind its problem, to be corrected"  # fmt: skip
    told = str(core_jobs.KINDS[job.kind].outcome(job))
    assert kept_files() == {"problems", "changes"}
    assert "8" in told
    assert "2" in told


def test_what_is_wrong_is_said_in_the_language_of_who_imports(three_a_step: None) -> None:
    owner = UserFactory(role="marketing", language="id")
    job = start(owner, numbered(2) + "abc,Budi\n")
    done(job)
    [row] = problems(job)
    assert "bukan nomor telepon" in str(row)


def test_two_rows_about_one_contact_by_now_are_one_too_many(user: Any, three_a_step: None) -> None:
    """Two contacts became one since the preview: the later row does not write over the earlier one."""
    first, second = ContactFactory(phone="+6281300000000"), ContactFactory(phone="+6281300000005")
    job = start(user, numbered(6))
    Contact.objects.filter(pk=second.pk).update(merged_into=first, deleted_at=timezone.now(), phone="")
    second.identities.update(contact=first)
    done(job)
    assert job.result["failed"] == 1
    assert problems(job)[0]["Problem"] == "The same contact as in row 2."
    first.refresh_from_db()
    assert first.name == "Budi 0"


def test_a_row_about_somebody_made_by_a_step_before_is_one_too_many(user: Any, three_a_step: None) -> None:
    """In a preview, which makes nobody, as in the import."""
    text = (
        numbered(4) + "081300000000,Siti\n+52 1 55 1234 5678,Ana\n" + numbered(1, first=9)[11:] + "525512345678,Eva\n"
    )
    for dry_run in (True, False):
        with translation.override("en"):
            job = done(jobs.import_contacts(text.encode(), owner=user, dry_run=dry_run))
        assert (job.result["created"], job.result["changed"], job.result["failed"]) == (6, 0, 2)
        assert [row["Problem"] for row in problems(job)] == [
            "The same contact as in row 2.", "The same contact as in row 7.",
        ]  # fmt: skip
    assert set(Contact.objects.values_list("name", flat=True)) == {*(f"Budi {n}" for n in (0, 1, 2, 3, 9)), "Ana"}


def test_stopped_it_keeps_what_was_written_and_says_how_much(three_a_step: None) -> None:
    client = client_of("marketing")
    page = upload(client, numbered(10))
    client.post(f"{page.wsgi_request.path}confirm/")
    job = steps(Job.objects.latest("pk"), 3)
    client.post(f"/admin/jobs/{job.pk}/cancel/")
    do_work()
    job.refresh_from_db()
    assert (job.state, Contact.objects.count()) == (Job.State.CANCELLED, 6)
    line, _preview = client.get("/admin/jobs/").context["lines"]
    assert "6 of 10 rows" in str(line.outcome)
    [entry] = AuditEntry.objects.filter(action="contacts.imported")
    assert (entry.details["rows"], entry.details["new"]) == (6, 6)
    assert kept_files(job) == {"changes"}


def test_stopped_before_it_began_it_has_written_nothing(user: Any) -> None:
    job = start(user, numbered(10))
    core_jobs.cancel(job, actor=user)
    do_work()
    job.refresh_from_db()
    assert (job.state, Contact.objects.count(), JobFile.objects.count()) == (Job.State.CANCELLED, 0, 0)
    assert not AuditEntry.objects.filter(action="contacts.imported").exists()


def test_a_right_that_is_taken_away_stops_it_and_given_back_lets_it_go_on(user: Any, three_a_step: None) -> None:
    job = steps(start(user, numbered(10)), 2)
    rights, right = user.groups.get().permissions, Permission.objects.get(codename="add_contact")
    rights.remove(right)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.error, Contact.objects.count()) == (Job.State.FAILED, "import_right_required", 3)
    rights.add(right)
    core_jobs.retry(job, actor=user)
    assert done(job).result["created"] == 10
    assert Contact.objects.count() == 10


def test_confirmed_twice_it_is_written_once(db: None) -> None:
    client = client_of("marketing")
    page = upload(client, numbered(2)).wsgi_request.path
    answers = [client.post(f"{page}confirm/").url for _ in range(2)]
    assert answers[1] == URL
    assert Job.objects.count() == 2, "the preview and the import"
    do_work()
    assert Contact.objects.count() == 2


def test_a_step_that_was_rolled_back_leaves_nothing_that_the_next_believes(
    user: Any, three_a_step: None, killing: Callable[..., None]
) -> None:
    """Whom it made is made again under other ids; a later row about them is still one too many."""
    job = start(user, numbered(6) + "081300000004,Siti\n081300000000,Ana\n")
    killing("contacts.import", 2, 4, 6)
    assert run_killed(job) == 3
    job.refresh_from_db()
    assert (job.result["created"], job.result["failed"]) == (6, 2)
    assert [row["Problem"] for row in problems(job)] == [
        "The same contact as in row 6.", "The same contact as in row 2.",
    ]  # fmt: skip


def test_each_step_of_a_long_file_costs_the_same(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write_at_once(monkeypatch, 1000)
    job = start(user, numbered(6000))
    costs = []
    tracemalloc.start()
    steps(job, 1)
    while not job.is_finished:
        tracemalloc.reset_peak()
        with CaptureQueriesContext(connection) as asked:
            steps(job, 1)
        costs.append((len(asked), tracemalloc.get_traced_memory()[1]))
        if len(costs) > 1:
            assert not [query for query in asked if "'seen'" in query["sql"] and query["sql"].startswith("SELECT")]
        connection.queries_log.clear()
    tracemalloc.stop()
    assert job.result["created"] == 6000
    queries, memory = zip(*costs[1:-1], strict=True)  # some are asked once, and the last step has the end to do
    assert len(costs) == 6
    assert len(set(queries)) == 1
    assert max(queries) < 50
    assert max(memory) < 1.5 * min(memory)


# -- Campaigns ----------------------------------------------------------------------------------------------------


def test_a_campaign_that_became_wrong_is_not_written_and_others_are(three_a_step: None) -> None:
    CampaignFactory(code="b", name="Lama")
    client = client_of("marketing")
    text = "code,name,starts_on,ends_on\na,A,,\nb,B,,2026-03-01\nc,C,,\nd,D,,\n"
    page = upload(client, text, url=CAMPAIGNS)
    client.post(f"{page.wsgi_request.path}confirm/")
    Campaign.objects.filter(code="b").update(starts_on="2026-04-01")
    job = done(Job.objects.latest("pk"))
    assert job.result == {"created": 3, "changed": 0, "unchanged": 0, "failed": 1, "nothing": False}
    assert [row["Row in the file"] for row in problems(job)] == ["3"]
    assert dict(Campaign.objects.values_list("code", "name")) == {"a": "A", "b": "Lama", "c": "C", "d": "D"}
    [entry] = AuditEntry.objects.filter(action="campaigns.imported")
    assert entry.details == {"format": "csv", "rows": 4, "new": 3, "changed": 0, "unchanged": 0, "failed": 1}


def test_killed_in_the_middle_campaigns_are_made_once(
    user: Any, three_a_step: None, killing: Callable[..., None]
) -> None:
    text = "code,name\n" + "".join(f"k{n},Kampanye {n}\n" for n in range(7))
    with translation.override("en"):
        job = jobs.import_campaigns(text.encode(), owner=user)
    killing("campaigns.import", 2, 4)
    assert run_killed(job) == 2
    assert Campaign.objects.count() == 7
    assert AuditEntry.objects.filter(action="campaign.created").count() == 7
