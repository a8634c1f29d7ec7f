"""Marketing filters contacts and takes exactly those away, in a file that any program opens unharmed."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from contacts.models import Agent, Contact, Team
from labelcrm.core import audit
from labelcrm.core.models import AuditEntry, Job
from labels.models import Label
from tests.desk.reports.test_pages import client_of
from tests.factories import CampaignFactory, ContactFactory, UserFactory
from tests.reports.test_figures import BUDI, SITI, TONO, rina, write
from tests.reports.world import day
from tests.webhooks.generic import Bridge
from tests.work import do_work
from transfer import exports
from transfer.models import EXCLUSIONS, Export

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

URL = "/admin/contacts/contact/export/"
CSV, XLSX, PROGRAM_CSV = "0", "1", "2"  # as imports call the formats
LAYOUTS = {CSV: exports.CSV, XLSX: exports.XLSX, PROGRAM_CSV: exports.PROGRAM_CSV}
EVERY_COLUMN = {"asked": "1", "columns": exports.COLUMNS}


def export(client: Client, query: str = "", kind: str = CSV, url: str = URL, **data: str) -> Any:
    """Ask for a file, have it made, and follow the link to it on the export's page."""
    asked = client.post(f"{url}{query}", EVERY_COLUMN | {"layout": LAYOUTS[kind]} | data)
    if asked.status_code != 302:
        return asked
    assert asked.url.startswith("/admin/exports/")
    do_work()
    page = client.get(asked.url)
    assert page.context["export"].state == Job.State.DONE, page.context["failure"]
    return Client().get(page.context["link"])


def body(response: Any) -> bytes:
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content)


def lines(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(response).decode("utf-8-sig"), newline="")))


@pytest.fixture
def three(rina: Bridge) -> Bridge:
    """Budi is graded A, Siti cold and opted out, Tono has no label."""
    for chat, name in ((BUDI, "Budi"), (SITI, "Siti"), (TONO, "Tono")):
        rina.post("message", chat=chat, name=name, at=day(1), message={"id": f"m{chat}", "text": "halo"})
    rina.label("added", "1", BUDI, at=day(2))
    rina.label("added", "2", SITI, at=day(2))
    rina.drain()
    Contact.objects.filter(name="Siti").update(opted_out_at=day(3))
    return rina


def test_exactly_the_filtered_rows_are_exported(three: Bridge) -> None:
    client = client_of("marketing")
    grade, cold = Label.objects.get(name="Grade A").pk, Label.objects.get(name="Prospek dingin").pk
    assert [line["name"] for line in lines(export(client))] == ["Budi", "Tono"]
    assert [line["name"] for line in lines(export(client, f"?label={grade}"))] == ["Budi"]
    assert [line["name"] for line in lines(export(client, f"?label={grade}&label={cold}"))] == ["Budi"]
    assert [line["name"] for line in lines(export(client, "?label=none"))] == ["Tono"]
    assert [line["name"] for line in lines(export(client, "?q=0812-0000-0001"))] == ["Budi"]
    shown = client.get(f"/admin/contacts/contact/?label={grade}").context["cl"].result_list
    assert [contact.name for contact in shown] == ["Budi"]


def test_a_row_says_who_whom_and_when(three: Bridge) -> None:
    campaign = CampaignFactory(name="Lebaran")
    Contact.objects.filter(name="Budi").update(
        campaign=campaign, assigned_to=Agent.objects.get(), lid="99887766", last_outbound_at=day(5)
    )
    budi = Contact.objects.get(name="Budi")
    budi.identities.create(kind="lid", value="99887766")
    assert lines(export(client_of("marketing"), "?q=Budi")) == [
        {
            "id": str(budi.pk),
            "phone": "6281200000001",
            "lids": "99887766@lid",
            "name": "Budi",
            "labels": "Grade A",
            "labelled_by": "Grade A: Rina (owner of the number)",
            "labelled_at": "2026-03-04 00:00",
            "campaign": "Lebaran",
            "assigned_to": "Rina",
            "channels": "Number cs1",
            "opted_out": "no",
            "follow_up_at": "",
            "first_message_at": "2026-03-03 00:00",
            "last_message_at": "2026-03-07 00:00",
            "username": "",
            "user_ids": "",
        }
    ]


def test_who_opted_out_is_in_no_file(three: Bridge) -> None:
    client = client_of("marketing")
    counts = client.get(URL).context["counts"]
    assert (counts.matched, counts.excluded["opted_out"], counts.rows) == (3, 1, 2)
    assert [line["name"] for line in lines(export(client))] == ["Budi", "Tono"]
    assert AuditEntry.objects.get(action="contacts.exported").details["excluded"]["opted_out"] == 1


