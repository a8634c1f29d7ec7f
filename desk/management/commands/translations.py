"""`manage.py translations`: bring the Indonesian catalogue up to date, compile it, and say what is still missing.

Needs GNU gettext (xgettext, msgmerge, msgfmt); running labelcrm does not, because the compiled catalogue is committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import rest_framework
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import makemessages

OURS = ("api", "contacts", "demo", "desk", "labelcrm", "labels", "reports", "templates", "transfer", "webhooks")
# Packages that ship no Indonesian, or only some: our catalogue speaks for them.
THEIRS = ("unfold", "import_export", "django_filters", "rest_framework")
UNUSED = {"constance", "guardian", "simple_history", "location_field", "inlines", "forms", "money"}  # of unfold.contrib
READ = {".py", ".html", ".txt"}
# What Django and DRF have translated already is taken over as it is.
COMPENDIA = [
    *(Path(django.__file__).parent / part / "locale/id/LC_MESSAGES/django.po" for part in (
        "conf", "contrib/admin", "contrib/auth", "contrib/contenttypes", "contrib/humanize",
    )),
    Path(rest_framework.__file__).parent / "locale/id/LC_MESSAGES/django.po",
]  # fmt: skip


class MakeMessages(makemessages.Command):
    """makemessages that never guesses (no fuzzy entries) and takes over translations of the frameworks."""

    msgmerge_options = [
        *makemessages.Command.msgmerge_options,
        "--no-fuzzy-matching",
        *(f"--compendium={path}" for path in COMPENDIA if path.exists()),
    ]


class Command(BaseCommand):
    requires_system_checks = ()  # sentences can be read while the code around them is being written
    help = "Updates locale/id, compiles it and locale/en, and lists the sentences that have no Indonesian yet."

    def handle(self, *args: Any, **options: Any) -> None:
        if shutil.which("xgettext") is None:
            raise CommandError("GNU gettext is not installed (Debian: apt-get install gettext).")
        catalogue = Path(settings.LOCALE_PATHS[0]) / "id/LC_MESSAGES/django.po"
        with tempfile.TemporaryDirectory() as folder:
            copy_sources(Path(folder))
            _collect(Path(folder), options)
        for each in (catalogue, catalogue.parents[2] / "en/LC_MESSAGES/django.po"):
            subprocess.run(["msgfmt", "--check-format", "-o", each.with_suffix(".mo"), each], check=True)  # noqa: S603, S607
        missing = subprocess.run(  # noqa: S603
            ["msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", catalogue],  # noqa: S607
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        self.stdout.write(missing or "Every sentence has its Indonesian.")


def _collect(folder: Path, options: dict[str, Any]) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        call_command(
            MakeMessages(),
            locale=["id"],
            no_wrap=True,
            no_location=True,
            no_obsolete=True,
            verbosity=options["verbosity"],
        )
    finally:
        os.chdir(before)


def copy_sources(folder: Path) -> None:
    """Ours and theirs side by side, without the catalogues they bring."""
    for root in source_roots():
        for path in sources(root):
            target = folder / root.name / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def source_roots() -> list[Path]:
    """The folders whose sentences the catalogue has to know."""
    packages = Path(rest_framework.__file__).parent.parent
    return [*(settings.BASE_DIR / name for name in OURS), *(packages / name for name in THEIRS)]


def sources(root: Path) -> Iterator[Path]:
    skipped = {"locale", "static", "__pycache__", "tests", *UNUSED}
    for path in sorted(root.rglob("*")):
        if path.suffix in READ and not skipped.intersection(path.relative_to(root).parts):
            yield path
