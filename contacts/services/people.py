"""Teams, agents, campaigns, and what people write on a contact's card. Every deed leaves its audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.models import Agent, Campaign, Consent, Contact, Team
from labelcrm.core import edits

# Of what a contact is called the audit trail keeps only that it changed: an erased name must not live on there.
PRIVATE = frozenset({"name"})


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


def update_agent(agent: Agent, *, actor: Any, origin: str, **values: Any) -> Agent:
    return edits.change(agent, actor=actor, origin=origin, **values)


def archive_agent(agent: Agent, *, actor: Any, origin: str) -> Agent:
    """Hide an agent; ownerships, assigned contacts and the labels they set stay theirs."""
    return edits.archive(agent, actor=actor, origin=origin)


def restore_agent(agent: Agent, *, actor: Any, origin: str) -> Agent:
    return edits.restore(agent, actor=actor, origin=origin)


def create_campaign(*, actor: Any, origin: str, **values: Any) -> Campaign:
    return edits.create(Campaign, actor=actor, origin=origin, **values)


def update_campaign(campaign: Campaign, *, actor: Any, origin: str, **values: Any) -> Campaign:
    return edits.change(campaign, actor=actor, origin=origin, **values)


def archive_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    """Hide a campaign; touches and contacts keep it."""
    return edits.archive(campaign, actor=actor, origin=origin)


def restore_campaign(campaign: Campaign, *, actor: Any, origin: str) -> Campaign:
    return edits.restore(campaign, actor=actor, origin=origin)


def edit_contact(contact: Contact, *, actor: Any, origin: str, opted_out: bool | None = None, **values: Any) -> Contact:
    """Change `name`, `assigned_to` or `follow_up_at` of a contact, or record that they opted out or in again.

    A name typed here is not overwritten by WhatsApp profile names any more; an empty one gives it back to them.
    Opting out or in is a Consent as well. Raises ValidationError.
    """
    now = timezone.now()
    with transaction.atomic():
        current = edits.locked(contact)
        values = {name: value for name, value in values.items() if getattr(current, name) != value}
        if opted_out is not None and opted_out != (current.opted_out_at is not None):
            values["opted_out_at"] = now if opted_out else None
            Consent.objects.create(contact=current, given=not opted_out, at=now, source=origin, recorded_by=actor)
        return edits.change(
            current, actor=actor, origin=origin, private=PRIVATE | _BESIDE, **values, **_beside(values, now=now)
        )


_BESIDE = frozenset({"name_source", "name_at", "updated_at"})


def _beside(values: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """The columns that follow from a change."""
    if not values:
        return {}
    if "name" not in values:
        return {"updated_at": now}
    source = Contact.NameSource.PERSON if values["name"] else Contact.NameSource.NONE
    return {"updated_at": now, "name_source": source, "name_at": now if values["name"] else None}
