"""`manage.py mcp --user NAME`: the MCP server over standard input and output, for a program on this machine."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from api.mcp.mcp_tool import Asker
from api.mcp.server import serve_stdio
from contacts.selectors.viewing import has_left
from labelcrm.core.models import User


class Command(BaseCommand):
    help = "Answer a language model over standard input and output, with the rights of one user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="whose rights the model has: a user name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.select_related("agent").filter(username=options["user"]).first()
        if user is None or not user.is_active or has_left(user):
            raise CommandError(f"There is no active user {options['user']}.")
        async_to_sync(serve_stdio)(Asker(user, settings.PUBLIC_URL))
