"""Which columns of a list somebody sees: chosen in the list, remembered for the person."""

from __future__ import annotations

from collections.abc import Collection
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
    chosen = _of_lists(user).get(_key(model_admin), {})
    first, *others = model_admin.list_display
    return [first, *(name for name in others if chosen.get(name, name not in model_admin.columns_off))]


def choose(model_admin: Any, user: Any, names: Collection[str]) -> None:
    """Remember that this person wants to see `names` and none of the other columns."""
    chosen = {name: name in names for name in model_admin.list_display[1:]}
    remember(user, PREFERENCE, lambda kept: {**(kept or {}), _key(model_admin): chosen})


def _of_lists(user: Any) -> dict[str, dict[str, bool]]:
    found: Any = user.preferences.get(PREFERENCE, {})
    return found


def _key(model_admin: Any) -> str:
    return str(model_admin.opts.label_lower)
