"""Ids and whole numbers out of query strings, headers and addresses: the only place that reads them. Pure.

`str.isdigit` says yes to "²" and `int` to "١٢" and "1_000"; a number of 25 digits is no id of any row. What is read
here is ASCII digits alone, within what the column or limit behind it can hold.
"""

from __future__ import annotations

from typing import Any

LARGEST_ID = 2**63 - 1  # PostgreSQL's bigint


def whole_number(text: Any, *, largest: int = LARGEST_ID) -> int | None:
    """The number that `text` writes in ASCII digits, 0 to `largest`; None for everything else, never an error.

    >>> whole_number("42"), whole_number("²"), whole_number("-1"), whole_number(None)
    (42, None, None, None)
    """
    if not isinstance(text, str) or not (text.isascii() and text.isdecimal()) or len(text) > len(str(largest)):
        return None
    number = int(text)
    return number if number <= largest else None


def row_id(text: Any) -> int | None:
    """The id of a row that `text` writes, 1 to 2**63 - 1; None for everything else."""
    return whole_number(text) or None
