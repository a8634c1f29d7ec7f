"""What reads and writes many rows at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError
from django.utils import timezone

from labelcrm.core.bulk import array, fetch, fetch_binary

MOMENT = datetime(2026, 3, 2, 3, 0, 0, 853, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, -2, 2**62]),
        ("bigint", [1, None]),
        ("boolean", [True, False]),
        ("timestamptz", [MOMENT, timezone.localtime(MOMENT)]),
        ("timestamptz", [MOMENT, None]),
        ("text", ["a", 'quo"te', "back\\slash", "NULL", "", "{,}", None]),
        ("text", []),
    ],
)
def test_an_array_arrives_as_it_was(kind: str, values: list[Any]) -> None:
    assert fetch(f"SELECT %s::{kind}[]", [array(values)])[0][0] == values


@pytest.mark.django_db
def test_rows_read_in_binary_are_those_that_django_reads() -> None:
    query = "SELECT 1, NULL, %s::timestamptz, '{\"a\": 1}'::jsonb -> 'a', 'é', '\\x00ff'::bytea"
    [(number, nothing, at, value, text, raw)] = fetch_binary(query, [MOMENT])
    assert (number, nothing, at, value, text, bytes(raw)) == (1, None, MOMENT, 1, "é", b"\x00\xff")


@pytest.mark.django_db
def test_an_error_of_a_binary_read_is_djangos() -> None:
    """The drain tells our own trouble from a row's by Django's classes."""
    with pytest.raises(DataError):
        fetch_binary("SELECT 1 / 0", [])
