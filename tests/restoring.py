"""The database as the migrations left it, put back after every test that committed.

Django truncates all tables, which costs more than most tests, and makes permissions and roles anew, but nothing that a
migration wrote. Here only what has rows is emptied, and what the migrations wrote is kept beside and copied back.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

KEPT = "kept_by_tests"  # a schema


def keep() -> None:
    """Remember all rows there are."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        for name in _with_rows(cursor):
            cursor.execute(f'CREATE TABLE {KEPT}."{name}" AS TABLE public."{name}"')


def put_back() -> None:
    """Make the rows those that were kept. Foreign keys are looked at in the end, so the order does not matter."""
    with transaction.atomic(), connection.cursor() as cursor:
        kept = _tables(cursor, KEPT)
        unchanged = {name for name in kept if _is_as_kept(cursor, name)}
        for name in _with_rows(cursor) - unchanged:
            cursor.execute(f'DELETE FROM public."{name}"')
        for name in kept - unchanged:
            cursor.execute(f'INSERT INTO public."{name}" SELECT * FROM {KEPT}."{name}"')


def _with_rows(cursor: Any) -> set[str]:
    names = sorted(_tables(cursor, "public"))
    cursor.execute("SELECT " + ", ".join(f'EXISTS (SELECT FROM public."{name}")' for name in names))
    return {name for name, has_rows in zip(names, cursor.fetchone(), strict=True) if has_rows}


def _tables(cursor: Any, schema: str) -> set[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
    return {name for (name,) in cursor.fetchall()}


def _is_as_kept(cursor: Any, name: str) -> bool:
    ours, theirs = f'public."{name}"', f'{KEPT}."{name}"'
    cursor.execute(
        f"SELECT NOT EXISTS (TABLE {ours} EXCEPT ALL TABLE {theirs})"
        f" AND NOT EXISTS (TABLE {theirs} EXCEPT ALL TABLE {ours})"
    )
    return bool(cursor.fetchone()[0])
