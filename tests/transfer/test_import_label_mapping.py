"""What WhatsApp labels mean, from a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from labelcrm.core.models import AuditEntry, Job
from labels.models import ChannelLabel, Label, LabelAssignment
from tests.desk.reports.test_pages import client_of
from tests.factories import UserFactory
from tests.reports.test_figures import BUDI, rina
from tests.reports.world import day
from tests.transfer.test_exports import three
from tests.transfer.test_import_undo import undo
from tests.transfer.test_imports import confirm, problems, sentences, totals, upload
from tests.webhooks.generic import Bridge
from tests.work import do_work

__all__ = ["rina", "three"]
pytestmark = pytest.mark.django_db
URL = "/admin/imports/?kind=label-mapping"


@pytest.fixture
def number(three: Bridge) -> Bridge:
    """Rina's number has labels that nobody has sorted."""
    three.save("7", "Panasz", at=day(1))
    three.save("8", "Arsip lama", at=day(1))
    three.label("added", "7", BUDI, at=day(3))
    three.drain()
    return three


@pytest.fixture
def client(number: Bridge) -> Client:
    return client_of("owner", language="en")


def meant(name: str) -> tuple[str, bool]:
    row = ChannelLabel.objects.get(name=name)
    return row.label.name, row.ignored


def test_rows_say_what_labels_mean_and_contacts_follow(number: Bridge, client: Client) -> None:
    key = number.channel.key
    text = f"nomor;label WhatsApp;artinya\n{key};panasz;Prospek panas\n{key};Arsip lama;tidak dihitung\n"
    preview = upload(client, text, url=URL)
    assert (problems(preview), totals(preview)) == ({}, (0, 2, 0))
    assert meant("Panasz")[0] == "Panasz"
    confirm(client, preview)
    do_work()
    assert meant("Panasz") == ("Prospek panas", False)
    assert meant("Arsip lama")[1]
    on = LabelAssignment.objects.filter(contact__phone=f"+{BUDI}", removed_at=None)
    assert set(on.values_list("label__name", flat=True)) == {"Grade A", "Prospek panas"}
    assert totals(upload(client, text, url=URL)) == (0, 0, 2)
    entry = AuditEntry.objects.get(action="label_mapping.imported")
    assert (entry.details["rows"], entry.details["changed"]) == (2, 2)


def test_numbers_are_known_by_key_name_and_phone(number: Bridge, client: Client) -> None:
    number.channel.own_phone, number.channel.name = "+6281277777777", "CS Rina"
    number.channel.save()
    for spelled in (number.channel.key, "cs rina", "0812-7777-7777", "6281277777777"):
        text = f"channel,label,means\n{spelled},Panasz,Xyzzy\n{spelled},Panasz,Prospek panas\n"
        preview = upload(client, text, url=URL)
        assert problems(preview) == {"2": ["means"], "3": ["whatsapp_label"]}, spelled
        assert "The same label as in row 2." in sentences(preview)


def test_what_is_unknown_is_refused_with_what_was_meant(number: Bridge, client: Client) -> None:
    key = number.channel.key
    text = (
        "number,WhatsApp label,means\n"
        f"nobody,Panasz,Prospek panas\n{key},Panas,Prospek panas\n{key},Xyzzy,Prospek panas\n"
        f"{key},Panasz,Prospek pana\n,Panasz,Prospek panas\n{key},Arsip lama,\n"
    )
    preview = upload(client, text, url=URL)
    assert problems(preview) == {
        "2": ["number"], "3": ["whatsapp_label"], "4": ["whatsapp_label"], "5": ["means"], "6": ["number"],
    }  # fmt: skip
    told = sentences(preview)
    assert "no WhatsApp number “nobody”" in told
    assert "“Panas”: did you mean “Panasz”?" in told
    assert "no label “Xyzzy”." in told
    assert "“Prospek pana”: did you mean “Hot prospect”?" in told
    assert totals(preview) == (0, 0, 1), "a row that only names a label says nothing"


def test_it_is_taken_back(number: Bridge, client: Client) -> None:
    key = number.channel.key
    confirm(client, upload(client, f"number,label,means\n{key},Panasz,Prospek panas\n", url=URL))
    do_work()
    job = Job.objects.filter(kind="label_mapping.import").latest("pk")
    assert undo(job, UserFactory(role="owner")).result == {"undone": 1, "kept": 0}
    do_work()
    assert meant("Panasz")[0] == "Panasz"


def test_a_template_lists_the_labels_of_every_number(number: Bridge, client: Client) -> None:
    raw = client.get("/admin/imports/template/label-mapping.csv").content
    lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert lines[0] == ["number", "WhatsApp label", "means"]
    assert [number.channel.key, "Grade A", "Grade A"] in lines
    assert [number.channel.key, "Panasz", ""] in lines
    assert totals(upload(client, raw, url=URL)) == (0, 0, len(lines) - 1)


@pytest.mark.parametrize("kind", ["contacts", "campaigns", "label-mapping"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_templates_can_be_downloaded_in_both_formats(number: Bridge, kind: str, language: str) -> None:
    client = client_of("owner", language=language)
    text = client.get(f"/admin/imports/template/{kind}.csv").content.decode("utf-8-sig")
    sheet = load_workbook(io.BytesIO(client.get(f"/admin/imports/template/{kind}.xlsx").content)).active
    assert sheet is not None
    heads = [cell.value for cell in sheet[1]]
    assert heads == next(csv.reader(io.StringIO(text)))
    assert ("nama" in heads or "nomor" in heads) == (language == "id")


def test_it_is_for_who_may_say_what_labels_mean(number: Bridge) -> None:
    marketing: Any = client_of("marketing")
    assert marketing.get(URL).status_code == 403
    assert marketing.get("/admin/imports/template/label-mapping.csv").status_code == 403
    assert Label.objects.filter(name="Panasz").exists()
