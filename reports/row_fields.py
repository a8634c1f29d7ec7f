"""What the fields of a report's rows are called outside: in the API, in files, and as figures that segments name.

A field that Python would take for a word of its own ends with an underscore (`in_`, `from_`), which only Python sees.
"""

from __future__ import annotations

from dataclasses import Field, asdict, fields
from typing import Any


def outside_name(field: str) -> str:
    """What the field of a row is called outside."""
    return field.removesuffix("_")


def columns_of(row: type[Any]) -> dict[str, Field[Any]]:
    """The fields of rows of a type by the names they have outside, in their order."""
    return {outside_name(field.name): field for field in fields(row)}


def as_plain(row: Any) -> dict[str, Any]:
    """A row, and the rows in it, by the names that their fields have outside."""
    return asdict(row, dict_factory=lambda pairs: {outside_name(name): value for name, value in pairs})
