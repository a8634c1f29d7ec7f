"""A label's page: where it is used, merging it into another, parting them, and archiving one that is in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labels.models import Label, LabelMerge
from reports.models import Segment
from tests.desk.conftest import Shop
from tests.factories import UserFactory
from tests.work import do_work

ClientOf = Callable[..., Client]
LIST = "/admin/labels/label/"


def label(name: str) -> Label:
    return Label.all_objects.get(name=name)


def page_of(name: str, action: str = "change") -> str:
    return f"{LIST}{label(name).pk}/{action}/"


def segment(name: str, *labels: str, **values: Any) -> Segment:
    condition = {"field": "label", "op": "active", "labels": [label(each).pk for each in labels]}
    return Segment.objects.create(name=name, definition={"any": [{"all": [condition]}]}, **values)


def test_a_label_says_where_it_is_used(client_of: ClientOf, shop: Shop) -> None:
    shop.whatsapp_label("HOT 🔥", label="Prospek panas")
    segment("Panas minggu ini", "Prospek panas", shared="everyone")
    segment("Rahasia", "Prospek panas", owner=UserFactory())
    body = client_of("cs_lead", shop).get(page_of("Prospek panas")).content.decode()
    for words in ("Where it is used", "HOT 🔥", "Number Rina", "2 segments", "Panas minggu ini"):
        assert words in body
    assert "Rahasia" not in body, "a private segment is counted and not named"
    assert "Merge into" not in body, "a lead of one team does not change everybody's labels"


def test_a_label_does_not_name_another_teams_numbers(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    other_shop.whatsapp_label("PANAS SEKALI", label="Prospek panas")
    body = client_of("cs_lead", shop).get(page_of("Prospek panas")).content.decode()
    assert "PANAS SEKALI" not in body
    assert "Number Budi" not in body
    assert "PANAS SEKALI" in client_of("root").get(page_of("Prospek panas")).content.decode()


def test_a_merge_shows_what_it_changes_before_it_does(client_of: ClientOf, shop: Shop) -> None:
    shop.put(shop.contact(), shop.whatsapp_label("Prospek panas"))
    segment("Panas minggu ini", "Prospek panas", shared="everyone")
    client = client_of("root", shop)
    assert client.get(page_of("Prospek panas", "merge")).status_code == 200
    body = client.get(page_of("Prospek panas", "merge"), {"into": label("Grade A").pk}).content.decode()
    for words in ("Panas minggu ini", "1 time that the label was on.", "The two do not mean the same", "Meaning"):
        assert words in body, words
    assert not LabelMerge.objects.exists()


def test_labels_are_merged_and_parted_again_from_their_page(client_of: ClientOf, shop: Shop) -> None:
    row = shop.whatsapp_label("Prospek panas")
    client = client_of("root", shop)
    client.post(page_of("Prospek panas", "merge"), {"into": label("Grade A").pk, "differs": "on"})
    do_work()
    row.refresh_from_db()
    assert row.label == label("Grade A")
    assert "Became part of this label" in client.get(page_of("Grade A")).content.decode()
    assert "This label became part of" in client.get(page_of("Prospek panas")).content.decode()
    assert "became part of “Grade A”" in client.get("/admin/reports/restatements/?from=2020-01-01").content.decode()
    record = LabelMerge.objects.get()
    client.post(f"{LIST}merges/{record.pk}/undo/")
    do_work()
    row.refresh_from_db()
    assert (row.label, label("Prospek panas").deleted_at) == (label("Prospek panas"), None)
    assert client.post(f"{LIST}merges/{record.pk}/undo/", follow=True).status_code == 200, "a second click is told so"


def test_labels_that_differ_are_not_merged_without_saying_so(client_of: ClientOf, shop: Shop) -> None:
    answer = client_of("root").post(page_of("Prospek panas", "merge"), {"into": label("Selesai").pk})
    assert "say that this is meant" in answer.content.decode()
    assert not LabelMerge.objects.exists()


@pytest.mark.parametrize("role", ["cs_lead", "cs", "marketing", "analyst", "auditor"])
def test_only_who_may_archive_labels_merges_them(client_of: ClientOf, shop: Shop, role: str) -> None:
    client = client_of(role, shop)
    asked = {"into": label("Grade A").pk, "differs": "on"}
    assert client.get(page_of("Prospek panas", "merge")).status_code == 403
    assert client.post(page_of("Prospek panas", "merge"), asked).status_code == 403
    assert client.post(f"{LIST}merges/1/undo/").status_code == 403


@pytest.mark.parametrize("into", ["", "x", "²", "0", "9" * 30])
def test_an_odd_target_is_no_target(client_of: ClientOf, shop: Shop, into: str) -> None:
    client = client_of("root")
    assert client.get(page_of("Prospek panas", "merge"), {"into": into}).status_code == 200
    assert client.post(page_of("Prospek panas", "merge"), {"into": into}).status_code == 200
    assert not LabelMerge.objects.exists()


def test_archiving_a_label_that_is_in_use_asks_first(client_of: ClientOf, shop: Shop) -> None:
    shop.put(shop.contact(), shop.whatsapp_label("Komplain"))
    segment("Panas", "Prospek panas", shared="everyone")
    client = client_of("root", shop)
    chosen = [label(name).pk for name in ("Komplain", "Prospek panas", "Mendesak")]
    form = {"action": "archive_rows", "_selected_action": chosen}
    body = client.post(LIST, form).content.decode()
    assert "Archive all the same" in body
    assert "Panas" in body
    assert label("Komplain").deleted_at is None
    client.post(LIST, form | {"sure": "1"})
    assert [label(name).deleted_at is None for name in ("Komplain", "Prospek panas", "Mendesak")] == [False] * 3


def test_a_label_that_nothing_names_is_archived_at_once(client_of: ClientOf, shop: Shop) -> None:
    form = {"action": "archive_rows", "_selected_action": [label("Mendesak").pk]}
    client_of("root", shop).post(LIST, form)
    assert label("Mendesak").deleted_at is not None


def test_the_page_asks_no_more_for_more_uses(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("root", shop)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page_of("Prospek panas"))
        return len(captured)

    shop.whatsapp_label("Prospek panas")
    segment("Satu", "Prospek panas", shared="everyone")
    few = queries()
    for n in range(4):
        shop.whatsapp_label(f"Panas {n}", label="Prospek panas")
        segment(f"Segmen {n}", "Prospek panas", shared="everyone")
    assert queries() == few
