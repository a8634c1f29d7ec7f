"""Contacts from a file: previewed, then written by services, some rows at a time."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook

from contacts.models import Agent, Campaign, Consent, Contact, Team
from labelcrm.core.models import AuditEntry, Job
from labelcrm.lib.spreadsheets import UploadRefused, read_csv, read_xlsx
from tests.desk.reports.test_pages import client_of
from tests.factories import AgentFactory, CampaignFactory, ContactFactory, UserFactory
from tests.reports.test_figures import rina
from tests.reports.world import day
from tests.transfer.test_exports import CSV, HOSTILE, XLSX, body, export, three
from tests.work import do_work

__all__ = ["rina", "three"]
pytestmark = pytest.mark.django_db

URL = "/admin/imports/?kind=contacts"


def upload(client: Client, content: bytes | str, kind: str = CSV, url: str = URL) -> Any:
    """The page after a file was chosen: that of its preview, or the form again with what is wrong with the file."""
    raw = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("kontak.csv" if kind == CSV else "kontak.xlsx", raw)
    answer = client.post(url, {"file": file})
    if answer.status_code != 302:
        return answer
    do_work()
    return client.get(answer.url)


def confirm(client: Client, preview: Any, **how: str) -> Any:
    answer = client.post(f"{preview.wsgi_request.path}confirm/", how)
    do_work()
    return answer


def totals(preview: Any) -> tuple[int, int, int]:
    counts = preview.context["view"].counts
    return counts["created"], counts["changed"], counts["unchanged"]


def problems(preview: Any) -> dict[str, list[str]]:
    """Columns with errors, by line of the file."""
    return {row.line: sorted(filter(None, row.column.split(", "))) for row in preview.context["view"].refused}


def xlsx(*rows: list[Any]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def test_a_preview_writes_nothing_and_confirming_writes_it_all(db: None) -> None:
    client = client_of("marketing")
    agent, campaign = AgentFactory(code="rina", name="Rina"), CampaignFactory(code="lebaran", name="Lebaran")
    preview = upload(
        client,
        "nama,no hp,cs,kampanye,follow up\n"
        "Budi,0812-3456-7890,rina,Lebaran,2026-05-01 09:00\n"
        "Siti,+62 812 3456 7891,,,\n",
    )
    assert totals(preview) == (2, 0, 0)
    assert not Contact.objects.exists()
    assert confirm(client, preview).status_code == 302
    budi, siti = Contact.objects.order_by("name")
    assert (budi.phone, budi.name, budi.assigned_to, budi.campaign) == ("+6281234567890", "Budi", agent, campaign)
    assert f"{budi.follow_up_at:%F %H:%M}" == "2026-05-01 02:00"
    assert (siti.phone, siti.name_source) == ("+6281234567891", "person")
    entry = AuditEntry.objects.get(action="contacts.imported")
    assert (entry.details["new"], entry.details["rows"], entry.details["format"]) == (2, 2, "csv")
    assert AuditEntry.objects.filter(action="contact.created").count() == 2


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_its_own_export_comes_back_unchanged(three: Any, kind: str) -> None:
    for name in HOSTILE:
        ContactFactory(name=name, follow_up_at=day(20.123), assigned_to=Agent.objects.get(), campaign=None)
    client = client_of("marketing")
    before = list(Contact.objects.order_by("id").values())
    preview = upload(client, body(export(client, kind=kind)), kind)
    assert totals(preview) == (0, 0, 2 + len(HOSTILE)), "who opted out is in no file"
    assert confirm(client, preview).status_code == 302
    assert list(Contact.objects.order_by("id").values()) == before


def test_an_export_saved_by_a_spreadsheet_program_changes_nothing(three: Any) -> None:
    """LibreOffice reads "2026-03-22 02:57" in a CSV file as a time, and writes it with its seconds."""
    Contact.objects.update(follow_up_at=day(20.123))
    client = client_of("marketing")
    saved = re.sub(r"(\d\d:\d\d)\b", r"\1:00", body(export(client)).decode("utf-8-sig"))
    assert totals(upload(client, saved)) == (0, 0, 2)
    assert totals(upload(client, saved.replace("02:57", "02:58"))) == (0, 2, 0)


def test_an_export_can_be_edited_and_imported(three: Any) -> None:
    client = client_of("marketing")
    lines = list(csv.DictReader(io.StringIO(body(export(client)).decode("utf-8-sig"), newline="")))
    lines[0]["name"], lines[1]["opted_out"] = "'=Budi", "yes"
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    preview = upload(client, out.getvalue())
    assert totals(preview) == (0, 2, 0)
    confirm(client, preview)
    assert Contact.objects.get(phone="+6281200000001").name == "=Budi"
    assert Contact.objects.get(name="Tono").opted_out_at is not None
    assert Consent.objects.get().source == "import"


def test_a_preview_shows_what_changes(three: Any) -> None:
    preview = upload(
        client_of("marketing"), "phone,name,cs,opted_out\n6281200000001,Budi Santoso,rina,ya\n081299990001,X,,\n"
    )
    shown = [(row.new, [tuple(map(str, cell)) for cell in row.cells]) for row in preview.context["view"].changes]
    assert shown == [
        (
            False,
            [
                ("Telepon", "", "+6281200000001"), ("Nama", "Budi", "Budi Santoso"), ("CS", "", "Rina"),
                ("Menolak broadcast", "", "yes"),
            ],
        ),
        (True, [("Telepon", "", "+6281299990001"), ("Nama", "", "X")]),
    ]  # fmt: skip


def test_a_code_says_the_same_as_the_name_that_an_export_writes(db: None) -> None:
    agent, campaign = AgentFactory(code="rina-1", name="Rina"), CampaignFactory(code="lebaran", name="Lebaran 2026")
    ContactFactory(phone="+6281299990001", assigned_to=agent, campaign=campaign)
    client = client_of("marketing")
    for cells in ("rina-1,lebaran", "Rina,Lebaran 2026", "RINA,LEBARAN"):
        assert totals(upload(client, f"phone,cs,kampanye\n081299990001,{cells}\n")) == (0, 0, 1)


def test_nobody_is_opted_in_by_a_file(three: Any) -> None:
    client = client_of("marketing")
    preview = upload(client, "phone,opted_out\n6281200000002,no\n6281200000002x,no\n")
    assert problems(preview) == {"3": ["phone"]}
    preview = upload(client, "phone,opted_out\n6281200000002,no\n")
    assert totals(preview) == (0, 0, 1)


def test_errors_name_line_and_column_and_nothing_is_written(three: Any) -> None:
    client = client_of("marketing")
    AgentFactory(name="Sari", code="sari-1")
    AgentFactory(name="Sari", code="sari-2")
    rows = [
        "phone,name,assigned_to,opted_out,follow_up_at,id",
        "abc,Budi,,,,",
        "6.28E+12,Budi,,,,",
        "0812-9999-0001,Budi,nobody,,,",
        "0812-9999-0002,Budi,sari,maybe,soon,",
        ",Budi,,,,",
        "0812-9999-0003,Budi,,,,",
        "+6281299990003,Budi,,,,",
        f"6281200000001,Budi,,,,{Contact.objects.get(name='Tono').pk}",
        f"0812-9999-0004,{'x' * 201},,,,",
    ]
    preview = upload(client, "\n".join(rows))
    assert problems(preview) == {
        "2": ["phone"],
        "3": ["phone"],
        "4": ["assigned_to"],
        "5": ["assigned_to", "follow_up_at", "opted_out"],
        "6": ["phone"],
        "8": ["phone"],
        "9": ["id"],
        "10": ["name"],
    }
    assert preview.context["view"].good == 1
    assert Contact.objects.count() == 3
    assert "Row in the file" in preview.content.decode()


def test_a_file_without_a_way_to_know_anybody_is_refused(db: None) -> None:
    page = upload(client_of("marketing"), "name,city\nBudi,Jakarta\n").content.decode()
    assert "needs a column" in page


def test_semicolons_tabs_and_blank_lines_are_read(db: None) -> None:
    for separator in ";\t":
        preview = upload(client_of("marketing"), f"phone{separator}name\n\n081200000009{separator}Budi\n")
        assert totals(preview) == (1, 0, 0)


def test_numbers_of_a_spreadsheet_are_phones(db: None) -> None:
    client = client_of("marketing")
    preview = upload(client, xlsx(["phone", "name"], [6281234567890, "Budi"], [81234567891.0, 42]), XLSX)
    confirm(client, preview)
    assert set(Contact.objects.values_list("phone", "name")) == {
        ("+6281234567890", "Budi"), ("+6281234567891", "42"),
    }  # fmt: skip


def test_a_contact_of_another_team_cannot_be_changed(three: Any) -> None:
    from django.contrib.auth.models import Permission

    user = UserFactory(role="cs_lead", teams=[Team.objects.create(name="Lain")])
    user.user_permissions.add(Permission.objects.get(codename="add_contact"))
    client = Client()
    client.force_login(user)
    assert problems(upload(client, "phone,name\n6281200000001,X\n")) == {"2": ["phone"]}


def test_our_own_numbers_and_archived_contacts_are_refused(three: Any) -> None:
    three.channel.own_phone = "+6281277777777"
    three.channel.save()
    Contact.objects.filter(name="Tono").update(deleted_at=day(5))
    preview = upload(client_of("marketing"), "phone,name\n081277777777,Kami\n6281200000003,Tono lagi\n")
    assert problems(preview) == {"2": ["phone"], "3": ["phone"]}


def test_importing_is_for_who_may_add_contacts(db: None) -> None:
    for role in ("cs", "cs_lead", "analyst", "auditor"):
        client = client_of(role)
        assert client.get(URL).status_code == 403
        assert client.get("/admin/contacts/contact/import/").status_code == 403
        assert upload(client, numbered(1)).status_code == 403
    assert not Job.objects.exists()


def test_the_addresses_of_before_lead_to_the_page(db: None) -> None:
    client = client_of("marketing")
    assert client.get("/admin/contacts/contact/import/").url == URL
    assert client.post("/admin/contacts/contact/process_import/").url == URL
    assert client.get("/admin/contacts/campaign/import/").url == CAMPAIGNS


def test_only_ones_own_previews_can_be_confirmed(db: None) -> None:
    preview = upload(client_of("marketing"), numbered(1))
    path = preview.wsgi_request.path
    for role, status in (("marketing", 404), ("auditor", 404), ("owner", 200)):
        assert client_of(role).get(path).status_code == status
    assert client_of("marketing").post(f"{path}confirm/").status_code == 404
    assert not Contact.objects.exists()


def numbered(rows: int, *, words: str = "Budi", first: int = 0) -> str:
    return "phone,name\n" + "".join(f"62813{n:08d},{words} {n}\n" for n in range(first, first + rows))


def test_queries_grow_with_chunks_and_not_with_rows(db: None) -> None:
    client = client_of("marketing")

    def queries(text: str) -> tuple[int, int]:
        """Of the preview and of the confirmation."""
        with CaptureQueriesContext(connection) as asked:
            preview = upload(client, text)
        with CaptureQueriesContext(connection) as written:
            confirm(client, preview)
        return len(asked), len(written)

    queries(numbered(1))  # what is only asked once
    few = queries(numbered(50, first=1000))
    assert queries(numbered(500, first=2000)) == few
    few_known = queries(numbered(50, words="Siti", first=1000))
    assert queries(numbered(500, words="Siti", first=2000)) == few_known
    preview, confirmation = queries(numbered(2500, first=3000))
    # Beside other work a job gives its turn away between two parts, which asks some things again.
    assert preview <= few[0] + 20
    assert confirmation <= few[1] + 20
    assert Contact.objects.filter(name__startswith="Siti").count() == 550


# -- Files that would hurt ---


def bomb(size: int, *, name: str = "xl/sharedStrings.xml") -> bytes:
    """A valid workbook with a member of `size` zeros more."""
    out = io.BytesIO(xlsx(["phone"], ["0812"]))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png" if name in archive.namelist() else name, b"0" * size)
    return out.getvalue()


def wide(reference: str) -> bytes:
    """A workbook whose only data cell claims to lie at `reference`, on a sheet that claims to be as large."""
    source = zipfile.ZipFile(io.BytesIO(xlsx(["phone"], ["081200000001"])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.namelist():
            content = source.read(member)
            if member == "xl/worksheets/sheet1.xml":
                row = re.sub(r"\D", "", reference)
                text = content.decode().replace('r="A2"', f'r="{reference}"').replace('<row r="2"', f'<row r="{row}"')
                content = re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="A1:{reference}"', text).encode()
            archive.writestr(member, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"phone\n0812", "not_xlsx"),
        (b"\xd0\xcf\x11\xe0" + b"0" * 600, "old_excel"),
        (b"PK\x03\x04 and nothing more", "broken"),
        (b"", "empty"),
        (bomb(110 * 1024 * 1024), "bomb"),
        (bomb(20 * 1024 * 1024), "bomb"),
        (xlsx(["phone"], *[[str(n)] for n in range(3)])[:-200], "broken"),
        (xlsx(list(range(300))), "too_many_columns"),
    ],
    ids=["csv", "xls", "torn", "empty", "110 MB", "ratio", "cut", "columns"],
)
def test_a_harmful_xlsx_is_refused_before_it_is_unpacked(
    raw: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []
    read = zipfile.ZipExtFile.read

    def counted(member: zipfile.ZipExtFile, size: int | None = -1) -> bytes:
        found = read(member, size)
        unpacked.append(len(found))
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(UploadRefused) as caught:
        read_xlsx(raw)
    assert caught.value.code == code
    assert sum(unpacked) < 1024 * 1024


def test_a_cell_at_the_far_end_of_the_sheet_costs_nothing() -> None:
    """A sheet has 17 thousand million cells: whoever went through all of them would never end."""
    assert read_xlsx(wide("XFD2")).headers == ["phone"]
    far = read_xlsx(wide("A1048576"))
    assert (far.rows, far.numbers) == ([["081200000001"]], [1_048_576])


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    with pytest.raises(UploadRefused) as caught:
        read_xlsx(out.getvalue())
    assert caught.value.code == "not_xlsx"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"phone,name\n\xff\x00\xff,x", "no_table"),
        (b'phone,name\n"0812,x\n', "broken"),
        (b"\n\n\n", "empty"),
        (b"phone\n" + b"0812\n" * 200_001, "too_many_rows"),
    ],
)
def test_a_harmful_csv_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(UploadRefused) as caught:
        read_csv(raw)
    assert caught.value.code == code


def test_utf_16_of_excel_is_read() -> None:
    assert read_csv("phone\tname\n0812\tDewi 🌸\n".encode("utf-16")).rows == [["0812", "Dewi 🌸"]]


def test_the_page_says_what_is_wrong_with_a_file(db: None) -> None:
    page = upload(client_of("marketing"), b"%PDF-1.4 phone", XLSX).content.decode()
    assert "This is a PDF" in page


# -- Campaigns ---


CAMPAIGNS = "/admin/imports/?kind=campaigns"


def export_of_campaigns(client: Client, kind: str) -> Any:
    """Ask for a file, have it made, and follow the link to it on the page of work."""
    asked = client.post("/admin/contacts/campaign/export/", {"format": kind, "resource": "0"})
    do_work()
    [line, *_older] = client.get(asked.url).context["lines"]
    return Client().get(line.link)


def test_campaigns_come_in_and_go_out(db: None) -> None:
    client = client_of("marketing")
    text = "code,name,cost,starts_on\nlebaran,=Lebaran,Rp 1.500.000,01/03/2026\npromo,Promo,,\n"
    preview = upload(client, text, url=CAMPAIGNS)
    assert totals(preview) == (2, 0, 0)
    assert not Campaign.objects.exists()
    confirm(client, preview)
    lebaran = Campaign.objects.get(code="lebaran")
    assert (lebaran.name, lebaran.cost, f"{lebaran.starts_on}") == ("=Lebaran", 1_500_000, "2026-03-01")
    for kind in (CSV, XLSX):
        raw = body(export_of_campaigns(client, kind))
        assert b"\n=Lebaran" not in raw
        assert totals(upload(client, raw, kind, url=CAMPAIGNS)) == (0, 0, 2)
    assert AuditEntry.objects.filter(action="campaigns.exported").count() == 2


def test_a_wrong_campaign_is_an_error_in_its_row(db: None) -> None:
    client = client_of("marketing")
    preview = upload(
        client, "code,name,cost,starts_on,ends_on\na,A,lots,,\nb,B,,2026-03-02,2026-03-01\n", url=CAMPAIGNS
    )
    assert set(problems(preview)) == {"2", "3"}
    assert not Campaign.objects.exists()


# -- What people paste ---


def sentences(preview: Any) -> str:
    return " ".join(row.problem for row in preview.context["view"].refused)


def test_a_number_that_may_be_two_people_is_refused_and_both_are_named(db: None) -> None:
    ContactFactory(phone="+6285291234567", name="Budi")
    preview = upload(client_of("marketing"), "phone,opted_out\n85291234567,yes\n")
    assert problems(preview) == {"2": ["phone"]}
    assert "+85291234567 or +6285291234567" in sentences(preview)
    assert preview.context["view"].good == 0


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("081234500001 / 081234500002", "+6281234500001, +6281234500002"),
        ("081234500001 / 2", "“2”"),
        ("081234500001 (2)", "“(2)”"),
        ("081234500001 ext 2", "“ext 2”"),
        ("6.28E+12", "format the column as text"),
        ("628123450000100", "more digits"),
        ("Budi", "is no phone number"),
    ],
)
def test_a_cell_that_is_not_one_number_says_what_it_holds(db: None, cell: str, said: str) -> None:
    preview = upload(client_of("marketing"), f"phone,name\n{cell},Budi\n")
    assert problems(preview) == {"2": ["phone"]}
    assert said in sentences(preview)


def test_a_floats_trace_means_the_person_and_not_a_stranger(db: None) -> None:
    budi, stranger = (ContactFactory(phone=phone) for phone in ("+6281234500001", "+62812345000010"))
    client = client_of("marketing")
    confirm(client, upload(client, "phone,opted_out\n6281234500001.0,yes\n"))
    budi.refresh_from_db()
    stranger.refresh_from_db()
    assert (budi.opted_out_at is not None, stranger.opted_out_at) == (True, None)


def test_a_phone_number_as_a_name_is_refused_and_the_name_stays(three: Any) -> None:
    client = client_of("marketing")
    preview = upload(client, "phone,name\n6281200000001,081299998888\n")
    assert problems(preview) == {"2": ["name"]}
    assert "The name stays as it is" in sentences(preview)
    assert Contact.objects.get(phone="+6281200000001").name == "Budi"


@pytest.mark.parametrize("nothing", ["#N/A", "#REF!", "nan", "None", "-", "\u200b", "NULL"])
def test_what_a_program_writes_where_there_is_nothing_changes_nothing(three: Any, nothing: str) -> None:
    columns = "phone,name,cs,kampanye,opted_out,follow up,lids"
    row = ",".join(["6281200000001", *[nothing] * (columns.count(","))])
    assert totals(upload(client_of("marketing"), f"{columns}\n{row}\n")) == (0, 0, 1)


def test_a_pasted_list_of_a_shop_is_read(db: None) -> None:
    agent = AgentFactory(code="rina", name="Rina")
    text = (
        "sep=;\r\nDaftar pelanggan, cabang Jakarta\r\n\r\n"
        "\u200eNama Lengkap;\ufeffNo. HP / WA;CS;Tgl Follow Up;Berhenti\r\n"
        "\u202aBudi, S.E.\u202c;\u202a+62 812\u20113456\u20117890\u202c;RINA\xa0;31/12/2026 10.30;tidak\r\n"
        'Siti;"=""081234567891""";-;31 Desember 2026;#N/A\r\n'
        "Dewi;'081234567892;;;ya\r\n"
        "Tono;wa.me/6281234567893;;31-12-26;\r\n"
    )
    client = client_of("marketing")
    preview = upload(client, text)
    assert problems(preview) == {}
    confirm(client, preview)
    people = {contact.phone[-2:]: contact for contact in Contact.objects.all()}
    assert {place: contact.name for place, contact in people.items()} == {
        "90": "Budi, S.E.", "91": "Siti", "92": "Dewi", "93": "Tono",
    }  # fmt: skip
    assert people["90"].assigned_to == agent
    assert [f"{people[n].follow_up_at:%F %H:%M}" for n in ("90", "91", "93")] == [
        "2026-12-31 03:30", "2026-12-30 17:00", "2026-12-30 17:00",
    ]  # fmt: skip
    assert [contact.opted_out_at is not None for _n, contact in sorted(people.items())] == [False, False, True, False]


def test_money_and_days_of_campaigns_in_any_spelling(db: None) -> None:
    client = client_of("marketing")
    text = (
        "kode;nama;biaya;mulai;selesai\n"
        'lebaran;Lebaran;"Rp1.500.000,-";1 Maret 2026;31/03/26\n'
        "promo;Promo;1.500.000,00;;\n"
    )
    confirm(client, upload(client, text, url=CAMPAIGNS))
    lebaran, promo = Campaign.objects.order_by("code")
    assert (lebaran.cost, promo.cost) == (1_500_000, 1_500_000)
    assert (f"{lebaran.starts_on}", f"{lebaran.ends_on}") == ("2026-03-01", "2026-03-31")
    preview = upload(client, "code,cost,ends_on\npromo,banyak,besok\n", url=CAMPAIGNS)
    assert problems(preview) == {"2": ["cost", "ends_on"]}
