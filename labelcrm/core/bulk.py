"""Raw SQL for many rows at once: COPY, ids reserved ahead, and columns as arrays. The drain and imports use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` into `table` in the current transaction. Names come from code, never from outside."""
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with cursor.cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


def reserve_ids(table: str, count: int) -> list[int]:
    """`count` fresh primary keys of `table`, for rows whose ids must be known before they are written."""
    with connection.cursor() as cursor:
        # The name is looked up once and not per row: of a subquery that PostgreSQL cannot fold into its caller.
        cursor.execute(
            "SELECT nextval(own.sequence) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence OFFSET 0)"
            " AS own, generate_series(1, %s)",
            [table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def fetch(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def fetch_binary(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a query, read in binary, which Django's cursors cannot. Times come in UTC.

    Django's loader of times is Python and was measured to cost more than all the joining of spells.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters, binary=True).fetchall()


def execute_binary(statement: str, parameters: Sequence[Any]) -> int:
    """Run a statement whose values are sent in binary, which Django's cursors cannot; the number of rows it touched.

    Bytes among other values are else written as digits, parsed, and twice as long.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters).rowcount


def execute(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> int:
    """Run a statement; returns the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def transpose(rows: Sequence[Sequence[Any]], width: int) -> list[str]:
    """Rows as columns, each an array literal for unnest(); `width` columns even when there is no row."""
    return [array(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def array(values: Iterable[Any]) -> str:
    """Numbers, texts, times, booleans or None as PostgreSQL's array literal, to be cast where it is used.

    psycopg's own way, one dumper and a regular expression per element, was measured at a quarter of the drain's CPU.
    """
    elements = list(values)
    kinds = set(map(type, elements))
    if kinds == {str} and (quoted := _quoted(elements)):
        return quoted
    written = str if kinds <= _PLAIN else _element
    return f"{{{','.join(map(written, elements))}}}"


_PLAIN = frozenset({int, bool, datetime})  # what str() writes as PostgreSQL reads it
_BETWEEN = '","'


def _quoted(texts: Sequence[str]) -> str:
    """Texts of which none has a sign that must be escaped, as nearly always, without a look at each; else nothing."""
    inside = _BETWEEN.join(texts)
    is_plain = "\\" not in inside and inside.count('"') == _BETWEEN.count('"') * (len(texts) - 1)
    return f'{{"{inside}"}}' if is_plain else ""


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


# -- Statements with named values -------------------------------------------------------------------------------------

_NAMED = re.compile(r"%\((\w+)\)s")


def prefixed(statement: str, parameters: Mapping[str, Any], prefix: str) -> tuple[str, dict[str, Any]]:
    """The same with values of its own, so that several statements of one making stand beside each other in another."""
    return _NAMED.sub(rf"%({prefix}_\1)s", statement), {f"{prefix}_{name}": parameters[name] for name in parameters}


def positional(statement: str, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The same with values by place, as Django's query sets want them."""
    return _NAMED.sub("%s", statement), [parameters[name] for name in _NAMED.findall(statement)]
