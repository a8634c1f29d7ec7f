"""Exports of label intervals, label events and reports through the API: the rows that its lists and reports answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from api.export_body import BODY
from api.exports import FILTERS
from contacts.models import Contact
from labelcrm.core.models import AuditEntry, Job
from reports.registry import REPORTS
from tests.api.conftest import get
from tests.api.story import Story
from tests.api.test_exports import file_of, finished
from tests.factories import TeamFactory
from transfer.models import ExportKind

pytestmark = pytest.mark.django_db

AsRole = Callable[..., APIClient]


@pytest.fixture
def people(story: Story) -> list[Contact]:
    """Four people with labels put on and taken off, of whom the last opted out."""
    found = [story.contact(name=f"Ani {n}") for n in range(4)]
    for n, contact in enumerate(found):
        story.put_on(contact, "Grade A" if n % 2 else "Grade B")
    story.take_off(found[0], "Grade B")
    Contact.objects.filter(pk=found[3].pk).update(opted_out_at=timezone.now())
    return found


def ask(client: APIClient, **body: Any) -> Any:
    return client.post("/api/v1/exports/", {"format": "csv"} | body, format="json")


def lines(client: APIClient, **body: Any) -> list[dict[str, str]]:
    export = finished(client, ask(client, **body))
    assert export["state"] == "done", export
    found = list(csv.DictReader(io.StringIO(file_of(export).decode(), newline="")))
    assert len(found) == export["rows"] == export["matched"]
    return found


def test_an_export_of_intervals_is_an_export_like_any_other(owner: APIClient, people: list[Contact]) -> None:
    answer = ask(owner, kind="intervals", format="xlsx")
    begun = answer.json()
    assert (begun["kind"], begun["state"], begun["segment"], begun["url"]) == ("intervals", "queued", None, None)
    export = finished(owner, answer)
    assert (export["state"], export["progress"], export["rows"], export["format"]) == ("done", 100, 4, "xlsx")
    assert sum(export["excluded"].values()) == 0
    assert export["computed_at"] < export["finished_at"] < export["expires_at"]
    assert file_of(export)[:2] == b"PK"
    assert [row["id"] for row in get(owner, "exports", kind="intervals")["results"]] == [export["id"]]
    assert get(owner, "exports", kind="people")["results"] == []
    assert AuditEntry.objects.get(action="intervals.exported").details["sha256"] == export["sha256"]


@pytest.mark.parametrize(
    ("kind", "path", "filters"),
    [
        ("intervals", "assignments", {}),
        ("intervals", "assignments", {"active": True}),
        ("intervals", "assignments", {"label": "Grade A", "channel": "cs1"}),
        ("intervals", "assignments", {"updated_since": "2026-03-02T09:00:00+07:00", "active": "false"}),
        ("events", "label-events", {}),
        ("events", "label-events", {"kind": "remove"}),
        ("events", "label-events", {"effect": "opened", "origin": "live", "since": "2026-03-02"}),
    ],
)
def test_a_file_has_the_rows_of_the_list_with_these_filters(
    owner: APIClient, people: list[Contact], kind: str, path: str, filters: dict[str, Any]
) -> None:
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters.items()}
    told = sorted(get(owner, path, **given)["results"], key=lambda row: row["id"])
    found = lines(owner, kind=kind, filters=filters)
    assert found
    assert [int(row["id"]) for row in found] == [row["id"] for row in told]
    assert [{name: row[name] for name in ("contact", "channel", "origin")} for row in found] == [
        {name: str(row[name]) for name in ("contact", "channel", "origin")} for row in told
    ]


def test_a_contact_is_asked_for_by_id_and_by_phone(owner: APIClient, people: list[Contact]) -> None:
    for given in ({"contact": people[1].pk}, {"phone": people[1].phone}):
        [row] = lines(owner, kind="intervals", filters=given)
        assert row["contact"] == str(people[1].pk)
    assert people[1].phone not in str(AuditEntry.objects.filter(action="intervals.exported").values("details"))


def test_addresses_are_asked_for_and_never_of_who_opted_out(owner: APIClient, people: list[Contact]) -> None:
    assert "phone" not in lines(owner, kind="intervals")[0]
    phones = [row["phone"] for row in lines(owner, kind="intervals", addresses=True)]
    assert phones == [*(person.phone.removeprefix("+") for person in people[:3]), ""]


def test_a_report_is_exported_with_its_parameters(owner: APIClient, people: list[Contact]) -> None:
    rows = lines(owner, kind="report", report="labels", filters={"from": "2026-03-01", "to": "2026-04-01"})
    told = get(owner, "reports/labels", **{"from": "2026-03-01", "to": "2026-04-01"})["rows"]
    assert [(row["name"], row["added"]) for row in rows] == [(row["name"], str(row["added"])) for row in told]
    assert any(row["added"] != "0" for row in rows)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "kind"),
        ({"kind": "people"}, "kind"),
        ({"kind": "intervals", "format": "pdf"}, "format"),
        ({"kind": "intervals", "filters": []}, "filters"),
        ({"kind": "intervals", "filters": {"secret": 1}}, "filters.secret"),
        ({"kind": "intervals", "filters": {"label": ""}}, "filters.label"),
        ({"kind": "intervals", "filters": {"label": None}}, "filters.label"),
        ({"kind": "intervals", "filters": {"label": ["1"]}}, "filters.label"),
        ({"kind": "intervals", "filters": {"label": "x" * 5000}}, "filters.label"),
        ({"kind": "intervals", "filters": {"label": "no such label"}}, "filters.label"),
        ({"kind": "intervals", "filters": {"active": "perhaps"}}, "filters.active"),
        ({"kind": "intervals", "filters": {"contact": -1}}, "filters.contact"),
        ({"kind": "intervals", "filters": {"updated_since": "yesterday"}}, "filters.updated_since"),
        ({"kind": "intervals", "filters": {"cursor": "n1"}}, "filters.cursor"),
        ({"kind": "intervals", "addresses": "yes"}, "addresses"),
        ({"kind": "events", "filters": {"effect": "boom"}}, "filters.effect"),
        ({"kind": "events", "filters": {"label": "Grade A"}}, "filters.label"),
        ({"kind": "events", "addresses": True}, "addresses"),
        ({"kind": "events", "report": "agents"}, "report"),
        ({"kind": "report"}, "report"),
        ({"kind": "report", "report": "secrets"}, "report"),
        ({"kind": "report", "report": "labels", "filters": {"campaign": 1}}, "filters.campaign"),
        ({"kind": "report", "report": "labels", "filters": {"from": "x"}}, "filters.from"),
        ({"kind": "report", "report": "labels", "filters": {"channel": "none"}}, "filters.channel"),
        ({"kind": "intervals", "definition": {}}, "definition"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(
    owner: APIClient, people: list[Contact], body: dict[str, Any], place: str
) -> None:
    answer = ask(owner, **body)
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()["error"]["fields"]) == [place]
    assert not Job.objects.exists()


def test_who_may_export_what_follows_from_the_role(as_role: AsRole, people: list[Contact], team: Any) -> None:
    asked = [{"kind": "intervals"}, {"kind": "events"}, {"kind": "report", "report": "agents"}]
    answers = {
        role: [ask(as_role(role, team), **body).status_code for body in asked]
        for role in ("owner", "marketing", "analyst", "cs_lead", "auditor", "cs")
    }
    everything, figures, nothing = [202, 202, 202], [403, 403, 202], [403, 403, 403]
    assert answers == {
        "owner": everything, "marketing": everything, "analyst": everything, "cs_lead": everything,
        "auditor": figures, "cs": nothing,
    }  # fmt: skip


def test_somebody_sees_their_exports_of_what_they_may_export(as_role: AsRole, people: list[Contact]) -> None:
    analyst, auditor = as_role("analyst"), as_role("auditor")
    ask(analyst, kind="intervals")
    report = ask(auditor, kind="report", report="agents").json()
    assert [row["id"] for row in get(auditor, "exports")["results"]] == [report["id"]]
    assert auditor.get(f"/api/v1/exports/{report['id'] - 1}/").status_code == 404


def test_an_export_has_the_rows_that_its_owner_sees(as_role: AsRole, people: list[Contact], team: Any) -> None:
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    other.put_on(other.contact(name="Dewi"), "Grade A")
    lead = as_role("cs_lead", team)
    assert {row["channel"] for row in lines(lead, kind="intervals")} == {"cs1"}
    answer = ask(lead, kind="events", filters={"channel": "cs2"})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["filters.channel"])


def test_an_export_is_cancelled(owner: APIClient, people: list[Contact]) -> None:
    export = ask(owner, kind="intervals").json()["id"]
    assert owner.post(f"/api/v1/exports/{export}/cancel/").status_code == 202
    found = finished(owner, ask(owner, kind="report", report="stale"))
    assert found["state"] == "done"
    assert get(owner, f"exports/{export}")["state"] == "cancelled"


def test_a_link_needs_no_token(owner: APIClient, people: list[Contact]) -> None:
    export = finished(owner, ask(owner, kind="report", report="agents"))
    answer = Client().get(export["url"].partition("testserver")[2])
    assert answer["Content-Disposition"].startswith('attachment; filename="agents-')


def test_the_document_names_the_filters_that_are_taken() -> None:
    """Each is asked for in `BODY` by hand, for a query parameter may say less than JSON."""
    intervals, events, *reports = (each["properties"] for each in BODY["application/json"]["oneOf"])
    for kind, said in ((ExportKind.INTERVALS, intervals), (ExportKind.EVENTS, events)):
        assert said["filters"]["properties"].keys() == set(FILTERS[kind].base_filters)
    for said in reports:
        [name] = said["report"]["enum"]
        assert said["filters"]["properties"].keys() == REPORTS[name].parameters
