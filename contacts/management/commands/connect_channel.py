"""manage.py connect_channel: one WhatsApp number, ready to receive, in one line."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.text import slugify

from contacts.models import Agent, Channel
from contacts.services.channels import ChannelError, connect
from labelcrm import env
from labelcrm.core.dates import is_within_reach
from webhooks.gateways import GATEWAYS


class Command(BaseCommand):
    help = "Create or update a channel, its agent and team. The same arguments twice change nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--gateway", required=True, choices=sorted(GATEWAYS))
        parser.add_argument("--key", required=True, help="our name for it, part of the webhook address")
        parser.add_argument("--name", required=True)
        parser.add_argument("--agent", help="code of the agent whose number it is")
        parser.add_argument("--team")
        parser.add_argument("--secret", help="at least 8 characters; made for you when left out")
        parser.add_argument("--session", help="the gateway's own name for the account (default: the key)")
        parser.add_argument("--base-url", help="address of the gateway's API")
        parser.add_argument("--api-key", help="key of the gateway's API")
        parser.add_argument("--timezone", help="of the gateway machine, for gateways that tell local time")
        parser.add_argument("--since", help="date from which the agent owns the number")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = connect(
                gateway=options["gateway"],
                key=options["key"],
                name=options["name"],
                agent=options["agent"],
                team=options["team"],
                secret=options["secret"],
                session=options["session"],
                since=_moment(options["since"]),
                base_url=options["base_url"],
                api_key=options["api_key"],
                timezone=_zone(options["timezone"]),
                actor=None,
            )
        except ChannelError as error:
            raise CommandError(str(error)) from error
        self._say_where_the_agent_is(done.channel, options["agent"])
        self.stdout.write(f"URL {public_url()}{done.path}")
        if done.secret:
            self.stdout.write(f"SECRET {done.secret}")
        if done.verify_token:
            self.stdout.write(f"VERIFY {done.verify_token}")

    def _say_where_the_agent_is(self, channel: Channel, code: str | None) -> None:
        """An agent who exists stays in their team; on stderr, because scripts read the other lines."""
        agent = Agent.objects.filter(code=slugify(code)).select_related("team").first() if code else None
        if agent is not None and agent.team_id != channel.team_id and agent.team is not None:
            self.stderr.write(f"{agent.name} ({agent.code}) stays in the team {agent.team.name}.")


def public_url() -> str:
    """Scheme and host under which gateways reach us."""
    host = env.string("HOST", default="127.0.0.1")
    return settings.PUBLIC_URL or f"http://{f'[{host}]' if ':' in host else host}:{env.port()}"


def _zone(name: str | None) -> str | None:
    if name and name not in available_timezones():
        raise CommandError(f"“{name}” is no time zone; use a name like Asia/Jakarta.")
    return name


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if day is not None:
        moment = datetime.combine(day, time.min)
    if moment is None or not is_within_reach(moment):
        raise CommandError(f"“{text}” is no date; use a form like 2026-01-31.")
    return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).astimezone(UTC)
