"""Files of contacts as the world writes them: whatever wrote one, each row has the right outcome.

A file is composed here, so that a reader sees its bytes; what is expected stands beside it. Outcomes by line of the
file: the phone and name of who is new, or the words of the refusal.
"""

from __future__ import annotations

import codecs
import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from django.utils import translation
from openpyxl import Workbook

from contacts.models import Contact
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job
from labels.models import LabelAssignment
from tests.desk.reports.test_pages import client_of
from tests.factories import CampaignFactory, ContactFactory, UserFactory
from tests.transfer.test_exports import CSV, body, export
from tests.transfer.test_import_job import done
from tests.transfer.test_imports import bomb, upload, xlsx
from transfer import jobs

pytestmark = pytest.mark.django_db

BUDI, SITI, DEWI = "+6281234567890", "+6281234567891", "+6281234567892"
ROWS = [["nomor WA", "nama", "catatan"], ["081234567890", "Budi", "Suka biru"], ["6281234567891", "Siti 🌸", "a;b, c"]]
BOTH = {2: f"{BUDI} Budi", 3: f"{SITI} Siti 🌸"}


def text(rows: list[list[str]], separator: str = ",", end: str = "\n") -> str:
    """Rows as CSV; every cell in quotes that needs them, or has a line end."""

    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if any(sign in value for sign in f'{separator}"\n') else value

    return "".join(separator.join(map(cell, row)) + end for row in rows)


def latin(rows: list[list[str]]) -> list[list[str]]:
    """Without what Windows-1252 cannot write, and with what it can."""
    return [[cell.replace("🌸", "“née”").replace("Budi", "José €") for cell in row] for row in rows]


def workbook(*sheets: list[list[Any]], active: int = 0) -> bytes:
    book, out = Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for place, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{place + 1}")
        for row in rows:
            sheet.append(row)
    book.active = active
    book.save(out)
    return out.getvalue()


def with_values(raw: bytes, values: dict[str, str]) -> bytes:
    """A workbook whose formulas have what Excel computed of them, which openpyxl does not write."""
    source, out = zipfile.ZipFile(io.BytesIO(raw)), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.namelist():
            content = source.read(member).decode() if member.endswith(".xml") else source.read(member)
            if member == "xl/worksheets/sheet1.xml":
                assert isinstance(content, str)
                for formula, value in values.items():
                    content = content.replace(f"<f>{formula}</f><v />", f"<f>{formula}</f><v>{value}</v>")
                    content = content.replace(f"<f>{formula}</f><v></v>", f"<f>{formula}</f><v>{value}</v>")
            archive.writestr(member, content)
    return out.getvalue()


GOOGLE = (
    "Name,Given Name,Family Name,Group Membership,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n"
    "Budi Santoso,Budi,Santoso,* myContacts ::: Grade A,Mobile,+62 812-3456-7890,,\n"
    "Siti,Siti,,* myContacts,,,Mobile,0812-3456-7891\n"
    "Dewi,Dewi,,* myContacts,Mobile,0812-3456-7892 ::: 0812-3456-7893,,\n"
    "Tanpa nomor,Tanpa,nomor,* myContacts,,,,\n"
)
GOOGLE_2025 = (
    "First Name,Middle Name,Last Name,Labels,Notes,Phone 1 - Label,Phone 1 - Value\n"
    'Budi,,Santoso,* myContacts,"Suka biru\nUkuran L",Mobile,+62 812-3456-7890\n'
    "Siti,,,VIP ::: * myContacts,,Mobile,0812 3456 7891\n"
)
OUTLOOK = (
    "First Name,Middle Name,Last Name,Company,Home Phone,Business Phone,Mobile Phone,E-mail Address,Categories\r\n"
    "Budi,,Santoso,PT Maju,021-5551234,,+62 812-3456-7890,budi@example.com,Red category\r\n"
    "Siti,,,,(0812) 3456-7891,,,,\r\n"
)
WEB_PAGE = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta charset="utf-8"></head><body><table>'
    "<tr><td>phone</td><td>name</td></tr><tr><td>081234567890</td><td>Budi</td></tr></table></body></html>"
)
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10))
    + "]><worksheet>&lol9;</worksheet>"
)


