"""Teams and agents. Every change leaves its audit row."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from django.utils.text import slugify

from contacts.models import Agent, Team
from labelcrm.core import edits


def create_team(*, actor: Any, origin: str, **values: Any) -> Team:
    return edits.create(Team, actor=actor, origin=origin, **values)


def update_team(team: Team, *, actor: Any, origin: str, **values: Any) -> Team:
    return edits.change(team, actor=actor, origin=origin, **values)


def archive_team(team: Team, *, actor: Any, origin: str) -> Team:
    """Hide a team; its channels, agents and members keep it."""
    return edits.archive(team, actor=actor, origin=origin)


def restore_team(team: Team, *, actor: Any, origin: str) -> Team:
    return edits.restore(team, actor=actor, origin=origin)


def create_agent(*, actor: Any, origin: str, **values: Any) -> Agent:
    return edits.create(Agent, actor=actor, origin=origin, **values)


def add_agent(*, name: str, team: Team | None, actor: Any, origin: str) -> Agent:
    """A new agent of that name, never one that exists: the code is made for them. Raises ValidationError."""
    name = spaced(name)
    return create_agent(actor=actor, origin=origin, name=name, code=_free_code(name), team=team)


def spaced(name: str) -> str:
    """A typed name with one space between its words."""
    return " ".join(name.split())


def _free_code(name: str) -> str:
    """`rina-wati`, else `rina-wati-2` …; archived agents keep theirs, to be restored under it."""
    base = slugify(name)[:50].strip("-") or "cs"
    taken = set(Agent.all_objects.filter(code__startswith=base).values_list("code", flat=True))
    codes = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(code for code in codes if code not in taken)


def update_agent(agent: Agent, *, actor: Any, origin: str, **values: Any) -> Agent:
    return edits.change(agent, actor=actor, origin=origin, **values)


def archive_agent(agent: Agent, *, actor: Any, origin: str) -> Agent:
    """Hide an agent; ownerships, assigned contacts and the labels they set stay theirs, and their user is shut out."""
    return edits.archive(agent, actor=actor, origin=origin)


def restore_agent(agent: Agent, *, actor: Any, origin: str) -> Agent:
    return edits.restore(agent, actor=actor, origin=origin)
