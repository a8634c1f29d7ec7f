"""Running a query of this package: SQL from code, values as named parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection


def select(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
