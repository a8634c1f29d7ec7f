"""Archiving an agent ends what their user saw, in pages, sessions and the API; restoring brings it back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from contacts.access import StaffBackend
from contacts.models import Agent, Channel, Contact, Team
from contacts.selectors.viewing import has_left, viewer_of
from contacts.services import agents
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer
from tests.desk.conftest import Shop, make_shop
from tests.factories import AgentFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
BUSINESS_ROLES = ("owner", "marketing", "analyst", "auditor")


class Person:
    """The user of an agent: everything they could see something through."""

    def __init__(self, shop: Shop, *, role: str, member: bool = False, **options: Any) -> None:
        self.agent = AgentFactory(team=None if member else shop.team)
        teams = [shop.team] if member else []
        user = UserFactory(role=role, teams=teams, username="rina", **options)
        self.agent.user = user
        self.agent.save()
        self.session = Client()
        self.session.force_login(user)
        self.api = APIClient()
        self.api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")

    @property
    def user(self) -> User:
        """As a request finds them: nothing remembered."""
        return User.objects.get(username="rina")

    def archive(self) -> None:
        agents.archive_agent(self.agent, actor=None, origin="admin")

    def restore(self) -> None:
        agents.restore_agent(Agent.all_objects.get(pk=self.agent.pk), actor=None, origin="admin")

    def page(self) -> int:
        return self.session.get(reverse("admin:contacts_contact_changelist")).status_code

    def logs_in(self) -> bool:
        form = {"username": "rina", "password": "kata sandi panjang"}
        return Client().post(reverse("admin:login"), form).status_code == 302


@pytest.fixture
def shop() -> Shop:
    made = make_shop("Rina")
    made.contact()
    return made


@pytest.mark.parametrize("member", [False, True])
@pytest.mark.parametrize("role", ["cs", "cs_lead"])
def test_archiving_ends_sight_sessions_and_tokens(shop: Shop, role: str, member: bool) -> None:
    person = Person(shop, role=role, member=member)
    assert (person.page(), person.api.get("/api/v1/contacts/").status_code, person.logs_in()) == (200, 200, True)
    person.archive()
    assert (person.page(), person.api.get("/api/v1/contacts/").status_code, person.logs_in()) == (302, 401, False)
    assert person.session.get("/live/").status_code == 401
    person.restore()
    assert (person.page(), person.api.get("/api/v1/contacts/").status_code, person.logs_in()) == (200, 200, True)


@pytest.mark.parametrize("member", [False, True])
def test_no_row_is_visible_to_who_has_left(shop: Shop, member: bool) -> None:
    person = Person(shop, role="cs", member=member)
    shop.contact(assigned_to=person.agent)
    person.archive()
    for model in (Contact, Channel, Team, Agent):
        assert not model.all_objects.visible_to(viewer_of(person.user)).exists(), model
    assert viewer_of(person.user).sight == Viewer()
    person.restore()
    assert Contact.objects.visible_to(viewer_of(person.user)).count() == 2


def test_contacts_assigned_to_an_archived_agent_without_a_team_are_not_seen(shop: Shop) -> None:
    person = Person(shop, role="cs", member=True)
    shop.team.members.clear()
    shop.contact(assigned_to=person.agent)
    assert Contact.objects.visible_to(viewer_of(person.user)).count() == 1
    person.archive()
    assert Contact.objects.visible_to(viewer_of(person.user)).count() == 0


@pytest.mark.parametrize("role", BUSINESS_ROLES)
def test_who_sees_all_teams_by_role_still_does(shop: Shop, role: str) -> None:
    person = Person(shop, role=role)
    person.archive()
    assert (person.page(), person.api.get("/api/v1/contacts/").status_code, person.logs_in()) == (200, 200, True)
    assert Contact.objects.visible_to(viewer_of(person.user)).count() == 1


def test_a_superuser_who_was_an_agent_still_sees_everything(shop: Shop) -> None:
    person = Person(shop, role="", is_superuser=True)
    person.archive()
    assert not has_left(person.user)
    assert person.page() == 200


def test_who_loses_the_role_after_the_agent_was_archived_has_left(shop: Shop) -> None:
    person = Person(shop, role="analyst")
    person.archive()
    person.user.groups.clear()
    assert person.page() == 302


def test_an_archived_agent_of_nobody_changes_nothing_for_others(shop: Shop) -> None:
    lead = UserFactory(role="cs_lead", teams=[shop.team])
    agents.archive_agent(shop.agent, actor=None, origin="admin")
    assert viewer_of(lead).teams == {shop.team.pk}


def test_an_archived_team_is_seen_by_neither_members_nor_agents() -> None:
    team = TeamFactory(deleted_at="2026-03-02T03:00Z")
    member, agents_user = UserFactory(role="cs", teams=[team]), UserFactory(role="cs")
    AgentFactory(team=team, user=agents_user)
    assert (viewer_of(member).sight, viewer_of(agents_user).teams) == (Viewer(), set())
    assert viewer_of(agents_user).agent == agents_user.agent.pk, "contacts assigned to them are still theirs"


def test_asking_who_has_left_costs_a_request_no_query(shop: Shop, django_assert_num_queries: Any) -> None:
    pk = Person(shop, role="cs", member=True).user.pk
    with django_assert_num_queries(1):  # the user with their agent
        assert StaffBackend().get_user(pk) is not None
