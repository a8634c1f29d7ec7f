"""Who may do what, and who sees which rows. A foreign row does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from api.urls import ENDPOINTS
from labelcrm.core.models import AuditEntry
from labelcrm.core.roles import ANALYST, AUDITOR, CS, CS_LEAD, MARKETING, OWNER, ROLES
from labels.models import Category, Label
from reports.models import Segment
from tests.api.conftest import client_of, get, rows
from tests.api.story import Story
from tests.factories import CampaignFactory, TeamFactory, UserFactory
from transfer.conversions.models import Conversion, ConversionEvent

pytestmark = pytest.mark.django_db

EVERYBODY = frozenset(ROLES)
EVERYONE = {"any": [{"all": []}]}  # the definition of a segment
READERS = dict.fromkeys(ENDPOINTS, EVERYBODY) | {
    "inbox": {OWNER, CS_LEAD, ANALYST, AUDITOR},
    "segments": EVERYBODY - {CS},
    "exports": {OWNER, CS_LEAD, MARKETING, ANALYST},
    "conversions": EVERYBODY - {CS},
    "export-schedules": {OWNER, CS_LEAD, MARKETING, ANALYST},
}
# Not of a team: tests/api/test_imports.py, test_exports.py, test_export_schedules.py
OF_ONES_OWN = {"imports", "exports", "export-schedules"}
CREATORS: dict[str, set[str]] = {
    "agents": {OWNER},
    "teams": {OWNER},
    "campaigns": {OWNER, MARKETING},
    "labels": {OWNER, CS_LEAD},
    "categories": {OWNER, CS_LEAD},
    "segments": {OWNER, CS_LEAD, MARKETING, ANALYST},
}
EDITORS: dict[str, set[str]] = CREATORS | {
    "agents": {OWNER, CS_LEAD},
    "contacts": {OWNER, CS_LEAD, CS, MARKETING},
    "segments": {OWNER},  # and whoever made it
}
ARCHIVERS: dict[str, set[str]] = {path: {OWNER} for path in ("agents", "teams", "campaigns", "labels", "segments")}
REPLAYERS = {OWNER, CS_LEAD}


@pytest.fixture
def filled(story: Story) -> dict[str, int]:
    """One row of everything in the story's team, by endpoint."""
    contact = story.contact()
    story.put_on(contact, "Grade A")
    label = story.label("Grade A")
    return {
        "inbox": story.post(state="parked").pk,
        "channels": story.channel.pk,
        "contacts": contact.pk,
        "labels": label.pk,
        "categories": Category.objects.get(code="lead").pk,
        "channel-labels": story.channel.labels.get().pk,
        "assignments": contact.assignments.get().pk,
        "label-events": contact.label_events.get().pk,
        "agents": story.agent.pk,
        "teams": story.channel.team_id,
        "campaigns": CampaignFactory().pk,
        "messages": story.message(contact).pk,
        "segments": _segment_of(story.channel.team),
        "conversions": _conversion_of(story, contact, label).pk,
    }


def _conversion_of(story: Story, contact: Any, label: Label) -> Conversion:
    return Conversion.objects.create(
        contact=contact, event=ConversionEvent.objects.get(code="qualified_lead"), label=label, channel=story.channel,
        occurred_at=story.now, found=False, network="meta", touch_at=story.now, created_at=story.now,
        updated_at=story.now,
    )  # fmt: skip


def _segment_of(team: Any) -> int:
    segment = Segment.objects.create(name="Everybody", definition=EVERYONE, shared=Segment.Sharing.TEAM)
    segment.teams.add(team)
    return segment.pk


def new_row(path: str) -> dict[str, Any]:
    more: dict[str, Any] = {"code": "new"} if path in {"agents", "campaigns", "categories"} else {}
    return {"name": "A new one"} | more | ({"definition": EVERYONE} if path == "segments" else {})


