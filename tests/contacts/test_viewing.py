"""Who is looking: the viewer of a user, against the rules of sight written out row by row."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission

from contacts.models import Agent, Channel, Contact, ContactChannel, Team
from contacts.selectors.viewing import own_teams, viewer_of
from labelcrm.core.models import User
from labelcrm.core.viewer import NOBODY, Viewer
from tests.factories import THEN, AgentFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
ROLES = ("cs", "cs_lead", "owner", "analyst", None)


# -- The rules, row by row --------------------------------------------------------------------------------------------


class Rules:
    """What a user sees by the rules of docs: slow, and without a viewer."""

    def __init__(self, user: User) -> None:
        self.user, self.agent = user, Agent.all_objects.filter(user=user).first()
        self.everything = user.is_active and (user.is_superuser or user.has_perm("contacts.see_all_teams"))
        left = self.agent is not None and self.agent.is_archived and not self.everything
        living = () if left else Team.objects.all()
        self.own = None if left else self.agent
        self.teams = {team.pk for team in living if user in team.members.all() or self._answers_for(team)}

    def _answers_for(self, team: Team) -> bool:
        return self.agent is not None and self.agent.team_id == team.pk

    def channel(self, channel: Channel) -> bool:
        return self.everything or channel.team_id in self.teams

    def agent_row(self, agent: Agent) -> bool:
        return self.everything or agent.team_id in self.teams or agent == self.own

    def contact(self, contact: Contact) -> bool:
        known = any(self.channel(link.channel) for link in contact.on_channels.select_related("channel"))
        assigned = contact.assigned_to
        return self.everything or known or (assigned is not None and self.agent_row(assigned))

    def seen(self) -> dict[str, set[int]]:
        return {
            "teams": {team.pk for team in Team.all_objects.all() if self.everything or team.pk in self.teams},
            "channels": {channel.pk for channel in Channel.all_objects.all() if self.channel(channel)},
            "agents": {agent.pk for agent in Agent.all_objects.all() if self.agent_row(agent)},
            "contacts": {contact.pk for contact in Contact.all_objects.all() if self.contact(contact)},
            "inbox": {e.pk for e in InboundEvent.objects.select_related("channel") if self.channel(e.channel)},
        }


def seen(viewer: Viewer) -> dict[str, set[int]]:
    tables: dict[str, Any] = {
        "teams": Team.all_objects,
        "channels": Channel.all_objects,
        "agents": Agent.all_objects,
        "contacts": Contact.all_objects,
        "inbox": InboundEvent.objects,
    }
    return {name: set(rows.visible_to(viewer).values_list("pk", flat=True)) for name, rows in tables.items()}


class Business:
    """Teams, numbers, people and contacts at random, some of each archived."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        teams = [TeamFactory(**self._archived()) for _ in range(3)]
        self.channels = [ChannelFactory(team=self._one_of([*teams, None]), **self._archived()) for _ in range(4)]
        self.users = [
            UserFactory(
                role=self._one_of(ROLES), is_active=self.random.random() < 0.8, is_superuser=self.random.random() < 0.1,
                teams=self.random.sample(teams, self.random.choice([0, 0, 1, 2])),
            )
            for _ in range(6)
        ]  # fmt: skip
        self.agents = [
            AgentFactory(team=self._one_of([*teams, None]), user=self._one_of([user, None]), **self._archived())
            for user in self.users
        ]
        for _ in range(8):
            self._contact()
        InboundEvent.objects.bulk_create([InboundEvent(channel=channel, body=b"") for channel in self.channels])

    def _contact(self) -> None:
        contact = ContactFactory(assigned_to=self._one_of([*self.agents, None, None]), **self._archived())
        for channel in self.random.sample(self.channels, self.random.choice([0, 1, 2])):
            ContactChannel.objects.create(contact=contact, channel=channel, first_seen_at=THEN)

    def _one_of(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def _archived(self) -> dict[str, Any]:
        return {"deleted_at": THEN + timedelta(days=1)} if self.random.random() < 0.2 else {}


@pytest.mark.parametrize("seed", range(12))
def test_a_viewer_sees_what_the_rules_say_of_the_user(seed: int) -> None:
    for user in Business(seed).users:
        fresh = User.objects.get(pk=user.pk)
        assert seen(viewer_of(fresh)) == Rules(fresh).seen(), user


def test_viewers_of_one_sight_see_the_same_rows() -> None:
    found: dict[Viewer, dict[str, set[int]]] = {}
    for user in [user for seed in range(3) for user in Business(seed).users]:
        viewer = viewer_of(User.objects.get(pk=user.pk))
        assert found.setdefault(viewer.sight, seen(viewer.sight)) == seen(viewer)


# -- The viewer -------------------------------------------------------------------------------------------------------


def test_two_leads_of_a_team_have_one_sight() -> None:
    """What each may do, and the language they read, is theirs; an agent in the team shows no more than the team."""
    team = ChannelFactory().team
    lead, cs = UserFactory(role="cs_lead", teams=[team]), UserFactory(role="cs", language="id")
    AgentFactory(team=team, user=cs)
    assert viewer_of(lead) != viewer_of(cs)
    assert viewer_of(lead).sight == viewer_of(cs).sight


def test_an_agent_without_a_team_has_a_sight_of_their_own() -> None:
    one, other = (AgentFactory(team=None, user=UserFactory(role="cs")) for _ in range(2))
    assert viewer_of(one.user).agent == one.pk
    assert viewer_of(one.user).sight != viewer_of(other.user).sight


def test_archived_channels_of_a_living_team_are_seen() -> None:
    channel = ChannelFactory(deleted_at=THEN)
    assert viewer_of(UserFactory(role="cs_lead", teams=[channel.team])).channels == {channel.pk}


@pytest.mark.parametrize(("role", "queries"), [("cs_lead", 2), ("owner", 1)])
def test_a_viewer_costs_the_rights_and_one_query(role: str, queries: int, django_assert_num_queries: Any) -> None:
    """The rights are one query, which Django's own `has_perm` then has no need of."""
    teams = [ChannelFactory().team, TeamFactory()]
    pk = UserFactory(role=role, teams=teams).pk
    user = User.objects.select_related("agent").get(pk=pk)
    with django_assert_num_queries(queries):
        assert viewer_of(user) is viewer_of(user)
        assert user.has_perm("contacts.view_contact")


def test_a_superuser_costs_no_query_and_has_every_right(django_assert_num_queries: Any) -> None:
    user = User.objects.select_related("agent").get(pk=UserFactory(is_superuser=True).pk)
    with django_assert_num_queries(0):
        viewer = viewer_of(user)
    declared = {f"{app}.{code}" for app, code in Permission.objects.values_list("content_type__app_label", "codename")}
    assert viewer.rights >= declared


@pytest.mark.parametrize("role", ["cs", "cs_lead", "owner", "auditor"])
def test_the_rights_of_a_viewer_are_those_that_django_knows(role: str) -> None:
    user = UserFactory(role=role)
    assert viewer_of(user).rights == user.get_all_permissions()
    assert viewer_of(user).may("contacts.view_contact", "contacts.add_team") == user.has_perm("contacts.add_team")


def test_an_inactive_superuser_may_nothing() -> None:
    viewer = viewer_of(UserFactory(is_superuser=True, is_active=False))
    assert (viewer.everything, viewer.rights) == (False, frozenset())


def test_own_teams_are_known_of_who_sees_every_team() -> None:
    """The forms offer the CS of one's own teams first."""
    mine, gone = TeamFactory(), TeamFactory(deleted_at=THEN)
    owner, lead = (UserFactory(role=role, teams=[mine, gone]) for role in ("owner", "cs_lead"))
    TeamFactory()
    assert own_teams(owner) == own_teams(lead) == [mine.pk]
    assert viewer_of(owner).sight == Viewer(everything=True)


def test_who_has_not_logged_in_sees_nothing() -> None:
    ChannelFactory()
    viewer = viewer_of(AnonymousUser())
    assert (viewer.sight, viewer.agent) == (Viewer(), NOBODY)
    assert not Channel.all_objects.visible_to(viewer).exists()
