"""DuckDB with the rows that a bench asks both about."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def filled(tables: Mapping[str, str]) -> Any:
    """A database in memory with these tables, each filled by a query of ours, and both of the machine's cores."""
    import duckdb
    from django.db import connection

    peer = duckdb.connect()
    peer.execute("SET threads = 2")
    with tempfile.TemporaryDirectory() as folder:
        for name, query in tables.items():
            path = Path(folder, f"{name}.csv")
            written = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
            with connection.cursor() as cursor, path.open("wb") as file, cursor.copy(written) as copy:
                file.writelines(bytes(block) for block in copy)
            peer.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', header = true)")
    return peer