@pytest.mark.parametrize("role", ROLES)
def test_the_matrix_of_roles_and_endpoints(
    as_role: Callable[..., APIClient], filled: dict[str, int], team: Any, role: str
) -> None:
    client = as_role(role, team)

    def allowed(method: str, url: str, data: Any = None) -> bool:
        response = getattr(client, method)(f"/api/v1/{url}/", data, format="json")
        assert response.status_code in {200, 201, 202, 204, 403, 405}, (method, url, response.content)
        return response.status_code < 300

    for path, pk in filled.items():
        reads = role in READERS[path]
        assert (allowed("get", path), allowed("get", f"{path}/{pk}")) == (reads, reads), path
        assert allowed("post", path, new_row(path)) == (role in CREATORS.get(path, ())), path
        assert allowed("patch", f"{path}/{pk}", {"name": "Changed"}) == (role in EDITORS.get(path, ())), path
        assert not allowed("put", f"{path}/{pk}", new_row(path)), path
        assert allowed("delete", f"{path}/{pk}") == (role in ARCHIVERS.get(path, ())), path
        if path in ARCHIVERS:
            assert allowed("post", f"{path}/{pk}/restore") == (role in ARCHIVERS[path]), path
    assert allowed("get", "inbox/summary") == (role in READERS["inbox"])
    assert allowed("post", f"inbox/{filled['inbox']}/replay") == (role in REPLAYERS)


@pytest.mark.parametrize("path", [*ENDPOINTS, "inbox/summary"])
def test_nobody_reads_without_a_token(client: Any, path: str) -> None:
    response = client.get(f"/api/v1/{path}/")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("token", ["", "nope", "a b", "é", "0" * 5000, "\x00"])
def test_a_wrong_token_is_401(client: Any, db: None, token: str) -> None:
    response = client.get("/api/v1/contacts/", headers={"Authorization": f"Token {token}"})
    assert response.status_code == 401
    assert response.json()["error"]["code"] in {"authentication_failed", "not_authenticated"}


def test_a_user_who_left_has_no_token_any_more(db: None) -> None:
    user = UserFactory(role="owner")
    client = client_of(user)
    user.is_active = False
    user.save()
    assert client.get("/api/v1/contacts/").status_code == 401


def test_a_user_without_a_role_reads_nothing(db: None) -> None:
    client = client_of(UserFactory())
    assert {client.get(f"/api/v1/{path}/").status_code for path in ENDPOINTS} == {403}


# -- Rows of other teams ----------------------------------------------------------------------------------------------

OF_A_TEAM = [path for path in ENDPOINTS if path not in {"labels", "categories", "campaigns", *OF_ONES_OWN}]


