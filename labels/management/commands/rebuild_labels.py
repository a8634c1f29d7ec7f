"""manage.py rebuild_labels: derive every interval and projection again from the recorded events."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labels.services.rebuilding import rebuild


class Command(BaseCommand):
    help = "Derive every interval and projection again from the recorded events, and mend what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when anything differs")

    def handle(self, *args: Any, **options: Any) -> None:
        differences = rebuild(write=not options["check"])
        self.stdout.write(f"{differences} differences")
        if options["check"] and differences:
            sys.exit(1)
