"""What people do on the connection page, each with its audit entry in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from contacts.models import Agent, Channel, ChannelOwnership, Team
from contacts.services.agents import add_agent, create_team
from contacts.services.channels import Connected, connect, set_owner, set_secret
from labelcrm.core import audit, edits
from labels.models import ChannelLabel
from labels.services.channel_labels import name_placeholder
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent, UnknownChannel, session_reason

ORIGIN = "admin"


@transaction.atomic
def set_up(
    *,
    gateway: str,
    key: str,
    name: str,
    actor: Any,
    agent: Agent | None = None,
    new_agent: str = "",
    team: Team | None = None,
    new_team: str = "",
    **fields: str,
) -> Connected:
    """A new channel; one that posted here before it was known is not unknown any more. Raises ChannelError.

    `new_agent` and `new_team` are names of ones to make; a new agent joins the team of the number.
    """
    session = fields.pop("session", "") or None
    if new_team:
        team = create_team(actor=actor, origin=ORIGIN, name=new_team)
    if new_agent:
        agent = add_agent(name=new_agent, team=team, actor=actor, origin=ORIGIN)
    done = connect(
        gateway=gateway,
        key=key,
        name=name,
        agent=agent,
        team=team,
        actor=actor,
        session=session,
        since=None,
        secret=None,
        **fields,
    )
    UnknownChannel.objects.filter(gateway=gateway, key=key).delete()
    return done


def show_secret(channel: Channel, *, actor: Any) -> str:
    """The newest secret; that it was shown is on record."""
    audit.record(actor=actor, action="channel.secret_shown", obj=channel)
    newest = channel.secrets.first()
    return newest.value if newest is not None else ""


@transaction.atomic
def rotate(channel: Channel, *, secret: str, hours: int, actor: Any) -> None:
    """A new secret (`secret`, or a random one when empty); former ones stay valid for `hours`."""
    edits.locked(channel)
    set_secret(channel, secret or None, actor=actor, overlap=timedelta(hours=hours))


@transaction.atomic
def change_owner(
    channel: Channel, *, agent: Agent | None, new_agent: str = "", since: datetime | None, actor: Any
) -> ChannelOwnership | None:
    """Make `agent`, or a new one of that name, the owner from `since` (None = now); None when that is so already."""
    edits.locked(channel)
    if agent is None:
        agent = add_agent(name=new_agent, team=channel.team, actor=actor, origin=ORIGIN)
    return set_owner(channel, agent, since=since, actor=actor)


def set_usage(channel: Channel, *, used_by_one: bool, actor: Any) -> None:
    """Whether one person uses the number, so that its labels are certainly theirs."""
    edits.change(channel, actor=actor, origin=ORIGIN, used_by_one=used_by_one)


def set_time_zone(channel: Channel, *, zone: str, actor: Any) -> None:
    """The time zone of the gateway's machine; empty means its local times are not believed."""
    edits.change(channel, actor=actor, origin=ORIGIN, timezone=zone)


def take_over_session(channel: Channel, *, session: str, actor: Any) -> int:
    """Accept the gateway's own name of the account and process what was parked for it; returns how many posts."""
    with transaction.atomic():
        edits.change(channel, actor=actor, origin=ORIGIN, session=session)
        parked = InboundEvent.objects.filter(channel=channel, state=InboundEvent.State.PARKED)
        return replay(parked.filter(reason=session_reason(session)), actor=actor)


@transaction.atomic
def name_label(channel_label: ChannelLabel, *, name: str, actor: Any) -> None:
    """Say what a label is called that the gateway has not named; WhatsApp's own name wins when it comes."""
    name_placeholder(channel_label=channel_label, name=name, actor=actor)
