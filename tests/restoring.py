"""The database as the migrations left it, put back after every test that committed.

Django truncates all tables, which costs more than most tests, and makes permissions and roles anew, but nothing that a
migration wrote. Here only what has rows is emptied, and what the migrations wrote is kept beside and copied back.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

KEPT = "kept_by_tests"  # a schema
Mark = tuple[int, int]
MUCH = 4_000_000  # bytes of rows: every row deleted is looked for in whatever refers to it, a minute for 100,000 people

# How many rows of each kept table there are, and the newest transaction that wrote one: whoever adds, changes or takes
# away a row changes one of them. Cheaper than to compare the rows.
_marks: dict[str, Mark] = {}


def keep() -> None:
    """Remember all rows there are."""
    with connection.cursor() as cursor:
        names = _tables(cursor)
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        cursor.execute(_find_rows(names))
        for name in _with_rows(cursor):
            cursor.execute(f'CREATE TABLE {KEPT}."{name}" AS TABLE public."{name}"')
            _marks[name] = (0, 0)
        _marks.update(_marks_now(cursor))


def put_back() -> None:
    """Make the rows those that were kept. Foreign keys are looked at in the end, so the order does not matter."""
    with transaction.atomic(), connection.cursor() as cursor:
        found = _marks_now(cursor)
        unchanged = {name for name, mark in _marks.items() if found[name] == mark}
        filled = _with_rows(cursor)
        if _size(cursor, filled - unchanged) > MUCH:
            _truncate(cursor)
            unchanged = set()
        else:
            for name in filled - unchanged:
                cursor.execute(f'DELETE FROM public."{name}"')
        changed = set(_marks) - unchanged
        for name in changed:
            cursor.execute(f'INSERT INTO public."{name}" SELECT * FROM {KEPT}."{name}"')
        if changed:
            _marks.update(_marks_now(cursor))


def _tables(cursor: Any) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    return [name for (name,) in cursor.fetchall()]


def _find_rows(names: list[str]) -> str:
    """A function, whose plans PostgreSQL keeps: to plan a look into each table costs more than to look."""
    looks = "".join(
        f'IF EXISTS (SELECT FROM public."{name}") THEN found := found || $name${name}$name$::text; END IF; '
        for name in names
    )
    return (
        f"CREATE FUNCTION {KEPT}.with_rows() RETURNS text[] LANGUAGE plpgsql AS"
        f" $body$ DECLARE found text[] := '{{}}'; BEGIN {looks} RETURN found; END $body$"
    )


def _with_rows(cursor: Any) -> set[str]:
    cursor.execute(f"SELECT {KEPT}.with_rows()")
    return set(cursor.fetchone()[0])


def _size(cursor: Any, names: set[str]) -> int:
    cursor.execute(
        "SELECT coalesce(sum(pg_relation_size(format('public.%%I', n)::regclass)), 0) FROM unnest(%s::text[]) n",
        [sorted(names)],
    )
    return int(cursor.fetchone()[0])


def _truncate(cursor: Any) -> None:
    """All tables at once, as they refer to each other."""
    cursor.execute("TRUNCATE " + ", ".join(f'public."{name}"' for name in _tables(cursor)))


def _marks_now(cursor: Any) -> dict[str, Mark]:
    each = (
        f"SELECT '{name}', count(*), coalesce(max(xmin::text::bigint), 0) FROM public.\"{name}\"" for name in _marks
    )
    cursor.execute(" UNION ALL ".join(each))
    return {name: (rows, newest) for name, rows, newest in cursor.fetchall()}
