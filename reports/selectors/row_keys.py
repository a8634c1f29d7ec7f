"""What names a row of a report: the `who` of its facts, the field of its rows, and how addresses write it.

A key may be an id, a day (`2026-03-02`), a code such as a category's or a channel's, a step, or a pair of labels
(`12:15`, `new:12`). None, for nobody, none and not mapped yet, is written `null`, in a pair as well (`null:12`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from labelcrm.lib.numbers import row_id, whole_number
from labelcrm.lib.strict_json import is_storable

NOTHING = "null"
NEW = "new"  # in a pair: who was not there before
LARGEST_STEP = 2**15 - 1
LONGEST_CODE = 100
HOURS_OF_A_WEEK = 7 * 24
FLAGS_BETWEEN = "-"


@dataclass(frozen=True, slots=True)
class KeyType:
    """Keys of one kind: their type in SQL, and how a text that is not `null` becomes one (ValueError: it is none)."""

    sql: str
    parse: Callable[[str], Any]

    def read(self, text: str) -> Any:
        """The key that a text writes. Raises ValueError."""
        return None if text == NOTHING else self.parse(text)

    @staticmethod
    def write(key: Any) -> str:
        """The text that `read` reads."""
        return NOTHING if key is None else str(key)

    @staticmethod
    def plain(key: Any) -> int | str | None:
        """The key as JSON has it: numbers and null as they are, all else as text."""
        return key if key is None or isinstance(key, int) else str(key)


def _id(text: str) -> int:
    found = row_id(text)
    if found is None:
        raise ValueError(text)
    return found


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


def _step(text: str) -> int:
    found = whole_number(text, largest=LARGEST_STEP)
    if found is None:
        raise ValueError(text)
    return found


def _hour(text: str) -> int:
    found = whole_number(text, largest=HOURS_OF_A_WEEK)
    if not found:
        raise ValueError(text)
    return found


def _code(text: str) -> str:
    if not text or len(text) > LONGEST_CODE or not is_storable(text):
        raise ValueError(text)
    return text


def _pair(text: str) -> str:
    first, colon, second = text.partition(":")
    if not colon:
        raise ValueError(text)
    return pair(*(part if part == NEW else IDS.read(part) for part in (first, second)))


def _flags(text: str) -> str:
    label, dash, agent = text.partition(FLAGS_BETWEEN)
    if not dash:
        raise ValueError(text)
    return flags(_id(label), IDS.read(agent))


def _unusual_day(text: str) -> str:
    kind, agent, day = (*text.split(FLAGS_BETWEEN, maxsplit=2), "", "")[:3]
    if not re.fullmatch(r"[a-z_]{1,20}", kind, re.ASCII):
        raise ValueError(text)
    return unusual_day(kind, IDS.read(agent), _day(day))


IDS = KeyType("bigint", _id)
DAYS = KeyType("date", _day)
STEPS = KeyType("smallint", _step)
HOURS = KeyType("smallint", _hour)
"""Hours of a week: 1 is Monday's first, 168 Sunday's last."""
CODES = KeyType("text", _code)
PAIRS = KeyType("text", _pair)
"""A pair is a text in SQL too: `pair_of` writes it there, `pair` here."""


LABEL_PAIRS = KeyType("text", _pair)
"""A pair of WhatsApp labels of one number."""
FLAGS = KeyType("text", _flags)
"""Flags of a label at an agent, or at nobody: `12-7`, `12-null`. `flags_of` writes it in SQL, `flags` here."""


UNUSUAL_DAYS = KeyType("text", _unusual_day)
"""What somebody, or nobody known, did of one kind on a day: `batch-7-2026-03-02`."""


def unusual_day(kind: str, agent: int | None, day: date) -> str:
    """The key of what an agent, None is nobody, did of a kind on a day."""
    return f"{kind}{FLAGS_BETWEEN}{KeyType.write(agent)}{FLAGS_BETWEEN}{day.isoformat()}"


def unusual_day_of(kind: str, agent: str, day: str) -> str:
    """The same in SQL, of three expressions; the second may be NULL."""
    return (
        f"{kind} || '{FLAGS_BETWEEN}' || coalesce(({agent})::text, '{NOTHING}') || '{FLAGS_BETWEEN}'"
        f" || to_char({day}, 'YYYY-MM-DD')"
    )


def flags(label: int, agent: int | None) -> str:
    """The key of the flags of a label at an agent, None is nobody."""
    return f"{label}{FLAGS_BETWEEN}{KeyType.write(agent)}"


def flags_of(label: str, agent: str) -> str:
    """The same in SQL, of two expressions that give ids; the second may be NULL."""
    return f"{label} || '{FLAGS_BETWEEN}' || coalesce(({agent})::text, '{NOTHING}')"


def pair(first: int | str | None, second: int | str | None) -> str:
    """The key of a pair of ids; either may be None, or NEW."""
    return f"{KeyType.write(first)}:{KeyType.write(second)}"


def pair_of(first: str, second: str) -> str:
    """The same in SQL, of two expressions that give an id, NULL or 'new'."""
    parts = (f"coalesce(({part})::text, '{NOTHING}')" for part in (first, second))
    return " || ':' || ".join(parts)


@dataclass(frozen=True, slots=True)
class RowKey:
    """What the rows of a report are named by. `name` is also the field of a row that holds it, unless `of` says how."""

    name: str
    type: KeyType = IDS
    read_off: Callable[[Any], Any] | None = None

    def of(self, row: Any) -> Any:
        """The key of a row."""
        return getattr(row, self.name) if self.read_off is None else self.read_off(row)
