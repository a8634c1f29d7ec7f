"""Setting up channels: their secrets, and whose they are since when."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.db.models import Max, Model, Q
from django.utils import timezone
from django.utils.text import slugify

from contacts.models import Agent, Channel, ChannelOwnership, ChannelSecret, Team
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core import audit, edits
from labelcrm.core.bulk import execute
from webhooks.gateways import GATEWAYS

ORIGIN = "connection"
SECRET_BYTES = 32
SHORTEST_SECRET = 8
CREDENTIALS = frozenset({"api_key"})  # of these the audit trail keeps only that they changed
# Where the texts of `connect` are kept, for their longest lengths.
COLUMNS: dict[str, tuple[type[Model], str]] = {
    "name": (Channel, "name"),
    "session": (Channel, "session"),
    "base_url": (Channel, "base_url"),
    "agent": (Agent, "code"),
    "team": (Team, "name"),
}


class ChannelError(ValueError):
    """A channel that cannot be set up as asked; the text is a sentence for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A channel that is set up. `secret` and `verify_token` are only there when they were made just now."""

    channel: Channel
    created: bool
    path: str
    secret: str | None = None
    verify_token: str | None = None


@transaction.atomic
def connect(
    *,
    gateway: str,
    key: str,
    name: str,
    actor: Any,
    agent: Agent | str | None = None,
    team: Team | str | None = None,
    secret: str | None = None,
    session: str | None = None,
    since: datetime | None = None,
    **fields: str | None,
) -> Connected:
    """Create or update a channel with its agent, team and secret. The same arguments twice change nothing.

    An agent may be given by code and a team by name; one that does not exist is made. An agent who exists keeps name
    and team. `fields` are base_url, api_key and timezone; None leaves a field as it is. Raises ChannelError.
    """
    _check(gateway, key, secret)
    _check_texts(name=name, session=session, agent=agent, team=team, base_url=fields.get("base_url"))
    channel = Channel.objects.filter(key=key).select_for_update().first()
    created = channel is None
    if channel is None:
        channel = Channel(key=key, gateway=gateway, session=key)
    elif channel.gateway != gateway:
        raise ChannelError(f"The channel “{key}” is one of {channel.gateway} already; choose another key.")
    channel.name = name
    channel.session = session if session is not None else channel.session
    channel.team = (team_named(team, actor=actor) if isinstance(team, str) else team) if team else channel.team
    for field, value in fields.items():
        if value is not None:
            setattr(channel, field, value)
    channel.save()
    made = set_secret(channel, secret, actor=actor) if secret or not channel.secrets.exists() else None
    token = _make_verify_token(channel)
    if agent:
        owner = agent_named(agent, team=channel.team, actor=actor) if isinstance(agent, str) else agent
        set_owner(channel, owner, since=since, actor=actor)
    if created:
        audit.record(actor=actor, action="channel.connected", obj=channel, gateway=gateway)
    return Connected(
        channel=channel, created=created, path=hook_path(channel), secret=None if secret else made, verify_token=token
    )


def _check(gateway: str, key: str, secret: str | None) -> None:
    if gateway not in GATEWAYS:
        raise ChannelError(f"There is no gateway “{gateway}”; known are {', '.join(sorted(GATEWAYS))}.")
    if not key or slugify(key) != key.lower() or len(key) > 60:
        raise ChannelError("A key is made of letters, digits, - and _, at most 60 of them.")
    if key.lower() == CRM_GATEWAY:
        raise ChannelError(f"The key “{key}” is kept for the built-in channel; choose another key.")
    if secret is not None and (len(secret) < SHORTEST_SECRET or secret in GATEWAYS[gateway].weak_secrets):
        raise ChannelError(
            f"This secret is too easy to guess: use one of at least {SHORTEST_SECRET} characters that is not a default."
        )
    if secret is not None and "/" in secret and GATEWAYS[gateway].token_in_url:
        raise ChannelError("The secret becomes part of an address: leave out slashes.")


def _check_texts(*, name: str, **texts: Model | str | None) -> None:
    if not name.strip():
        raise ChannelError("A channel needs a name.")
    for what, text in {"name": name, **texts}.items():
        model, field = COLUMNS[what]
        longest = getattr(model._meta.get_field(field), "max_length", None)
        if isinstance(text, str) and longest is not None and len(text) > longest:
            raise ChannelError(f"The {what.replace('_', ' ')} has at most {longest} characters.")


def crm_channel() -> Channel:
    """The built-in channel, of labels that exist only here; nobody's number, in no team. Made when it is needed first.

    Whoever makes it while another does waits for them, and finds it.
    """
    found: Channel | None = Channel.objects.filter(gateway=CRM_GATEWAY).first()
    if found is None:
        with transaction.atomic():
            execute("SELECT pg_advisory_xact_lock(hashtext('labelcrm.crm_channel'))", [])
            found = Channel.objects.filter(gateway=CRM_GATEWAY).first()
            found = found or Channel.objects.create(key=CRM_GATEWAY, gateway=CRM_GATEWAY, name="CRM")
    return found


def hook_path(channel: Channel) -> str:
    """The path gateways post to; for gateways that do not sign it ends with the newest secret."""
    base = f"/hooks/{channel.gateway}/{channel.key}/"
    if channel.gateway not in GATEWAYS or not GATEWAYS[channel.gateway].token_in_url:
        return base
    newest = channel.secrets.first()
    return f"{base}{quote(newest.value, safe='')}/" if newest is not None else base


def edit_channel(channel: Channel, *, actor: Any, origin: str, **values: Any) -> Channel:
    """Change a channel; its credentials never reach the audit trail. Raises ValidationError."""
    return edits.change(channel, actor=actor, origin=origin, private=CREDENTIALS, **values)


def set_secret(channel: Channel, secret: str | None, *, actor: Any, overlap: timedelta = timedelta(0)) -> str | None:
    """Make `secret` (a new random one when None) the channel's; older ones stay valid for `overlap`.

    Returns the secret when it is new, None when it already was the channel's.
    """
    current = channel.secrets.first()
    if secret is not None and current is not None and current.value == secret:
        return None
    until = timezone.now() + overlap
    channel.secrets.filter(expires_at__isnull=True).update(expires_at=until)
    value = secret or secrets.token_urlsafe(SECRET_BYTES)
    ChannelSecret.objects.create(channel=channel, value=value)
    audit.record(actor=actor, action="channel.secret_set", obj=channel, old_valid_until=until.isoformat())
    return value


def _make_verify_token(channel: Channel) -> str | None:
    if channel.gateway != "cloudapi" or channel.verify_token:
        return None
    channel.verify_token = secrets.token_urlsafe(24)
    channel.save(update_fields=["verify_token"])
    return channel.verify_token


def team_named(name: str, *, actor: Any = None) -> Team:
    """The living team of that name, made when there is none."""
    team, created = Team.objects.get_or_create(name=name)
    if created:
        audit.record(actor=actor, action="team.created", obj=team, origin=ORIGIN)
    return team


def agent_named(code: str, *, team: Team | None, actor: Any = None) -> Agent:
    """The living agent of that code, made when there is none; a team is given to one without, and to nobody else."""
    agent, created = Agent.objects.get_or_create(
        code=slugify(code) or code, defaults={"name": code.title(), "team": team}
    )
    if created:
        audit.record(actor=actor, action="agent.created", obj=agent, origin=ORIGIN)
    elif agent.team_id is None and team is not None:
        agent = edits.change(agent, actor=actor, origin=ORIGIN, team=team)
    return agent


def set_owner(channel: Channel, agent: Agent, *, since: datetime | None, actor: Any) -> ChannelOwnership | None:
    """Make `agent` the owner of a channel; None when that is so already.

    The first owner counts from the beginning, a later one from now, one on a channel whose owners have all left from
    when the last of them did; `since` overrides, and whoever was owner from then on was not. What was decided about
    earlier events stays as it is.
    """
    owners = channel.ownerships.filter(weekdays=[], hour_from__isnull=True)
    current = owners.filter(until__isnull=True).last()
    if current is not None and current.agent_id == agent.pk and (since is None or current.since == since):
        return None
    last_left = None if current else owners.aggregate(at=Max("until"))["at"]
    start: datetime | None = since or (timezone.now() if current is not None else last_left)
    if start is not None:
        for former in owners.filter(Q(until__isnull=True) | Q(until__gt=start)):
            _end(former, start)
    row = ChannelOwnership.objects.create(channel=channel, agent=agent, since=start)
    audit.record(
        actor=actor,
        action="channel.owner_set",
        obj=channel,
        agent=agent.code,
        since=start.isoformat() if start else None,
    )
    return row


@transaction.atomic
def add_owner(ownership: ChannelOwnership, *, actor: Any) -> None:
    """Name an owner: of the whole channel, who takes over from the one before, or of a shift or a closed period."""
    channel = Channel.all_objects.select_for_update().get(pk=ownership.channel_id)
    if not ownership.has_hours and ownership.until is None:
        set_owner(channel, ownership.agent, since=ownership.since, actor=actor)
        return
    ownership.save()
    details = {"agent": ownership.agent.code, "since": ownership.since and ownership.since.isoformat()}
    audit.record(actor=actor, action="channel.shift_added", obj=channel, **details)


@transaction.atomic
def pass_on(ownership: ChannelOwnership, agent: Agent, *, since: datetime, actor: Any) -> ChannelOwnership:
    """Another agent has what this ownership says from `since` on: the whole number, or the same shift."""
    channel = Channel.all_objects.select_for_update().get(pk=ownership.channel_id)
    hours = {name: getattr(ownership, name) for name in ("weekdays", "hour_from", "hour_to")}
    row = ChannelOwnership.objects.create(channel=channel, agent=agent, since=since, until=ownership.until, **hours)
    _end(ownership, since)
    action = "channel.shift_added" if row.has_hours else "channel.owner_set"
    audit.record(actor=actor, action=action, obj=channel, agent=agent.code, since=since.isoformat())
    return row


@transaction.atomic
def take_back(new: int, *, former: int, actor: Any) -> None:
    """The ownership with the id `new` never was, and the one with the id `former` goes on as if it had not ended."""
    row = ChannelOwnership.objects.select_related("channel").get(pk=new)
    channel = Channel.all_objects.select_for_update().get(pk=row.channel_id)
    back = ChannelOwnership.objects.select_related("agent").get(pk=former)
    back.until = row.until
    row.delete()
    back.save(update_fields=["until"])
    since = back.since.isoformat() if back.since else None
    audit.record(actor=actor, action="channel.owner_set", obj=channel, agent=back.agent.code, since=since)


def _end(current: ChannelOwnership, until: datetime) -> None:
    """End an ownership; one that would end before it began never was."""
    if current.since is not None and current.since >= until:
        current.delete()
    else:
        current.until = until
        current.save(update_fields=["until"])