def laughing() -> bytes:
    """A workbook whose first sheet is a billion laughs."""
    source, out = zipfile.ZipFile(io.BytesIO(workbook(ROWS))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.namelist():
            archive.writestr(member, LAUGHS if member == "xl/worksheets/sheet1.xml" else source.read(member))
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, and what becomes of each of its rows; `refused` when it is not taken at all."""

    file: bytes | str
    new: dict[int, str] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)
    refused: str = ""

    @property
    def raw(self) -> bytes:
        return self.file if isinstance(self.file, bytes) else self.file.encode()


FILES = {
    # How text is written.
    "utf-8": Case(text(ROWS), BOTH),
    "utf-8 with its mark": Case(codecs.BOM_UTF8 + text(ROWS).encode(), BOTH),
    "utf-16 LE of Excel's Unicode text": Case(codecs.BOM_UTF16_LE + text(ROWS, "\t", "\r\n").encode("utf-16-le"), BOTH),
    "utf-16 BE": Case(codecs.BOM_UTF16_BE + text(ROWS, "\t").encode("utf-16-be"), BOTH),
    "utf-16 without its mark": Case(text(ROWS).encode("utf-16-le"), BOTH),
    "windows-1252": Case(
        text(latin(ROWS), ";", "\r\n").encode("cp1252"), {2: f"{BUDI} José €", 3: f"{SITI} Siti “née”"}
    ),
    # How cells are kept apart.
    "semicolons of Excel in Indonesia": Case(text(ROWS, ";", "\r\n"), BOTH),
    "tabs": Case(text(ROWS, "\t"), BOTH),
    "a line that names the separator": Case("sep=;\r\n" + text(ROWS, ";", "\r\n"), {3: BOTH[2], 4: BOTH[3]}),
    "quotes and line ends in cells": Case(
        text(
            [
                ["phone", "name", "notes"],
                ["081234567890", 'Budi "Kecil", S.E.', "Satu\nDua\n\nTiga"],
                ["0812x", "", ""],
            ]
        ),
        {2: f'{BUDI} Budi "Kecil", S.E.'},
        {3: "is no phone number"},
    ),
    # How numbers and days are written.
    "numbers in every spelling": Case(
        text(
            [
                ["No. HP / WA", "Nama"],
                ["0812-3456-7890", "Budi"],
                ["62812 3456 7891", "Siti"],
                ["+62 812-3456-7892", "Dewi"],
                ["6,28122E+12", "Excel"],
                ["6.28122E+12", "Excel"],
                ["081234567893 / 081234567894", "Dua"],
                ["'081234567895", "Petik"],
                ["85291234567", "Hong Kong?"],
                ["(0812) 3456 7890", "Budi lagi"],
            ],
            ";",
        ),
        {2: f"{BUDI} Budi", 3: f"{SITI} Siti", 4: f"{DEWI} Dewi", 8: "+6281234567895 Petik"},
        {
            5: "A spreadsheet shortened this number (6,28122E+12)",
            6: "A spreadsheet shortened this number",
            7: "holds more than one number",
            9: "may be",
            10: "The same contact as in row 2.",
        },
    ),
    "days in two ways": Case(
        text(
            [
                ["phone", "name", "follow up"],
                ["081234567890", "Budi", "31/12/2025"],
                ["081234567891", "Siti", "2025-12-31"],
                ["081234567892", "Dewi", "12/31/2025"],
            ]
        ),
        {2: f"{BUDI} Budi", 3: f"{SITI} Siti"},
        {4: "Write a time such as"},
    ),
    # Who wrote it.
    "Google Contacts, until 2024": Case(
        GOOGLE,
        {2: f"{BUDI} Budi Santoso", 3: f"{SITI} Siti"},
        {4: "holds more than one number", 5: "without a phone nobody can be made"},
    ),
    "Google Contacts, since 2024": Case(GOOGLE_2025, {2: f"{BUDI} Budi Santoso", 3: f"{SITI} Siti"}),
    "Outlook": Case(OUTLOOK, {2: f"{BUDI} Budi Santoso", 3: f"{SITI} Siti"}),
    # Workbooks.
    "xlsx with numbers as numbers": Case(
        workbook(
            [["phone", "name"], [6281234567890, "Budi"], [81234567891.0, "Siti"], [6.2812345678925e12, "Pecahan"]]
        ),
        {2: f"{BUDI} Budi", 3: f"{SITI} Siti"},
        {4: "stands “.5”"},
    ),
    "xlsx with an empty sheet first": Case(workbook([], ROWS), BOTH),
    "xlsx with formulas": Case(
        with_values(
            workbook([["phone", "name"], ["=62812&34567890", "Budi"], ["=1/0", "Gagal"]]),
            {"62812&amp;34567890": "6281234567890"},
        ),
        {2: f"{BUDI} Budi"},
        {3: "without a phone nobody can be made"},
    ),
    "xlsx with days": Case(
        workbook(
            [
                ["phone", "name", "follow up"],
                ["081234567890", "Budi", date(2025, 12, 31)],
                ["081234567891", "Siti", datetime(2025, 12, 31, 10, 30)],
            ]
        ),
        {2: f"{BUDI} Budi", 3: f"{SITI} Siti"},
    ),
    # Rows that say the same twice.
    "doubled rows": Case(
        text([["phone", "name"], ["081234567890", "Budi"], ["081234567891", "Siti"], ["+62 812 3456 7890", "Budi"]]),
        {2: f"{BUDI} Budi", 3: f"{SITI} Siti"},
        {4: "The same contact as in row 2."},
    ),
    # What is no table.
    "nothing": Case("", refused="The file is empty."),
    "blanks": Case("\n\n  \n", refused="The file is empty."),
    "only a heading": Case("phone,name\n", refused="headings and nothing below"),
    "a web page that is called .xls": Case(WEB_PAGE, refused="This is a web page"),
    "a PDF": Case(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", refused="This is a PDF"),
    "an old .xls": Case(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, refused="old kind (.xls)"),
    "a vCard": Case("BEGIN:VCARD\nVERSION:3.0\nFN:Budi\nEND:VCARD\n", refused="This is a vCard file"),
    "a picture": Case(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", refused="This is no table"),
    "an archive of something": Case(
        bomb(0, name="x.txt").replace(b"xl/workbook", b"xx/workbook"), refused="no Excel file"
    ),
    "a zip bomb": Case(bomb(110 * 1024 * 1024), refused="unpacks to more than"),
    "a billion laughs in a workbook": Case(laughing(), refused="unpacks to more than"),
    "a billion laughs as it is": Case(LAUGHS, refused="This is no table"),
}


@pytest.mark.parametrize("name", FILES)
def test_each_row_of_a_file_has_the_right_outcome(name: str) -> None:
    case, client = FILES[name], client_of("marketing", language="en")
    began = time.monotonic()
    page = upload(client, case.raw, url="/admin/imports/?kind=contacts")
    assert time.monotonic() - began < 10
    if case.refused:
        assert case.refused in " ".join(page.context["form"].errors["file"])
        assert not Job.objects.exists(), "refused before anything is queued"
        return
    view = page.context["view"]
    assert (view.job.state, view.reason) == ("done", "")
    refused = {int(row.line): row.problem for row in view.refused}
    assert refused.keys() == case.wrong.keys(), refused
    for line, words in case.wrong.items():
        assert words in refused[line]
    assert {row.line: " ".join(after for _title, _before, after in row.cells[:2]) for row in view.changes} == case.new
    client.post(f"{page.wsgi_request.path}confirm/")
    job = done(Job.objects.latest("pk"))
    assert (job.result["created"], job.result["failed"]) == (len(case.new), len(case.wrong))
    assert not LabelAssignment.objects.exists(), "labels of Google are none of ours"
    assert {f"{person.phone} {person.name}" for person in Contact.objects.all()} == set(case.new.values())


def test_days_and_notes_of_the_files_are_kept_whole(db: None) -> None:
    for name, phone in (("days in two ways", BUDI), ("xlsx with days", BUDI)):
        client = client_of("marketing", language="en")
        page = upload(client, FILES[name].raw)
        client.post(f"{page.wsgi_request.path}confirm/")
        done(Job.objects.latest("pk"))
        assert f"{Contact.objects.get(phone=phone).follow_up_at:%F %H:%M}" == "2025-12-30 17:00"
        Contact.objects.all().delete()
    client = client_of("marketing", language="en")
    page = upload(client, FILES["quotes and line ends in cells"].raw)
    client.post(f"{page.wsgi_request.path}confirm/")
    done(Job.objects.latest("pk"))
    assert Contact.objects.get().notes.get().text == "Satu\nDua\n\nTiga"


def test_its_own_export_changes_nothing(db: None) -> None:
    for place in range(30):
        ContactFactory(name=f"=Budi {place}", campaign=CampaignFactory())
    client = client_of("marketing")
    page = upload(client, body(export(client, kind=CSV)))
    assert page.context["view"].counts == {"created": 0, "changed": 0, "unchanged": 30, "failed": 0}


def test_a_hundred_thousand_rows_are_read_in_flat_memory(memory_of: Callable[..., int]) -> None:
    rows = "".join(f"62813{n:08d},Budi {n}\n" for n in range(100_000))
    user = UserFactory(role="marketing")
    with translation.override("en"):
        job = jobs.import_contacts(f"phone,name\n{rows}".encode(), owner=user, dry_run=True)
    assert memory_of(job) < 40 * 1024 * 1024
    job.refresh_from_db()
    assert job.total == 100_000


@pytest.fixture
def memory_of() -> Callable[[Job], int]:
    """The most that reading a file takes, in bytes."""

    def measure(job: Job) -> int:
        tracemalloc.start()
        core_jobs.run(job.pk, seconds=0)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    return measure


def test_an_xlsx_with_more_rows_than_one_step_is_read_whole(db: None) -> None:
    raw = xlsx(["phone", "name"], *[[f"62813{n:08d}", f"Budi {n}"] for n in range(2500)])
    page = upload(client_of("marketing"), raw)
    assert page.context["view"].counts["created"] == 2500