def test_an_export_is_audited_with_what_left_the_house(three: Bridge) -> None:
    sent = body(export(client_of("marketing"), "?label=none", XLSX))
    entry = AuditEntry.objects.get(action="contacts.exported")
    assert entry.details == {
        "export": Export.objects.get().pk,
        "segment": None,
        "filters": {"label": ["none"]},
        "format": "xlsx",
        "matched": 1,
        "rows": 1,
        "excluded": dict.fromkeys((reason.code for reason in EXCLUSIONS), 0),
        "sha256": hashlib.sha256(sent).hexdigest(),
    }
    assert entry.actor is not None


def test_without_an_audit_row_nothing_leaves(three: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    record = audit.record

    def broken(*, action: str, **details: Any) -> AuditEntry:
        if action == "contacts.exported":
            raise RuntimeError("no audit today")
        return record(action=action, **details)

    monkeypatch.setattr(audit, "record", broken)
    client = client_of("marketing")
    client.post(URL, EVERY_COLUMN | {"layout": exports.CSV})
    do_work()
    [line] = client.get("/admin/jobs/").context["lines"]
    assert (line.job.state, line.link) == (Job.State.FAILED, "")


def test_a_file_is_for_who_may_export(three: Bridge) -> None:
    for role in ("cs", "auditor"):
        assert client_of(role).get(URL).status_code == 403
        assert export(client_of(role)).status_code == 403
    assert not AuditEntry.objects.filter(action="contacts.exported").exists()


def test_a_lead_exports_her_own_team(three: Bridge) -> None:
    other = Bridge(key="cs2", agent="dewi", team="Grosir")
    other.save("9", "Grade A", at=day(-1))
    other.label("added", "9", "6281299999999", at=day(2))
    other.label("added", "9", TONO, at=day(2))
    other.drain()
    found = lines(export(client_of("cs_lead", teams=[Team.objects.get(name="Sales")])))
    assert [line["name"] for line in found] == ["Budi", "Tono"]
    assert (found[1]["labels"], found[1]["channels"]) == ("", "Number cs1")


HOSTILE = ["=1+1", "==1+1", "+62811", "-1", "@x", "\tx", "\rx", "＝1", " =1", "'=1", '=HYPERLINK("http://x","y")',
           "O'Neil, \"Bob\"", "dua\nbaris", "Dewi 🌸", "\x01bel"]  # fmt: skip


def test_hostile_names_are_text_in_both_formats(db: None) -> None:
    for name in HOSTILE:
        ContactFactory(name=name)
    client = client_of("marketing")
    for line in lines(export(client)):
        assert line["name"][0] not in "=+-@\t\r\n＝"
    sheet = load_workbook(io.BytesIO(body(export(client, kind=XLSX)))).active
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    phones = [row[0].value for row in sheet.iter_rows(min_row=2)]
    assert phones == [c.phone.removeprefix("+") for c in Contact.objects.order_by("id")]


def test_more_contacts_cost_no_more_queries_within_a_chunk(three: Bridge, django_assert_num_queries: Any) -> None:
    client = client_of("marketing")
    body(export(client))

    def queries(count: int) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as captured:
            assert len(lines(export(client))) == count
        return len(captured)

    few = queries(2)
    for n in range(20):
        three.label("added", "1", f"62813000000{n:02d}", at=day(2))
    three.drain()
    assert queries(22) == few


def test_chunks_join_into_one_file(three: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    assert [line["name"] for line in lines(export(client_of("marketing")))] == ["Budi", "Tono"]


def test_a_broken_filter_goes_back_to_the_list(three: Bridge) -> None:
    response = client_of("marketing").get(f"{URL}?assigned_to__id__exact=x")
    assert response.status_code in (200, 302)


def test_messages_in_and_out_decide_the_last_message(rina: Bridge) -> None:
    write(rina, BUDI, day(1))
    write(rina, BUDI, day(4), from_me=True)
    rina.drain()
    [line] = lines(export(client_of("marketing")))
    assert (line["first_message_at"], line["last_message_at"]) == ("2026-03-03 00:00", "2026-03-06 00:00")


def test_a_reader_sees_no_export_button(three: Bridge) -> None:
    client = Client()
    client.force_login(UserFactory(role="auditor"))
    assert "/export/" not in client.get("/admin/contacts/contact/").content.decode()
    assert "/export/" in client_of("marketing").get("/admin/contacts/contact/").content.decode()


def test_csv_for_people_has_the_mark_that_excel_needs_and_for_programs_none(three: Bridge) -> None:
    client = client_of("marketing")
    people, programs = export(client), export(client, kind=PROGRAM_CSV)
    assert people["Content-Disposition"].endswith('.csv"')
    assert programs["Content-Disposition"].endswith('.csv"')
    marked = body(people)
    assert marked.startswith(b"\xef\xbb\xbfphone,name,labels,id,")
    assert body(programs) == marked.removeprefix(b"\xef\xbb\xbf")
    kinds = AuditEntry.objects.filter(action="contacts.exported").values_list("details__format", flat=True)
    assert list(kinds.order_by("id")) == ["csv", "csv_program"]
    assert "CSV for programs" in client.get(URL).content.decode()
