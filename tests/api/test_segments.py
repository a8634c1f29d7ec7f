"""Segments through the API: definitions in, counts and people out, in the reader's own scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from rest_framework.test import APIClient

from labels.models import Label
from reports.models import Segment
from tests.api.conftest import get
from tests.api.story import Story
from tests.factories import TeamFactory

pytestmark = pytest.mark.django_db

AsRole = Callable[..., APIClient]
NUMBER = {"field": "report", "op": "agents", "figure": "added", "from": "2026-03-02"}


def definition(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"any": [{"all": list(conditions)}]}


def has(name: str) -> dict[str, Any]:
    return {"field": "label", "op": "active", "labels": [Label.objects.get(name=name).pk]}


def preview(client: APIClient, given: Any) -> Any:
    return client.post("/api/v1/segments/preview/", {"definition": given}, format="json")


@pytest.fixture
def graded(story: Story) -> list[Any]:
    """Three contacts with Grade A, one without."""
    people = [story.contact(name=f"Ani {n}") for n in range(4)]
    for contact in people[:3]:
        story.put_on(contact, "Grade A")
    return people


def test_a_preview_counts_and_shows_whom_it_means(owner: APIClient, graded: list[Any]) -> None:
    answer = preview(owner, definition(has("Grade A")))
    assert answer.status_code == 200
    told = answer.json()
    assert told["count"] == 3
    assert [contact["name"] for contact in told["sample"]] == ["Ani 0", "Ani 1", "Ani 2"]
    assert told["computed_at"].endswith(("Z", "+00:00", "+07:00"))
    assert Segment.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([], "definition"),
        ({}, "definition.any"),
        ({"any": []}, "definition.any"),
        ({"any": [{"all": []}], "none": 1}, "definition.none"),
        ({"any": [{"all": [1]}]}, "definition.any[0].all[0]"),
        (definition({"op": "is"}), "definition.any[0].all[0].field"),
        (definition({"field": "colour", "op": "is"}), "definition.any[0].all[0].field"),
        (definition({"field": "stale", "op": "maybe"}), "definition.any[0].all[0].op"),
        (definition({"field": "stale", "op": "is"}), "definition.any[0].all[0].value"),
        (definition({"field": "stale", "op": "is", "value": 1}), "definition.any[0].all[0].value"),
        (definition({"field": "stale", "op": "is", "value": True, "x": 1}), "definition.any[0].all[0].x"),
        (definition({"field": "label", "op": "active"}), "definition.any[0].all[0].labels"),
        (definition({"field": "label", "op": "active", "labels": [999999]}), "definition.any[0].all[0].labels[0]"),
        (definition({"field": "label", "op": "active", "labels": ["1"]}), "definition.any[0].all[0].labels[0]"),
        (definition({"field": "label", "op": "active", "categories": ["x"]}), "definition.any[0].all[0].categories[0]"),
        (definition({"field": "campaign", "op": "any", "campaigns": [True]}), "definition.any[0].all[0].campaigns[0]"),
        (definition({"field": "first_seen", "op": "between"}), "definition.any[0].all[0].from"),
        (definition({"field": "first_seen", "op": "between", "from": "x"}), "definition.any[0].all[0].from"),
        (
            definition({"field": "first_seen", "op": "between", "to": {"days_ago": -1}}),
            "definition.any[0].all[0].to.days_ago",
        ),
        (definition({"field": "name", "op": "contains", "text": "\u0301"}), "definition.any[0].all[0].text"),
        (definition({"field": "phone", "op": "starts", "text": "0812"}), "definition.any[0].all[0].text"),
        (definition({"field": "opted_out", "op": "is", "value": True, "not": 1}), "definition.any[0].all[0].not"),
        ({"any": [{"all": []}] * 21}, "definition.any"),
        (definition({**NUMBER, "op": "weather"}), "definition.any[0].all[0].op"),
        (definition({**NUMBER, "figure": "dancing"}), "definition.any[0].all[0].figure"),
        (definition({**NUMBER, "figure": "contacts"}), "definition.any[0].all[0].figure"),
        (definition({**NUMBER, "row": 999999}), "definition.any[0].all[0].row"),
        (definition({**NUMBER, "label": 999999}), "definition.any[0].all[0].label"),
        (definition({**NUMBER, "team": 999999}), "definition.any[0].all[0].team"),
        (definition({**NUMBER, "channel": "nowhere"}), "definition.any[0].all[0].channel"),
        (definition({**NUMBER, "basis": "event"}), "definition.any[0].all[0].basis"),
        (definition({**NUMBER, "to": "2026-03-02"}), "definition.any[0].all[0].from"),
        (definition({**NUMBER, "from": {"days_ago": 4000}}), "definition.any[0].all[0].from"),
        (
            definition({**NUMBER, "op": "campaigns", "figure": "contacts", "basis": "event"}),
            "definition.any[0].all[0].figure",
        ),
        (definition({"field": "label", "op": "ever", "labels": [1], "times": 0}), "definition.any[0].all[0].times"),
        (definition({"field": "label", "op": "active", "labels": [1], "times": 2}), "definition.any[0].all[0].times"),
        (definition(*[{"field": "labelled", "op": "now"}] * 51), "definition.any[0].all[50]"),
    ],
)
def test_what_a_definition_cannot_mean_is_refused_by_place(owner: APIClient, given: Any, place: str) -> None:
    answer = preview(owner, given)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert list(error["fields"]) == [place]
    assert error["message"].startswith(f"{place}: ")


def test_a_label_that_has_anothers_id_as_its_name_is_not_that_one(owner: APIClient, graded: list[Any]) -> None:
    """A report finds a label by its name as well; a definition names it by its id alone."""
    Label.objects.filter(name="Grade A").update(name="999999")
    answer = preview(owner, definition({**NUMBER, "label": 999_999}))
    assert list(answer.json()["error"]["fields"]) == ["definition.any[0].all[0].label"]


def test_who_reads_no_reports_finds_nobody_behind_a_number(
    owner: APIClient, as_role: AsRole, graded: list[Any]
) -> None:
    assert preview(owner, definition(NUMBER)).json()["count"] == 3
    body = {"name": "X", "definition": definition(NUMBER), "shared": "everyone"}
    made = owner.post("/api/v1/segments/", body, format="json").json()["id"]
    reader = as_role("marketing")
    assert len(get(reader, f"segments/{made}/contacts")["results"]) == 3
    Group.objects.get(name="marketing").permissions.remove(Permission.objects.get(codename="view_report"))
    assert get(as_role("marketing"), f"segments/{made}/contacts")["results"] == []


def test_a_saved_segment_lists_its_contacts_by_cursor(owner: APIClient, graded: list[Any]) -> None:
    body = {"name": "Grade A", "definition": definition(has("Grade A")), "shared": "everyone"}
    made = owner.post("/api/v1/segments/", body, format="json")
    assert made.status_code == 201, made.json()
    address = f"segments/{made.json()['id']}/contacts"
    page = get(owner, address, page_size=2)
    assert [contact["name"] for contact in page["results"]] == ["Ani 0", "Ani 1"]
    rest = owner.get(page["next"]).json()
    assert [contact["name"] for contact in rest["results"]] == ["Ani 2"]
    assert rest["next"] is None


def test_a_segment_that_cannot_be_read_any_more_is_a_conflict(owner: APIClient) -> None:
    old = Segment.objects.create(name="Lama", definition={"version": 0}, shared="everyone")
    address = f"/api/v1/segments/{old.pk}/"
    assert owner.get(address).status_code == 200
    answers = [owner.get(f"{address}contacts/"), owner.post(f"{address}exports/", {}, format="json")]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
        assert "cannot be read any more" in answer.json()["error"]["message"]
    assert owner.patch(address, {"definition": definition(has("Grade A"))}, format="json").status_code == 200
    assert owner.get(f"{address}contacts/").status_code == 200


def test_who_sees_a_segment_follows_from_how_it_is_shared(as_role: AsRole, graded: list[Any]) -> None:
    sales, other = TeamFactory(name="Penjualan"), TeamFactory(name="Grosir")
    lead, mate, stranger = as_role("cs_lead", sales), as_role("cs_lead", sales), as_role("cs_lead", other)
    for shared in ("private", "team", "everyone"):
        body = {"name": shared, "definition": definition(), "shared": shared}
        assert lead.post("/api/v1/segments/", body, format="json").status_code == 201
    seen = [{row["name"] for row in get(client, "segments")["results"]} for client in (lead, mate, stranger)]
    assert seen == [{"private", "team", "everyone"}, {"team", "everyone"}, {"everyone"}]


def test_a_segment_is_counted_with_the_scope_of_its_reader(
    owner: APIClient, as_role: AsRole, graded: list[Any]
) -> None:
    body = {"name": "All", "definition": definition(), "shared": "everyone"}
    made = owner.post("/api/v1/segments/", body, format="json").json()
    stranger = as_role("cs_lead", TeamFactory(name="Grosir"))
    assert len(get(owner, f"segments/{made['id']}/contacts")["results"]) == 4
    assert get(stranger, f"segments/{made['id']}/contacts")["results"] == []
    assert preview(stranger, definition()).json()["count"] == 0


def test_only_who_made_a_segment_or_an_owner_changes_it(owner: APIClient, as_role: AsRole) -> None:
    lead, other = as_role("cs_lead", TeamFactory()), as_role("marketing")
    body = {"name": "Mine", "definition": definition(), "shared": "everyone"}
    address = f"/api/v1/segments/{lead.post('/api/v1/segments/', body, format='json').json()['id']}/"
    assert other.patch(address, {"name": "Theirs"}, format="json").status_code == 403
    assert owner.patch(address, {"name": "Ours"}, format="json").status_code == 200
    assert lead.delete(address).status_code == 204
    assert lead.get(address).status_code == 404


def test_sharing_with_a_team_needs_a_team(owner: APIClient) -> None:
    body = {"name": "Team", "definition": definition(), "shared": "team"}
    answer = owner.post("/api/v1/segments/", body, format="json")
    assert answer.status_code == 409
    assert "team" in answer.json()["error"]["message"]
    assert Segment.all_objects.count() == 0
