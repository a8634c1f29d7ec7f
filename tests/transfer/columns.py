"""The columns of the database as it is, for the register of personal data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from django.contrib.sessions.models import Session
from django.db import connection
from psycopg import sql

# Numbers, yes and no, times, spans and ranges of them, and random ids: by themselves they say nothing in words.
WORDLESS = "t.typcategory IN ('N', 'B', 'D', 'T', 'R') OR t.typname = 'uuid'"
# Partitions have the columns of their table.
COLUMNS = f"""
    SELECT c.relname, a.attname, t.typname, {WORDLESS}
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     ORDER BY c.relname, a.attnum
"""
POINTING = """
    SELECT DISTINCT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     WHERE k.contype = 'f' AND k.confrelid = ANY(%s::regclass[])
"""


def columns() -> list[tuple[str, str, str, bool]]:
    """(table, column, type, whether it holds no words) of every column of every table, whoever made it."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        return cursor.fetchall()


def wordy() -> set[str]:
    """`table.column` of text, JSON, bytes, lists, addresses, and of any type that is not known to hold no words."""
    return {f"{table}.{column}" for table, column, _, wordless in columns() if not wordless}


def pointing_to(*tables: str) -> set[str]:
    """The tables with a foreign key to one of these."""
    with connection.cursor() as cursor:
        cursor.execute(POINTING, [list(tables)])
        return {table for (table,) in cursor.fetchall()}


def columns_with(markers: set[str]) -> dict[str, set[str]]:
    """Which of these words stand in which columns, whatever the type: `table.column` → words."""
    found: dict[str, set[str]] = {}
    for column, text in _everything():
        lower = text.lower()
        if here := {marker for marker in markers if marker.lower() in lower}:
            found.setdefault(column, set()).update(here)
    return found


def _everything() -> Iterator[tuple[str, str]]:
    """Every value of every table as text, with its column; bytes and sessions are decoded."""
    for table, group in groupby(columns(), key=lambda column: column[0]):
        names = [(name, kind) for _, name, kind, _ in group]
        shown = [
            sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(sql.Identifier(name))
            for name, kind in names
        ]
        statement = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(shown), sql.Identifier(table))
        with connection.cursor() as cursor:
            cursor.execute(statement)
            for row in cursor.fetchall():
                yield from ((f"{table}.{name}", text) for (name, _), text in zip(names, row, strict=True) if text)
    for session in Session.objects.all():
        yield "django_session.session_data", json.dumps(session.get_decoded(), ensure_ascii=False)
