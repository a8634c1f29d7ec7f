"""What the fields of a report's rows are called outside: in the API, in files, and as figures that segments name.

A field that Python would take for a word of its own ends with an underscore (`in_`, `from_`), which only Python sees.
"""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from functools import cache
from typing import Any


def outside_name(field: str) -> str:
    """What the field of a row is called outside."""
    return field.removesuffix("_")


def columns_of(row: type[Any]) -> dict[str, Field[Any]]:
    """The fields of rows of a type by the names they have outside, in their order."""
    return {outside_name(field.name): field for field in fields(row)}


def as_plain(row: Any) -> dict[str, Any]:
    """A row, and the rows in it, by the names that their fields have outside."""
    return {outside: _value(getattr(row, field)) for field, outside in _names(row.__class__)}


def _value(value: Any) -> Any:
    """A list is of rows or of numbers. Numbers are not looked at one by one, as `asdict` does: two years of curves are
    two million.
    """
    if _is_row(value.__class__):
        return as_plain(value)
    is_of_rows = value.__class__ is list and value and _is_row(value[0].__class__)
    return [as_plain(row) for row in value] if is_of_rows else value


@cache
def _is_row(kind: type[Any]) -> bool:
    return is_dataclass(kind)


@cache
def _names(row: type[Any]) -> list[tuple[str, str]]:
    """What the fields of a row are called here and outside."""
    return [(field.name, outside) for outside, field in columns_of(row).items()]
