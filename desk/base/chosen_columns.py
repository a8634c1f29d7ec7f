"""Which columns of a list or a table somebody sees: chosen there, remembered for the person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from desk.base.preferences import remember
from desk.base.result_list import PICK, label_of

PREFERENCE = "columns"
FEWEST = 4  # of fewer nothing is to be chosen


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    name: str
    title: str
    shown: bool


def choices(model_admin: Any, user: Any) -> list[ColumnChoice]:
    """All columns of a list, and which of them this person sees; none where there is nothing to choose."""
    names = [name for name in model_admin.list_display if name != PICK]
    shown = shown_columns(model_admin, user)
    return [ColumnChoice(n, label_of(model_admin, n), n in shown) for n in names] if len(names) >= FEWEST else []


def shown_columns(model_admin: Any, user: Any) -> list[str]:
    """The columns this person sees: as chosen, else as the list has them. The first is always there."""
    first, *others = model_admin.list_display
    return [first, *shown_of(user, _key(model_admin), others, off=model_admin.columns_off)]


def choose(model_admin: Any, user: Any, names: Collection[str]) -> None:
    """Remember that this person wants to see `names` and none of the other columns."""
    choose_of(user, _key(model_admin), model_admin.list_display[1:], names)


def shown_of(user: Any, table: str, columns: Sequence[str], *, off: Collection[str] = ()) -> list[str]:
    """Which of the columns of a table, by its name, this person sees: as chosen, else all that are not `off`."""
    chosen = user.preferences.get(PREFERENCE, {}).get(table, {})
    return [name for name in columns if chosen.get(name, name not in off)]


def choose_of(user: Any, table: str, columns: Sequence[str], names: Collection[str]) -> None:
    """Remember that this person wants to see `names` of the columns of a table, and none of the others."""
    chosen = {name: name in names for name in columns}
    remember(user, PREFERENCE, lambda kept: {**(kept or {}), table: chosen})


def _key(model_admin: Any) -> str:
    return str(model_admin.opts.label_lower)
