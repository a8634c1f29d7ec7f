"""Which teams a user is a member of, and which agent they are: what decides whom they see. Each change is audited."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from contacts.models import Agent, Team
from contacts.selectors.membership import teams_of
from contacts.services.agents import update_agent
from labelcrm.core import audit


@transaction.atomic
def set_teams(person: Any, teams: Collection[Team], *, among: Collection[Team], actor: Any, origin: str) -> None:
    """Make `person` a member of `teams` and of no other of `among`, which are those that the actor may choose from."""
    now = set(teams_of(person)) & set(among)
    for team in sorted(now ^ set(teams), key=lambda team: team.pk):
        if team in teams:
            team.members.add(person)
        else:
            team.members.remove(person)
        record_members(team, actor=actor, origin=origin)


def record_members(team: Team, *, actor: Any, origin: str) -> None:
    """The audit row of a team whose members have changed, with the logins of all of them."""
    members = [member.get_username() for member in team.members.order_by("username")]
    audit.record(actor=actor, action="team.members", obj=team, origin=origin, members=members)


@transaction.atomic
def set_agent(person: Any, agent: Agent | None, *, actor: Any, origin: str) -> None:
    """Make `person` the login of this living agent and of no other, archived ones included; None: of none."""
    for other in Agent.all_objects.filter(user=person).exclude(pk=agent.pk if agent else None):
        update_agent(other, actor=actor, origin=origin, user=None)
    if agent is not None:
        update_agent(agent, actor=actor, origin=origin, user=person)
