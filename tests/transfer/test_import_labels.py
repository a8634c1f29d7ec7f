"""A file puts labels on contacts: found, nobody credited, and only those that are known."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Channel, Contact, Note
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, CleanSpell, Label, LabelAlias, LabelAssignment, LabelEvent
from labels.services.rebuilding import rebuild
from reports.query import parse_query
from reports.registry import REPORTS
from tests.desk.reports.test_pages import client_of
from tests.factories import ContactFactory
from tests.reports.test_figures import BUDI, SITI, TONO, rina
from tests.transfer.test_exports import CSV, XLSX, body, export, three
from tests.transfer.test_imports import confirm, problems, sentences, totals, upload

__all__ = ["rina", "three"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    return client_of("marketing")


def labels_of(phone: str) -> set[str]:
    on = LabelAssignment.objects.filter(contact__phone=f"+{phone}", removed_at=None)
    return set(on.values_list("label__name", flat=True))


def write(client: Client, text: str) -> Any:
    preview = upload(client, text)
    assert problems(preview) == {}
    confirm(client, preview)
    return preview


def test_labels_of_a_file_are_found_and_nobody_is_credited(client: Client) -> None:
    preview = write(client, "phone,name,labels\n081299990001,Dewi,Grade A\n")
    assert totals(preview) == (1, 0, 0)
    [on] = LabelAssignment.objects.all()
    assert (on.channel.key, on.channel.gateway, on.origin) == ("crm", "crm", "import")
    assert (on.added_by, on.added_by_user, on.added_by_method) == (None, None, "unknown")
    assert on.added_at_source == "received"
    spell = CleanSpell.objects.get()
    assert spell.found
    rows = parse_query(REPORTS["labels"], {"period": "last_7"}, viewer=Viewer(everything=True)).rows
    [row] = [row for row in rows if row.name == "Grade A"]
    assert (row.added, row.found) == (0, 1)
    assert rebuild(write=False) == 0


@pytest.mark.parametrize(
    "cell",
    [
        "Grade A; Prospek panas", "grade a;PROSPEK PANAS", "Grade A, Prospek panas", "🅰 Grade A 🔥; prospek panas!",
        "Grade A\nProspek panas", "Grade A;;Prospek panas; ", "'Grade A; Prospek panas",
        "Grade A; Hot prospect; Grade A",
    ],
)  # fmt: skip
def test_labels_are_known_in_any_spelling(client: Client, cell: str) -> None:
    LabelAlias.objects.create(label=Label.objects.get(name="Grade A"), text="🅰 Grade A 🔥", normalized="🅰 grade a")
    Label.objects.filter(name="Prospek panas").update(name_en="Hot prospect")
    write(client, f'phone,label\n081299990001,"{cell}"\n')
    assert labels_of("6281299990001") == {"Grade A", "Prospek panas"}


def test_a_comma_may_belong_to_the_name_of_a_label(client: Client) -> None:
    Label.objects.create(name="Tanya harga, stok")
    write(client, 'phone,label\n081299990001,"Tanya harga, stok"\n081299990002,"Tanya harga, stok; Grade A"\n')
    assert labels_of("6281299990001") == {"Tanya harga, stok"}
    assert labels_of("6281299990002") == {"Tanya harga, stok", "Grade A"}


def test_an_unknown_label_is_an_error_and_no_new_label(client: Client) -> None:
    before = Label.all_objects.count()
    preview = upload(client, "phone,labels\n081299990001,Grade AA\n081299990002,Xyzzy\n081299990003,Grade A\n")
    assert problems(preview) == {"2": ["labels"], "3": ["labels"]}
    assert "“Grade AA”: did you mean “Grade A”?" in sentences(preview)
    assert "There is no label “Xyzzy”." in sentences(preview)
    confirm(client, preview)
    assert Label.all_objects.count() == before
    assert Contact.objects.count() == 1


def test_a_label_that_is_on_already_is_unchanged_on_whatever_number(three: Any, client: Client) -> None:
    """Budi is Grade A on Rina's number."""
    preview = write(client, f"phone,labels\n{BUDI},Grade A\n{SITI},grade a\n{TONO},\n")
    assert totals(preview) == (0, 1, 2)
    assert LabelEvent.objects.filter(channel__key="crm").count() == 1
    assert totals(upload(client, f"phone,labels\n{BUDI},Grade A\n{SITI},Grade A\n")) == (0, 0, 2)


