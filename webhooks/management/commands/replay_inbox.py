"""manage.py replay_inbox: process inbox rows again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from contacts.models import Channel
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent


class Command(BaseCommand):
    help = "Process inbox rows again. Safe to repeat: nothing counts twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--channel", metavar="KEY", help="only this channel")
        parser.add_argument("--state", choices=["parked", "applied", "duplicate"], help="only rows in this state")

    def handle(self, *args: Any, **options: Any) -> None:
        events = InboundEvent.objects.all()
        if options["channel"]:
            if not Channel.objects.filter(key=options["channel"]).exists():
                raise CommandError(f"There is no channel “{options['channel']}”.")
            events = events.filter(channel__key=options["channel"], channel__deleted_at__isnull=True)
        if options["state"]:
            events = events.filter(state=options["state"])
        self.stdout.write(f"{replay(events, actor=None)} rows will be processed again")
