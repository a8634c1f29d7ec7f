"""Choosing an agent or a team and making one are two things: a typed name takes over nobody."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from contacts.models import Agent, Channel, Team
from labelcrm.core.models import AuditEntry, User
from tests.desk.connection.conftest import Number, client_of
from tests.factories import AgentFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
CONNECT = "connect"


def connect(client: Client, **typed: Any) -> Any:
    return client.post(f"{reverse(CONNECT)}?gateway=waha", {"name": "CS Baru", **typed})


def own(client: Client, number: Number, **typed: Any) -> Any:
    return client.post(reverse("channel-action", args=[number.pk, "owner"]), typed)


def allowed(*codes: str, teams: list[Team]) -> User:
    """Somebody with a role of the owner's own making, who sees only those teams."""
    user = UserFactory(role="cs_lead", teams=teams)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codes))
    return user


def everybody() -> list[tuple[Any, ...]]:
    return list(Agent.objects.order_by("pk").values_list("pk", "code", "name", "team__name", "user"))


@pytest.fixture
def number() -> Number:
    return Number("gowa")


@pytest.fixture
def putri() -> Agent:
    """Somebody of another team."""
    return AgentFactory(code="putri", name="Putri Ayu", team=TeamFactory(name="Grosir"))


def test_a_new_name_whose_code_is_taken_renames_nobody(owner: Client, number: Number, putri: Agent) -> None:
    before = everybody()
    assert own(owner, number, new_agent="Putri").status_code == 302
    assert everybody()[: len(before)] == before
    made = number.channel.ownerships.last().agent
    assert (made.name, made.code, made.team.name) == ("Putri", "putri-2", "Sales")


def test_the_wizard_gives_a_number_to_nobody_by_a_code_that_matches(owner: Client, putri: Agent) -> None:
    before = everybody()
    connect(owner, new_agent="Putri")
    made = Channel.objects.get(key="cs-baru").ownerships.get().agent
    assert (made.name, made.code) == ("Putri", "putri-2")
    assert everybody()[: len(before)] == before


@pytest.mark.parametrize("typed", ["Putri Ayu", "putri ayu", "  PUTRI   AYU "])
def test_the_name_of_somebody_you_see_is_refused_and_says_who(
    owner: Client, number: Number, putri: Agent, typed: str
) -> None:
    before = everybody()
    for form in (
        own(owner, number, new_agent=typed).context["owner_form"],
        connect(owner, new_agent=typed).context["form"],
    ):
        (sentence,) = form.errors["new_agent"]
        assert "“Putri Ayu” in Grosir" in sentence
    assert everybody() == before


def test_the_name_of_somebody_you_do_not_see_makes_a_new_agent(number: Number, putri: Agent) -> None:
    before = everybody()
    lead = client_of(allowed("add_agent", teams=[Team.objects.get(name="Sales")]))
    answer = own(lead, number, new_agent="Putri Ayu")
    assert answer.status_code == 302
    made = number.channel.ownerships.last().agent
    assert (made.name, made.team.name) == ("Putri Ayu", "Sales")
    assert everybody()[: len(before)] == before


def test_agents_of_other_teams_are_neither_offered_nor_taken(number: Number, putri: Agent) -> None:
    lead = client_of(UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")]))
    page = lead.get(reverse("channel-connection", args=[number.pk])).content.decode()
    assert "Putri" not in page
    assert "Grosir" not in page
    assert own(lead, number, agent=putri.pk).context["owner_form"].errors["agent"]
    assert [row.agent.code for row in number.channel.ownerships.all()] == ["rina"]


def test_agents_of_the_numbers_team_come_first_with_the_team_beside_the_name(
    owner: Client, number: Number, putri: Agent
) -> None:
    AgentFactory(name="Zahra", team=Team.objects.get(name="Sales"))
    AgentFactory(name="Anisa", team=None)
    page = owner.get(reverse("channel-connection", args=[number.pk]))
    labels = [str(label) for _value, label in page.context["owner_form"].fields["agent"].choices]
    assert labels[1:] == ["Rina · Sales", "Zahra · Sales", "Anisa", "Putri Ayu · Grosir"]


def test_two_of_one_name_are_told_apart_by_their_codes(owner: Client, number: Number) -> None:
    AgentFactory(name="Rina", code="rina-grosir", team=None)
    page = owner.get(reverse("channel-connection", args=[number.pk]))
    labels = [str(label) for _value, label in page.context["owner_form"].fields["agent"].choices]
    assert labels[1:] == ["Rina · Sales (rina)", "Rina (rina-grosir)"]


@pytest.mark.parametrize("typed", [{"agent": True, "new_agent": "Tono"}, {}])
def test_an_owner_is_either_chosen_or_new(owner: Client, number: Number, putri: Agent, typed: dict[str, Any]) -> None:
    if "agent" in typed:
        typed = typed | {"agent": putri.pk}
    assert own(owner, number, **typed).context["owner_form"].errors
    assert not Agent.objects.filter(name="Tono").exists()


def test_a_name_in_another_script_is_a_name(owner: Client, number: Number) -> None:
    own(owner, number, new_agent="李娜")
    made = number.channel.ownerships.last().agent
    assert (made.name, made.code) == ("李娜", "cs")


def test_a_new_agent_never_takes_the_code_of_an_archived_one(owner: Client, number: Number) -> None:
    AgentFactory(code="tono", name="Tono", deleted_at="2026-03-02T03:00Z")
    own(owner, number, new_agent="Tono")
    assert number.channel.ownerships.last().agent.code == "tono-2"


def test_a_new_agent_and_a_new_team_are_on_record(owner: Client) -> None:
    connect(owner, new_agent="Tono", new_team="Ekspor")
    made = Agent.objects.get(name="Tono")
    assert made.team.name == "Ekspor"
    actions = AuditEntry.objects.filter(actor__username="owner").values_list("action", flat=True)
    assert {"agent.created", "team.created", "channel.connected"} <= set(actions)


class TestTeams:
    def test_the_name_of_a_team_you_see_is_refused(self, owner: Client) -> None:
        TeamFactory(name="Grosir")
        (sentence,) = connect(owner, new_team="grosir").context["form"].errors["new_team"]
        assert "“Grosir”" in sentence
        assert Team.objects.count() == 1

    def test_a_team_you_do_not_see_is_neither_offered_nor_joined_nor_named(self) -> None:
        TeamFactory(name="Grosir")
        client = client_of(allowed("add_channel", "add_team", teams=[TeamFactory(name="Sales")]))
        page = client.get(f"{reverse(CONNECT)}?gateway=waha")
        assert "Grosir" not in page.content.decode()
        (sentence,) = connect(client, new_team="Grosir").context["form"].errors["new_team"]
        assert "Grosir" not in sentence
        assert not Channel.objects.filter(name="CS Baru").exists()

    def test_a_team_is_chosen(self, owner: Client) -> None:
        team = TeamFactory(name="Grosir")
        connect(owner, team=team.pk)
        assert Channel.objects.get(key="cs-baru").team == team


def test_who_may_connect_but_not_add_people_only_chooses(putri: Agent) -> None:
    client = client_of(allowed("add_channel", teams=[putri.team]))
    form = client.get(f"{reverse(CONNECT)}?gateway=waha").context["form"]
    assert {"agent", "team"} <= set(form.fields)
    assert not {"new_agent", "new_team"} & set(form.fields)
