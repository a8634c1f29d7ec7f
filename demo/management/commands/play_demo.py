"""manage.py play_demo: two months of a small company's WhatsApp, posted as its gateways would."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo.manifest import Manifest
from demo.playing import DemoError, play
from demo.story import CONTACTS, SEED


class Command(BaseCommand):
    help = "Play a small company's two months of webhooks into an empty database. A second time it does nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="where the site answers, for example http://127.0.0.1:8000")
        parser.add_argument("--seed", type=int, default=SEED, help="another seed, another story")
        parser.add_argument("--contacts", type=int, default=CONTACTS, help="how many people write")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = play(url=options["url"], say=self._say, seed=options["seed"], contacts=options["contacts"])
        except DemoError as error:
            raise CommandError(str(error)) from error
        if manifest is None:
            self._say("The demo has been played already; its data is as you left it.")
        else:
            self._show(manifest, options["url"].rstrip("/"))

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def _show(self, manifest: Manifest, url: str) -> None:
        stale, never = len(manifest.stale), len(manifest.never_labelled)
        for line in (
            f"The demo is ready: {manifest.contacts:,} contacts, {manifest.posts:,} webhooks.",
            f"  {url}/admin/  home: labels now, and what changed",
            f"  {url}/admin/labels/staleflag/  {stale:,} stale labels",
            f"  {url}/admin/contacts/contact/?never_labelled=1  {never:,} contacts never labelled",
            f"  {url}/admin/reports/agents/  whose “Grade A” came true: compare Rina with Budi",
            f"  {url}/admin/reports/campaigns/  many contacts from FB Kaos Murah, few buyers",
            "What was planted, and where to find it: docs/demo.md",
        ):
            self._say(line)
