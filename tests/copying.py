"""One migrated database for all processes of a run: the first makes it, each of them takes a copy.

To migrate takes a processor ten seconds, to copy a part of one.
"""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import connection


def make_once(template: str) -> dict[str, Any]:
    """The test settings of a database that is copied from `template`, which is made if nobody has made it yet."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])  # others wait until this connection ends
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [template])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{template}_draft"')
            _migrate(f"{template}_draft")
            cursor.execute(f'ALTER DATABASE "{template}_draft" RENAME TO "{template}"')
    return {"TEMPLATE": template, "MIGRATE": False}


def drop(template: str) -> None:
    """Whoever ends first drops it: all have their copies by then."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{template}"')


def _migrate(name: str) -> None:
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
