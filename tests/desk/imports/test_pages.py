"""The pages of an import: a file is chosen, its columns are set right, it is confirmed, and taken back from Work."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from desk.imports.page import AT_ONCE_BYTES
from labelcrm.core.models import Job, JobFile
from tests.desk.reports.test_pages import client_of
from tests.lib.test_workbooks import inflating
from tests.transfer.test_imports import confirm, numbered, problems, totals, upload
from tests.work import do_work

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    return client_of("marketing", language="en")


def columns(preview: Any) -> dict[str, str]:
    return {column.heading: column.chosen for column in preview.context["view"].columns}


def test_columns_are_matched_by_name_and_can_be_set_right(client: Client) -> None:
    preview = upload(client, "Nama;No HP;Promo;Kota\nBudi;081299990001;;Jakarta\n")
    assert columns(preview) == {"Nama": "name", "No HP": "phone", "Promo": "campaign", "Kota": ""}
    again = client.post(
        f"{preview.wsgi_request.path}columns/", {"column-0": "notes", "column-1": "phone", "column-3": "name"}
    )
    do_work()
    fresh = client.get(again.url)
    assert columns(fresh) == {"Nama": "notes", "No HP": "phone", "Promo": "", "Kota": "name"}
    confirm(client, fresh)
    contact = Contact.objects.get()
    assert (contact.name, contact.notes.get().text) == ("Jakarta", "Budi")
    assert client.post(f"{preview.wsgi_request.path}confirm/").url == "/admin/imports/?kind=contacts", "it moved on"


def test_a_column_is_chosen_once(client: Client) -> None:
    preview = upload(client, "Nama,No HP\nBudi,081299990001\n")
    path = preview.wsgi_request.path
    page = client.post(f"{path}columns/", {"column-0": "phone", "column-1": "phone"}, follow=True)
    assert "chosen twice" in page.content.decode()
    assert Job.objects.count() == 1


def test_without_a_column_for_numbers_the_new_look_says_what_is_missing(client: Client) -> None:
    preview = upload(client, "Nama,No HP\nBudi,081299990001\n")
    answer = client.post(f"{preview.wsgi_request.path}columns/", {"column-0": "name"})
    do_work()
    page = client.get(answer.url)
    assert page.context["view"].job.state == "failed"
    assert "needs a column" in page.content.decode()


def test_the_good_rows_are_imported_and_the_others_come_back_as_a_file(client: Client) -> None:
    preview = upload(client, numbered(10) + "abc,Salah\n6.28E+12,Salah\n")
    page = preview.content.decode()
    assert "Import the 10 good rows" in page
    assert problems(preview) == {"12": ["phone"], "13": ["phone"]}
    answer: Any = Client().get(preview.context["view"].errors_url)
    raw = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert raw.splitlines()[0] == "Row in the file,Column,Problem,phone,name"
    confirm(client, preview)
    assert Contact.objects.count() == 10
    mended = upload(client, raw.replace("abc", "081299990001").replace("6.28E+12", "081299990002"))
    assert (totals(mended), problems(mended)) == ((2, 0, 0), {}), "the file of refused rows can be corrected"


def test_an_import_is_taken_back_from_the_page_of_work(client: Client) -> None:
    confirm(client, upload(client, numbered(3)))
    line, preview = client.get("/admin/jobs/").context["lines"]
    assert (line.job.state, preview.undo) == ("done", "")
    assert line.undo == f"/admin/imports/{line.job.pk}/undo/"
    assert client.get(line.link).context["view"].can_undo
    page = client.post(line.undo, follow=True)
    assert "It is being taken back" in page.content.decode()
    do_work()
    assert not Contact.objects.exists()
    assert "Taken back: 3 rows." in client.get(line.link).content.decode()
    assert [each.undo for each in client.get("/admin/jobs/").context["lines"]] == ["", "", ""]


def test_others_do_not_take_an_import_back(client: Client) -> None:
    confirm(client, upload(client, numbered(3)))
    path = f"/admin/imports/{Job.objects.latest('pk').pk}/"
    assert client_of("marketing").post(f"{path}undo/").status_code == 404
    assert client_of("auditor").post(f"{path}undo/").status_code == 404
    owner = client_of("owner")
    assert "Take this import back" not in client_of("auditor").get("/admin/jobs/").content.decode()
    assert owner.post(f"{path}undo/").status_code == 302
    do_work()
    assert not Contact.objects.exists()


def test_a_large_file_is_left_to_the_worker_and_the_page_says_how_far_it_is(client: Client) -> None:

    raw = numbered(20_000).encode()
    answer = client.post("/admin/imports/?kind=contacts", {"file": SimpleUploadedFile("besar.csv", raw)})
    page = client.get(answer.url)
    assert page.context["view"].job.state == "queued"
    assert "data-refresh" in page.content.decode()
    state = client.get(f"{answer.url}state/")
    assert "The file is being looked at" in state.content.decode()
    assert "<html" not in state.content.decode()


def test_a_small_workbook_that_unpacks_to_much_is_left_to_the_worker(client: Client) -> None:
    raw = inflating()
    assert len(raw) < AT_ONCE_BYTES
    client.post("/admin/imports/", {"file": SimpleUploadedFile("kontak.xlsx", raw)})
    assert Job.objects.get().state == "queued"
    do_work()
    assert Job.objects.get().state == "done"


def test_the_upload_waits_in_the_database_and_goes_with_its_import(client: Client) -> None:
    preview = upload(client, numbered(3))
    assert set(JobFile.objects.values_list("name", flat=True)) == {"upload", "head", "preview"}
    confirm(client, preview)
    assert not JobFile.objects.filter(name="upload").exists()


def test_pages_cost_the_same_for_long_files(client: Client) -> None:
    few, many = (upload(client, numbered(rows) + "abc,X\n" * rows).wsgi_request.path for rows in (5, 900))

    def asked(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return len(queries)

    asked(few)
    assert asked(many) == asked(few)
    assert len(client.get(many).content) < 60_000


def test_the_way_to_the_page_and_its_latest_previews(client: Client) -> None:
    upload(client, numbered(1))
    page = client.get("/admin/imports/").content.decode()
    assert "Import contacts" in page
    assert "kontak.csv" in page
    assert client.get("/admin/imports/?kind=nonsense").status_code == 200
    assert client.get("/admin/imports/999999/").status_code == 404
    assert client.get("/admin/imports/template/nonsense.csv").status_code == 403
    assert client.get("/admin/imports/", follow=True).status_code == 200
