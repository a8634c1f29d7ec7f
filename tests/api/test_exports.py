"""Exports through the API: asked for, followed, read by their link, and never with anybody who opted out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook
from rest_framework.test import APIClient

from contacts.models import Contact
from labelcrm.core.models import Job
from reports.models import Segment
from tests.api.conftest import get
from tests.api.story import Story
from tests.factories import TeamFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db

AsRole = Callable[..., APIClient]
EXCLUDED = ("complaint", "opted_out", "recently_exported", "no_phone", "not_new", "hold_out")


@pytest.fixture
def segment(story: Story) -> Segment:
    """Everybody: four people, of whom the first opted out and the second has no number."""
    people = [story.contact(name=f"Ani {n}") for n in range(4)]
    Contact.objects.filter(pk=people[0].pk).update(opted_out_at=timezone.now())
    Contact.objects.filter(pk=people[1].pk).update(phone="")
    return Segment.objects.create(name="Semua", definition={"any": [{"all": []}]}, shared="everyone")


def ask(client: APIClient, segment: Segment, **body: Any) -> Any:
    return client.post(f"/api/v1/segments/{segment.pk}/exports/", body, format="json")


def finished(client: APIClient, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.json()
    do_work()
    found: dict[str, Any] = get(client, f"exports/{answer.json()['id']}")
    assert found["matched"] - sum(found["excluded"].values()) == found["rows"]
    return found


def file_of(export: dict[str, Any]) -> bytes:
    """What the link gives, without a token."""
    address = urlsplit(export["url"])
    assert address.scheme in ("http", "https")
    answer: Any = Client().get(address.path)
    return b"".join(answer.streaming_content)


def test_an_export_says_how_far_it_is_and_then_who_is_in_it(owner: APIClient, segment: Segment) -> None:
    answer = ask(owner, segment, format="csv")
    begun = answer.json()
    assert (begun["state"], begun["progress"], begun["rows"], begun["url"]) == ("queued", 0, None, None)
    assert begun["segment"] == segment.pk
    export = finished(owner, answer)
    assert (export["state"], export["progress"], export["format"], export["reason"]) == ("done", 100, "csv", "")
    assert export["layout"] == "csv_program", "without the mark that Excel needs"
    assert (export["matched"], export["rows"]) == (4, 2)
    assert export["excluded"] == dict.fromkeys(EXCLUDED, 0) | {"opted_out": 1, "no_phone": 1}
    assert export["computed_at"] < export["expires_at"]
    text = file_of(export).decode()
    assert text.startswith("phone,name,labels\r\n")
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["Ani 2", "Ani 3"]
    assert [row["id"] for row in get(owner, "exports", segment=segment.pk)["results"]] == [export["id"]]


def test_every_option_is_heard(owner: APIClient, segment: Segment) -> None:
    finished(owner, ask(owner, segment, format="csv"))
    exclude = {"complaint": False, "opted_out": True, "exported_days": 0, "no_phone": False}
    export = finished(owner, ask(owner, segment, format="xlsx", columns=["username", "id"], exclude=exclude))
    sheet: Any = load_workbook(io.BytesIO(file_of(export))).active
    head, *rows = sheet.values
    assert head == ("phone", "name", "labels", "id", "username")
    assert [row[1] for row in rows] == ["Ani 1", "Ani 2", "Ani 3"]
    new = finished(owner, ask(owner, segment, format="csv", only_new=True))
    assert (new["rows"], new["excluded"]["not_new"], new["excluded"]["no_phone"]) == (0, 2, 1)
    recent = finished(owner, ask(owner, segment, format="csv", exclude={"exported_days": 1}))
    assert recent["excluded"]["recently_exported"] == 3
    held = finished(owner, ask(owner, segment, format="csv", hold_out=50))
    assert (held["rows"], held["excluded"]["hold_out"]) == (1, 1)


def test_nobody_can_ask_for_who_opted_out(owner: APIClient, segment: Segment) -> None:
    export = finished(owner, ask(owner, segment, format="csv", exclude={"opted_out": False, "no_phone": False}))
    assert (export["rows"], export["excluded"]["opted_out"]) == (3, 1)
    assert b"Ani 0" not in file_of(export)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "format"),
        ({"format": "pdf"}, "format"),
        ({"format": ["csv"]}, "format"),
        ({"format": "csv", "columns": ["phone", "secret"]}, "columns[1]"),
        ({"format": "csv", "columns": "phone"}, "columns"),
        ({"format": "csv", "columns": [1]}, "columns[0]"),
        ({"format": "csv", "columns": [None]}, "columns[0]"),
        ({"format": "csv", "exclude": []}, "exclude"),
        ({"format": "csv", "exclude": {"complaint": "yes"}}, "exclude.complaint"),
        ({"format": "csv", "exclude": {"complaints": True}}, "exclude.complaints"),
        ({"format": "csv", "exclude": {"exported_days": -1}}, "exclude.exported_days"),
        ({"format": "csv", "exclude": {"exported_days": 1e300}}, "exclude.exported_days"),
        ({"format": "csv", "hold_out": 51}, "hold_out"),
        ({"format": "csv", "hold_out": -1}, "hold_out"),
        ({"format": "csv", "hold_out": 12.5}, "hold_out"),
        ({"format": "csv", "hold_out": True}, "hold_out"),
        ({"format": "csv", "only_new": 1}, "only_new"),
        ({"format": "csv", "definition": {"any": []}}, "definition"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(
    owner: APIClient, segment: Segment, body: dict[str, Any], place: str
) -> None:
    answer = owner.post(f"/api/v1/segments/{segment.pk}/exports/", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [place]
    assert not Job.objects.exists()


def test_an_unknown_column_is_named(owner: APIClient, segment: Segment) -> None:
    answer = ask(owner, segment, format="csv", columns=["phone", "password"])
    assert "password" in answer.json()["error"]["message"]


def test_who_may_not_export_gets_no_export(as_role: AsRole, owner: APIClient, segment: Segment, team: Any) -> None:
    export = ask(owner, segment, format="csv").json()["id"]
    for role, seen in (("cs", 403), ("auditor", 404)):  # an auditor sees exports of reports, which are no people
        client = as_role(role, team)
        assert ask(client, segment, format="csv").status_code == 403
        assert client.get(f"/api/v1/exports/{export}/").status_code == seen
        assert client.post(f"/api/v1/exports/{export}/cancel/").status_code == seen


def test_an_export_is_seen_by_whose_it_is_and_by_owners(as_role: AsRole, owner: APIClient, segment: Segment) -> None:
    mine, other = as_role("marketing"), as_role("marketing")
    export = ask(mine, segment, format="csv").json()["id"]
    assert [len(get(client, "exports")["results"]) for client in (mine, other, owner)] == [1, 0, 1]
    assert other.get(f"/api/v1/exports/{export}/").status_code == 404
    assert other.post(f"/api/v1/exports/{export}/cancel/").status_code == 404


def test_an_export_has_the_scope_of_who_asks(as_role: AsRole, segment: Segment, story: Story, team: Any) -> None:
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    other.contact(name="Dewi")
    lead = as_role("cs_lead", team)
    assert finished(lead, ask(lead, segment, format="csv"))["matched"] == 4


def test_a_private_segment_of_somebody_else_does_not_exist(as_role: AsRole, segment: Segment) -> None:
    Segment.objects.update(shared="private")
    assert ask(as_role("marketing"), segment, format="csv").status_code == 404


def test_an_export_is_cancelled_once(owner: APIClient, segment: Segment) -> None:
    export = ask(owner, segment, format="csv").json()["id"]
    assert owner.post(f"/api/v1/exports/{export}/cancel/").status_code == 202
    do_work()
    found = get(owner, f"exports/{export}")
    assert (found["state"], found["url"], found["expires_at"]) == ("cancelled", None, None)
    assert owner.post(f"/api/v1/exports/{export}/cancel/").status_code == 409


def test_why_it_failed_is_a_code(owner: APIClient, segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.exports.XLSX_ROWS", 1)
    answer = ask(owner, segment, format="xlsx")
    do_work()
    found = get(owner, f"exports/{answer.json()['id']}")
    assert (found["state"], found["reason"], found["url"]) == ("failed", "too_many_rows", None)


def test_more_exports_cost_no_more_queries(
    owner: APIClient, segment: Segment, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        ask(owner, segment, format="csv")
    do_work()
    with django_assert_max_num_queries(8):
        assert len(get(owner, "exports")["results"]) == 5
