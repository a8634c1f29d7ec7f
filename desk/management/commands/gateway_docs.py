"""manage.py gateway_docs: write docs/gateways.md and docs/gateways.id.md from the guides."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from desk.connection.handbook import FILES, document


class Command(BaseCommand):
    help = "Write the gateway documents, in English and Indonesian, from the guides of the connection pages."

    def handle(self, *args: Any, **options: Any) -> None:
        for language, path in FILES.items():
            (settings.BASE_DIR / path).write_text(document(language), encoding="utf-8")
            self.stdout.write(path)
