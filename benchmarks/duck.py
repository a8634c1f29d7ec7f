"""DuckDB with the rows that a bench asks both about."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def filled(tables: Mapping[str, str]) -> Any:
    """A database in memory with these tables, each filled by a query of ours, and both of the machine's cores.

    Columns have PostgreSQL's types, so that none is guessed from its first rows.
    """
    import duckdb
    from django.db import connection

    peer = duckdb.connect()
    peer.execute("SET threads = 2")
    with tempfile.TemporaryDirectory() as folder, connection.cursor() as cursor:
        for name, query in tables.items():
            path = Path(folder, f"{name}.csv")
            peer.execute(f"CREATE TABLE {name} ({_columns(query)})")
            with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy, path.open("wb") as file:
                file.writelines(bytes(block) for block in copy)
            peer.execute(f"COPY {name} FROM '{path}' (FORMAT csv, HEADER false)")
    return peer


def _columns(query: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS q LIMIT 0")
        columns = [(column.name, column.type_code) for column in cursor.description]
        cursor.execute(
            "SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid = ANY(%s)", [[oid for _, oid in columns]]
        )
        types = dict(cursor.fetchall())
    return ", ".join(f'"{name}" {types[oid]}' for name, oid in columns)
