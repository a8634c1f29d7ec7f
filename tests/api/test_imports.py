"""Imports through the API: a file is taken or refused, watched, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from contacts.models import Campaign, Contact
from labelcrm.core.jobs import forget_old_files
from labelcrm.core.models import Job, JobFile
from labels.models import LabelAssignment
from tests.api.conftest import client_of, get, rows
from tests.factories import ContactFactory, UserFactory
from tests.work import do_work
from transfer.job_files import PROBLEMS

pytestmark = pytest.mark.django_db
URL = "/api/v1/imports/"
FIELDS = {
    "id", "kind", "state", "progress", "total", "created", "changed", "unchanged", "failed", "errors_url", "dry_run",
    "reason", "created_at", "undo",
}  # fmt: skip
PEOPLE = "phone,name,labels\n081299990001,Dewi,Grade A\n081299990002,Tono,\nabc,X,\n"


def send(client: APIClient, content: bytes | str = PEOPLE, kind: str = "contacts", **more: Any) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return client.post(URL, {"file": SimpleUploadedFile("kontak.csv", raw), "kind": kind, **more}, format="multipart")


@pytest.fixture
def marketing(as_role: Callable[..., APIClient]) -> APIClient:
    return as_role("marketing")


def test_a_file_is_imported_and_its_counts_are_told(marketing: APIClient) -> None:
    answer = send(marketing)
    assert answer.status_code == 202
    told = answer.json()
    assert set(told) == FIELDS
    assert (told["kind"], told["state"], told["total"], told["errors_url"], told["dry_run"]) == (
        "contacts", "queued", None, None, False,
    )  # fmt: skip
    do_work()
    told = get(marketing, f"imports/{told['id']}")
    assert (told["state"], told["progress"], told["total"]) == ("done", 3, 3)
    assert (told["created"], told["changed"], told["unchanged"], told["failed"]) == (2, 0, 0, 1)
    errors: Any = Client().get(told["errors_url"])
    text = b"".join(errors.streaming_content).decode("utf-8-sig")
    assert text.splitlines()[1].startswith("4,phone,")
    assert LabelAssignment.objects.get().origin == "import"
    assert rows(marketing, "imports") == [told]


@pytest.mark.parametrize(("state", "days"), [("done", 7), ("cancelled", 7), ("failed", 1)])
def test_refused_rows_are_linked_as_long_as_they_are_kept(marketing: APIClient, state: str, days: int) -> None:
    pk = send(marketing).json()["id"]
    do_work()
    for hours, there in ((-1, True), (1, False)):
        Job.objects.filter(pk=pk).update(state=state, finished_at=timezone.now() - timedelta(days=days, hours=hours))
        assert bool(get(marketing, f"imports/{pk}")["errors_url"]) == there
        forget_old_files()
        assert JobFile.objects.filter(job=pk, name=PROBLEMS).exists() == there


def test_a_dry_run_counts_and_writes_nothing(marketing: APIClient) -> None:
    ContactFactory(phone="+6281299990002", name="Tono")
    told = send(marketing, dry_run="true").json()
    assert told["dry_run"]
    do_work()
    told = get(marketing, f"imports/{told['id']}")
    assert (told["state"], told["created"], told["unchanged"], told["failed"]) == ("done", 1, 1, 1)
    assert told["errors_url"]
    assert Contact.objects.count() == 1
    assert not LabelAssignment.objects.exists()
    assert marketing.post(f"{URL}{told['id']}/undo/").status_code == 409


def test_other_kinds_are_imported(owner: APIClient) -> None:
    assert send(owner, "code,name\nlebaran,Lebaran\n", "campaigns").status_code == 202
    do_work()
    assert Campaign.objects.get().name == "Lebaran"
    assert send(owner, "number,label,means\nx,y,z\n", "label-mapping").status_code == 202
    do_work()
    mapping, campaigns = rows(owner, "imports")
    assert (mapping["kind"], mapping["failed"]) == ("label-mapping", 1)
    assert (campaigns["kind"], campaigns["created"]) == ("campaigns", 1)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "empty", "empty"),
        (b"phone,name\n", "no_rows", "nothing below"),
        (b"name,city\nBudi,Jakarta\n", "no_phone_column", "phone"),
        (b"%PDF-1.7 ...", "pdf", "PDF"),
        (b"<html><table><tr><td>phone</td></tr></table></html>", "html", "web page"),
        (b"\xd0\xcf\x11\xe0" + b"0" * 600, "old_excel", ".xls"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", "vcard", "vCard"),
        (b"PK\x03\x04 and nothing more", "broken", "damaged"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no_table", "no table"),
        (b"phone\n" + b"0" * (20 * 1024 * 1024), "too_large", "20 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_400_with_the_reason(content: bytes, code: str, words: str) -> None:
    answer = send(client_of(UserFactory(role="marketing", language="en")), content)
    error = answer.json()["error"]
    assert (answer.status_code, error["fields"]["file"][0]["code"]) == (400, code)
    assert words in error["message"]
    assert not Job.objects.exists()
    assert not JobFile.objects.exists()


def test_what_only_reading_shows_is_a_failed_import_with_its_reason(db: None) -> None:
    client = client_of(UserFactory(role="marketing", language="en"))
    good = "".join(f"0812999900{n},A\n" for n in range(10, 30))
    told = send(client, f'phone,name\n{good}"081299990002,B\n').json()
    do_work()
    told = get(client, f"imports/{told['id']}")
    assert (told["state"], told["created"]) == ("failed", 0)
    assert "damaged" in told["reason"]
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"kind": "labels"}, "kind", "invalid_choice"), ({"kind": ""}, "kind", "invalid_choice"),
        ({"dry_run": "perhaps"}, "dry_run", "invalid"), ({"whole": "1"}, "whole", "unknown_field"),
        ({"dry_run": ""}, "dry_run", "invalid"), ({"dry_run": ["true", "false"]}, "dry_run", "invalid"),
    ],
)  # fmt: skip
def test_what_is_no_import_is_400(marketing: APIClient, given: dict[str, Any], field: str, code: str) -> None:
    answer = send(marketing, **({"kind": "contacts"} | given))
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"][field][0]["code"] == code
    assert not Job.objects.exists()


def test_without_a_file_it_is_400_and_as_json_415(marketing: APIClient) -> None:
    assert marketing.post(URL, {"kind": "contacts"}, format="multipart").status_code == 400
    assert marketing.post(URL).status_code == 400
    assert marketing.post(URL, {"kind": "contacts"}, format="json").status_code == 415


def test_a_body_that_is_much_too_large_is_not_read(marketing: APIClient) -> None:
    answer = marketing.generic(
        "POST", URL, b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(30 * 1024 * 1024)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


# -- Taking back ------------------------------------------------------------------------------------------------------


def test_an_import_is_taken_back(marketing: APIClient) -> None:
    pk = send(marketing).json()["id"]
    assert marketing.post(f"{URL}{pk}/undo/").status_code == 409
    do_work()
    answer = marketing.post(f"{URL}{pk}/undo/")
    assert (answer.status_code, answer.json()["undo"]) == (202, {"state": "queued", "undone": 0, "kept": 0})
    do_work()
    assert get(marketing, f"imports/{pk}")["undo"] == {"state": "done", "undone": 2, "kept": 0}
    assert not Contact.objects.exists()
    assert marketing.post(f"{URL}{pk}/undo/").status_code == 409


# -- Rights -----------------------------------------------------------------------------------------------------------


def test_one_sees_ones_own_imports_and_owners_all(as_role: Callable[..., APIClient], marketing: APIClient) -> None:
    pk = send(marketing).json()["id"]
    do_work()
    other, owner, auditor = as_role("marketing"), as_role("owner"), as_role("auditor")
    assert rows(other, "imports") == []
    assert other.get(f"{URL}{pk}/").status_code == 404
    assert other.post(f"{URL}{pk}/undo/").status_code == 404
    assert [row["id"] for row in rows(owner, "imports")] == [pk]
    assert [row["id"] for row in rows(auditor, "imports")] == [pk]
    assert auditor.post(f"{URL}{pk}/undo/").status_code == 403
    assert owner.post(f"{URL}{pk}/undo/").status_code == 202


def test_refused_rows_are_read_by_who_might_have_imported_them(
    as_role: Callable[..., APIClient], marketing: APIClient
) -> None:
    """An auditor sees that rows were refused, and not whom they are about."""
    pk = send(marketing).json()["id"]
    do_work()
    for client in (marketing, as_role("owner")):
        assert Client().get(get(client, f"imports/{pk}")["errors_url"]).status_code == 200
    told = get(as_role("auditor"), f"imports/{pk}")
    assert (told["failed"], told["errors_url"]) == (1, None)


def test_the_rights_are_those_of_the_page(as_role: Callable[..., APIClient]) -> None:
    for role, contacts, mapping in (
        ("owner", 202, 202), ("marketing", 202, 403), ("cs_lead", 403, 202), ("cs", 403, 403), ("auditor", 403, 403),
    ):  # fmt: skip
        client = as_role(role)
        assert send(client).status_code == contacts, role
        assert send(client, "number,label,means\nx,y,z\n", "label-mapping").status_code == mapping, role


def test_a_list_costs_the_same_for_many(marketing: APIClient) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            rows(marketing, "imports")
        return len(queries)

    for _time in range(2):
        send(marketing)
        do_work()
    few = asked()
    for _time in range(4):
        send(marketing)
        do_work()
    assert asked() == few
