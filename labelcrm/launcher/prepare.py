"""Bring database and seeds up to date: `manage.py migrate` and `manage.py setup` in one process, which starts faster.

`python -m labelcrm.launcher.prepare`; harmless to repeat.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import CommandError, call_command

from labelcrm.env import ConfigurationError


def main() -> int:
    """Migrate, then set up; what `setup` prints is all that is printed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")
    try:
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("setup")
    except (ConfigurationError, CommandError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
