"""Exporting the lists of labels on contacts and of label events, and reports, from their pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from labelcrm.core.models import Job
from labels.models import LabelAssignment
from tests.desk.conftest import Shop
from tests.transfer.test_record_export import lines, record
from tests.work import do_work
from transfer.models import Export

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]

INTERVALS, EVENTS = "/admin/labels/labelassignment/", "/admin/labels/labelevent/"


@pytest.fixture
def put(shop: Shop) -> list[LabelAssignment]:
    """Three labels on contacts, the first of them over, each with its event."""
    row = shop.whatsapp_label("Grade A")
    found = [shop.put(shop.contact(name=f"Budi {n}"), row, hours=2 if n == 0 else None) for n in range(3)]
    for each in found:
        record(each)
    return found


def exported(client: Client, address: str, **form: str) -> list[dict[str, str]]:
    """Start an export on its page, follow it to its own page, and read its file."""
    answer = client.post(address, {"layout": "csv", **form})
    assert answer.status_code == 302, answer.content
    do_work()
    page = client.get(answer["Location"]).content.decode()
    assert "Download" in page
    return lines(Job.objects.latest("pk"))


# -- Lists ------------------------------------------------------------------------------------------------------------


def test_a_list_is_exported_as_it_is_filtered(client_of: ClientOf, shop: Shop, put: list[LabelAssignment]) -> None:
    client = client_of("analyst")
    assert f'href="{INTERVALS}export/?state=on"' in client.get(f"{INTERVALS}?state=on").content.decode()
    page = client.get(f"{INTERVALS}export/?state=on").content.decode()
    assert "2 labels on contacts" in page
    assert "State: On now" in page
    rows = exported(client, f"{INTERVALS}export/?state=on")
    assert [row["id"] for row in rows] == [str(put[1].pk), str(put[2].pk)]
    assert Export.objects.get().sentence == "State: On now"


def test_a_search_narrows_the_list_and_its_export(client_of: ClientOf, put: list[LabelAssignment]) -> None:
    client = client_of("analyst")
    assert [row.pk for row in client.get(f"{INTERVALS}?q=budi+1").context["cl"].result_list] == [put[1].pk]
    [row] = exported(client, f"{EVENTS}export/?q=budi+1")
    assert row["contact"] == str(put[1].contact_id)
    assert Job.objects.get().parameters["filters"] == {"q": ["…"]}


def test_phone_numbers_are_in_the_file_where_the_box_is_ticked(client_of: ClientOf, put: list[LabelAssignment]) -> None:
    client = client_of("analyst")
    assert "phone" not in exported(client, f"{INTERVALS}export/")[0]
    assert exported(client, f"{INTERVALS}export/", addresses="on")[0]["phone"] == put[0].contact.phone.strip("+")
    assert "phone" not in exported(client, f"{EVENTS}export/", addresses="on")[0]


def test_the_format_is_remembered_and_one_must_be_chosen(client_of: ClientOf, put: list[LabelAssignment]) -> None:
    client = client_of("analyst")
    assert client.get(f"{INTERVALS}export/").context["chosen"] == "xlsx"
    exported(client, f"{INTERVALS}export/")
    assert client.get(f"{EVENTS}export/").context["chosen"] == "csv"
    for wrong in ("", "pdf", "whatsapp"):
        answer = client.post(f"{INTERVALS}export/", {"layout": wrong})
        assert "Choose a format." in answer.content.decode()
    assert Job.objects.count() == 1


def test_whose_role_exports_nothing_is_offered_nothing(
    client_of: ClientOf, shop: Shop, put: list[LabelAssignment]
) -> None:
    for role in ("cs", "auditor"):
        client = client_of(role, shop)
        for address in (INTERVALS, EVENTS):
            assert "export/" not in client.get(address).content.decode()
            assert client.get(f"{address}export/").status_code == 403
            assert client.post(f"{address}export/", {"layout": "csv"}).status_code == 403
    assert not Job.objects.exists()


def test_a_lead_lists_and_exports_what_the_team_sees(
    client_of: ClientOf, shop: Shop, other_shop: Shop, put: list[LabelAssignment]
) -> None:
    theirs = other_shop.put(other_shop.contact(), other_shop.whatsapp_label())
    client = client_of("cs_lead", other_shop)
    assert "1 label on a contact" in client.get(f"{INTERVALS}export/").content.decode()
    assert [row["id"] for row in exported(client, f"{INTERVALS}export/")] == [str(theirs.pk)]


@pytest.mark.parametrize("address", [INTERVALS, EVENTS])
def test_more_rows_of_a_list_cost_no_more_queries(
    client_of: ClientOf, shop: Shop, put: list[LabelAssignment], address: str, django_assert_max_num_queries: Any
) -> None:
    client = client_of("owner")
    client.get(address)
    with django_assert_max_num_queries(12):
        assert len(client.get(address).context["cl"].result_list) == 3


def test_an_export_of_records_has_no_people_to_open(client_of: ClientOf, put: list[LabelAssignment]) -> None:
    client = client_of("analyst")
    exported(client, f"{INTERVALS}export/")
    export = Export.objects.get()
    page = client.get(f"/admin/exports/{export.pk}/").content.decode()
    assert "3 rows" in page
    assert "What came of it" not in page
    assert "<dd>id, contact, label, label_name" in page, "as the API calls them"
    assert export.sha256 in page
    for path in ("people/file/", f"since/{export.pk}/"):
        assert client.get(f"/admin/exports/{export.pk}/{path}").status_code == 404
    assert "labels on contacts" in client.get("/admin/exports/").content.decode()
    assert client_of("auditor").get(f"/admin/exports/{export.pk}/").status_code == 404


# -- Reports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["agents", "campaigns"])
def test_a_report_is_sent_in_every_format_with_the_same_rows(client_of: ClientOf, shop: Shop, name: str) -> None:
    client = client_of("auditor")
    address = f"/admin/reports/{name}/?period=last_7"
    text = client.get(f"{address}&format=csv").content.decode("utf-8-sig")
    plain = client.get(f"{address}&format=csv_program").content.decode()
    rows = list(csv.reader(io.StringIO(text)))
    parted = client.get(f"{address}&format=excel_id").content.decode("utf-8-sig")
    answer = client.get(f"{address}&format=xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert answer["Content-Disposition"].endswith('.xlsx"')
    assert plain == text
    assert [len(row) for row in csv.reader(io.StringIO(parted), delimiter=";")] == [len(row) for row in rows]
    assert [["" if cell is None else str(cell) for cell in row] for row in sheet.values] == rows
    first, *_others = client.get(address).context["downloads"]
    assert first.url.endswith("format=xlsx"), "the format taken last stands first"


def test_a_long_report_is_made_by_a_job(client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.reports.report_downloads.AT_ONCE", 0)
    client = client_of("auditor")
    answer = client.get("/admin/reports/agents/?period=last_7&format=xlsx")
    assert answer["Location"].startswith("/admin/reports/export/?report=agents&from=")
    assert "CS quality; " in client.get(answer["Location"]).content.decode()
    [row] = exported(client, answer["Location"])
    assert row["name"] == shop.agent.name
    export = Export.objects.get()
    assert (export.kind, export.rows, str(export)) == ("report", 1, "CS quality")


def test_what_is_no_report_has_no_export(client_of: ClientOf) -> None:
    client = client_of("owner")
    assert client.get("/admin/reports/export/?report=secrets").status_code == 404
    assert client.get("/admin/reports/export/?report=agents&from=never").status_code == 400
    assert client_of("cs").get("/admin/reports/export/?report=agents").status_code == 403
