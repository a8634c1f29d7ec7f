"""What the connection page shows: addresses, the guide filled in for one channel, abilities, owners, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from contacts.models import Channel, ChannelSecret
from contacts.services.channels import hook_path
from desk.connection.guides import GUIDES, Guide, fill
from labels.models import ChannelLabel
from webhooks.gateways import GATEWAYS
from webhooks.gateways.base import Capabilities

HIDDEN = "••••••••"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class FilledStep:
    """A step with this channel's address and secret in its code."""

    text: str | Promise
    code: str


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing this gateway can (`yes`) or cannot do, in a sentence."""

    what: str
    yes: bool
    how: str


@dataclass(frozen=True, slots=True)
class HookAddress:
    """Where the gateway posts to. `secret` and `verify` are hidden unless they were asked for."""

    url: str
    secret: str
    verify: str
    shown: bool
    is_local: bool


def address(request: HttpRequest, channel: Channel, *, secret: str | None = None) -> HookAddress:
    """The channel's address; `secret` is given where it may be seen."""
    base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    path = hook_path(channel)
    if GATEWAYS[channel.gateway].token_in_url and secret is None:
        path = f"/hooks/{channel.gateway}/{channel.key}/{HIDDEN}/"
    verify = channel.verify_token if secret is not None else HIDDEN
    return HookAddress(base + path, HIDDEN if secret is None else secret, verify, secret is not None, is_local(base))


def is_local(base: str) -> bool:
    """True for an address that only this machine reaches."""
    return urlsplit(base).hostname in LOCAL_HOSTS


def guide_of(channel: Channel) -> Guide:
    """The guide of the channel's gateway."""
    return GUIDES[channel.gateway]


def steps(channel: Channel, where: HookAddress) -> list[FilledStep]:
    """The guide's steps with this channel's values."""
    values = {"url": where.url, "secret": where.secret, "verify": where.verify, "session": channel.session}
    return [FilledStep(step.text, fill(step.code, values)) for step in guide_of(channel).steps]


def abilities(able: Capabilities, *, zone: str = "") -> Iterator[Ability]:
    """What a gateway can and cannot do, for people; `zone` is the time zone that its local times are read in."""
    time = "gateway" if zone else able.label_time
    yield Ability(
        _("Labels"), able.labels, _("Label changes arrive by themselves.") if able.labels else _("There are none.")
    )
    yield Ability(_("Who"), False, _("No gateway tells who labelled; the owner of the number is taken."))
    yield Ability(_("When"), time != "received", _time_told(time))
    yield Ability(
        _("Names of labels"),
        able.label_definitions,
        _("Renamed and deleted labels are told.")
        if able.label_definitions
        else _("Renaming and deleting is not told."),
    )
    yield Ability(
        _("API lists labels"),
        able.lists_labels,
        _("Its API could list them; this version does not ask it yet, so what was missed stays missed.")
        if able.lists_labels
        else _("What was missed stays missed."),
    )
    yield Ability(
        _("API sets labels"),
        able.writes_labels,
        _("Its API could set them; this version does not use it yet.")
        if able.writes_labels
        else _("Its API cannot set labels."),
    )
    yield Ability(
        _("Numbers of hidden contacts (LID)"),
        able.learns_lids,
        _("The number is learnt when the gateway knows it.") if able.learns_lids else _("Not told."),
    )
    yield Ability(_("Ad clicks"), able.ad_referral, _("Ad referrals arrive.") if able.ad_referral else _("Not told."))


def _time_told(time: str) -> str:
    return {
        "whatsapp": _("WhatsApp's own time of the change."),
        "gateway": _("The time at which the gateway noticed."),
        "received": _("Only the time of receipt here."),
    }[time]


def secrets_in_force(channel: Channel) -> list[ChannelSecret]:
    """Secrets that are accepted now, newest first."""
    now = timezone.now()
    return [secret for secret in channel.secrets.all() if secret.expires_at is None or secret.expires_at > now]


def unnamed_labels(channel: Channel) -> list[ChannelLabel]:
    """Labels in use whose name nobody has told."""
    return list(channel.labels.filter(is_placeholder=True, deleted_at__isnull=True, hidden=False).order_by("id")[:50])