def test_no_label_is_taken_off_by_a_file(three: Any, client: Client) -> None:
    write(client, f"phone,labels\n{BUDI},Prospek panas\n")
    assert labels_of(BUDI) == {"Grade A", "Prospek panas"}


@pytest.mark.parametrize("kind", [CSV, XLSX])
@pytest.mark.parametrize("language", ["id", "en"])
def test_an_export_with_labels_comes_back_unchanged(three: Any, kind: str, language: str) -> None:
    client = client_of("marketing", language=language)
    Label.objects.filter(name="Prospek dingin").update(deleted_at=timezone.now())
    write(client, f"phone,labels\n{BUDI},Prospek panas\n{TONO},Grade A; Prospek panas\n")
    events = LabelEvent.objects.count()
    raw = body(export(client, kind=kind))
    preview = upload(client, raw, kind)
    assert (totals(preview), problems(preview)) == ((0, 0, 2), {}), "who opted out is in no file"
    confirm(client, preview)
    assert LabelEvent.objects.count() == events


def test_a_label_more_in_an_export_is_put_on(three: Any) -> None:
    client = client_of("marketing", language="en")
    raw = body(export(client)).decode("utf-8-sig").replace("Grade A,", "Grade A; Prospek panas,")
    write(client, raw)
    assert labels_of(BUDI) == {"Grade A", "Prospek panas"}


def test_a_label_means_itself_where_its_name_is_a_spelling_of_another(client: Client) -> None:
    grade = Label.objects.get(name="Grade A")
    vip = Label.objects.create(name="VIP")
    LabelAlias.objects.update_or_create(normalized="vip", defaults={"label": grade, "text": "VIP"})
    Label.objects.filter(pk=vip.pk).update(name_en="Very important")
    write(client, "phone,labels\n081299990001,Very important\n")
    assert labels_of("6281299990001") == {"VIP"}
    assert ChannelLabel.objects.get(channel__key="crm").label == vip


def test_two_labels_of_a_file_of_one_contact_are_on_together(client: Client) -> None:
    write(client, "phone,labels\n081299990001,Grade A\n")
    write(client, "phone,labels\n081299990001,Grade A; Prospek panas\n")
    assert labels_of("6281299990001") == {"Grade A", "Prospek panas"}
    assert Channel.objects.filter(gateway="crm").count() == 1


def test_queries_do_not_grow_with_labelled_rows(client: Client) -> None:
    def asked(first: int, rows: int) -> int:
        text = "phone,labels\n" + "".join(f"62813{n:08d},Grade A; Prospek panas\n" for n in range(first, first + rows))
        with CaptureQueriesContext(connection) as queries:
            write(client, text)
        return len(queries)

    asked(0, 2)
    assert asked(100, 300) <= asked(1000, 30) + 2


# -- Notes ------------------------------------------------------------------------------------------------------------


def test_a_note_is_written_once(client: Client) -> None:
    contact = ContactFactory(phone="+6281299990001")
    text = 'phone,catatan\n081299990001,"Suka warna biru;\nkirim katalog"\n'
    assert totals(write(client, text)) == (0, 1, 0)
    note = Note.objects.get(contact=contact)
    assert note.text == "Suka warna biru;\nkirim katalog"
    assert note.author is not None
    assert totals(write(client, text)) == (0, 0, 1)
    assert Note.objects.count() == 1
    assert problems(upload(client, f"phone,notes\n081299990001,{'x' * 5001}\n")) == {"2": ["notes"]}