def state() -> list[Any]:
    """What a refused request must leave as it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(t::text, '|' ORDER BY id) FROM contacts_contact t),"
            " (SELECT string_agg(t::text, '|' ORDER BY id) FROM contacts_agent t),"
            " (SELECT string_agg(t::text, '|' ORDER BY id) FROM contacts_team t),"
            " (SELECT string_agg(t::text, '|' ORDER BY id) FROM webhooks_inboundevent t)"
        )
        return [*cursor.fetchone(), AuditEntry.objects.count()]


@pytest.fixture
def stranger(as_role: Callable[..., APIClient]) -> Iterator[APIClient]:
    """A CS lead of another team."""
    return as_role(CS_LEAD, TeamFactory())  # type: ignore[return-value]


@pytest.mark.parametrize("path", OF_A_TEAM)
def test_rows_of_other_teams_do_not_exist(stranger: APIClient, filled: dict[str, int], path: str) -> None:
    before = state()
    pk = filled[path]
    assert pk not in [row["id"] for row in rows(stranger, path)]
    assert stranger.get(f"/api/v1/{path}/{pk}/").status_code == 404
    for method in ("patch", "delete"):
        response = getattr(stranger, method)(f"/api/v1/{path}/{pk}/", {"name": "Mine"}, format="json")
        assert response.status_code in {403, 404, 405}
    assert stranger.post(f"/api/v1/inbox/{filled['inbox']}/replay/").status_code == 404
    assert state() == before


@pytest.mark.parametrize("path", OF_A_TEAM)
def test_the_team_itself_sees_them(
    as_role: Callable[..., APIClient], team: Any, filled: dict[str, int], path: str
) -> None:
    client = as_role(CS_LEAD, team)
    assert filled[path] in [row["id"] for row in rows(client, path)]
    assert get(client, f"{path}/{filled[path]}")["id"] == filled[path]


@pytest.mark.parametrize("role", [OWNER, MARKETING, ANALYST, AUDITOR])
def test_roles_of_the_whole_business_see_every_team(
    as_role: Callable[..., APIClient], filled: dict[str, int], role: str
) -> None:
    assert [row["id"] for row in rows(as_role(role), "contacts")] == [filled["contacts"]]


def test_other_teams_are_not_found_by_filters(stranger: APIClient, story: Story, filled: dict[str, int]) -> None:
    phone = story.channel.contact_links.get().contact.phone
    assert rows(stranger, "contacts", phone=phone) == []
    assert rows(stranger, "assignments", contact=filled["contacts"]) == []
    assert stranger.get("/api/v1/assignments/?channel=cs1").status_code == 400
    assert stranger.get("/api/v1/inbox/summary/?channel=cs1").status_code == 400
    assert get(stranger, "inbox/summary")["parked"] == 0


def test_labels_from_numbers_of_other_teams_are_not_shown_on_a_shared_contact(
    as_role: Callable[..., APIClient], story: Story
) -> None:
    other = Story(team=TeamFactory(), key="cs2")
    contact = story.contact()
    other.seen(contact)
    story.put_on(contact, "Grade A")
    other.put_on(contact, "Komplain")
    client = as_role(CS, story.channel.team)
    assert [label["name"] for label in get(client, f"contacts/{contact.pk}")["labels"]] == ["Grade A"]
    complaint = Label.objects.get(name="Komplain")
    assert rows(client, "contacts", label=complaint.pk) == []


def test_an_agent_sees_the_contacts_assigned_to_them(as_role: Callable[..., APIClient], story: Story) -> None:
    user = UserFactory(role=CS)
    story.agent.user, story.agent.team = user, None
    story.agent.save()
    mine, theirs = story.contact(assigned_to=story.agent), story.contact()
    assert [row["id"] for row in rows(client_of(user), "contacts")] == [mine.pk]
    assert client_of(user).get(f"/api/v1/contacts/{theirs.pk}/").status_code == 404


def test_nobody_moves_an_agent_into_a_team_they_do_not_see(story: Story) -> None:
    lead = UserFactory(role=CS_LEAD, teams=[story.channel.team])
    story.agent.user = lead
    story.agent.save()
    response = client_of(lead).patch(f"/api/v1/agents/{story.agent.pk}/", {"team": TeamFactory().pk}, format="json")
    assert response.status_code == 400
    assert response.json()["error"]["fields"]["team"][0]["code"] == "does_not_exist"


def test_nobody_assigns_a_contact_to_an_agent_they_do_not_see(as_role: Callable[..., APIClient], story: Story) -> None:
    contact, other = story.contact(), Story(team=TeamFactory(), key="cs2")
    client = as_role(CS, story.channel.team)
    response = client.patch(f"/api/v1/contacts/{contact.pk}/", {"assigned_to": other.agent.pk}, format="json")
    assert response.json()["error"]["fields"]["assigned_to"][0]["code"] == "does_not_exist"


def test_whoever_gives_a_contact_away_still_gets_an_answer(story: Story) -> None:
    user = UserFactory(role=CS)
    story.agent.user, story.agent.team = user, None
    story.agent.save()
    contact = story.contact(assigned_to=story.agent)
    response = client_of(user).patch(f"/api/v1/contacts/{contact.pk}/", {"assigned_to": None}, format="json")
    assert (response.status_code, response.json()["assigned_to"]) == (200, None)
    assert client_of(user).get(f"/api/v1/contacts/{contact.pk}/").status_code == 404
