"""Label events folded into intervals. Pure, and the only place that decides.

For one key (contact, WhatsApp label of one generation) the intervals are a function of the *set* of its
events: any order of arrival, any repeats and any replay give the same result, because the fold orders events
by (time, add before remove, event key) itself. The drain, `rebuild_labels` and the tests all call `fold`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

OPENED, CLOSED, NONE = "opened", "closed", "none"
REMOVED, LABEL_DELETED, GONE_BY_REPAIR = "removed", "label_deleted", "reconcile"
RECONCILE = "reconcile"


class LabelChange(Protocol):
    """What is folded: one add (`on`) or remove of one key. `id` is the LabelEvent's, `key` its event key."""

    @property
    def id(self) -> int: ...
    @property
    def on(self) -> bool: ...
    @property
    def at(self) -> datetime: ...
    @property
    def key(self) -> str: ...
    @property
    def origin(self) -> str: ...


F = TypeVar("F", bound=LabelChange)


def order(change: LabelChange) -> tuple[datetime, bool, str]:
    """The place of a change among the others of its key; an add comes before a remove of the same time."""
    return (change.at, not change.on, change.key)


class FoldedInterval(NamedTuple, Generic[F]):
    """The key was on in `[opener.at, ended_at)`; `ended_at` None means it still is.

    `closer` is the removal that ended it; None for an open one and for one that ended with its label.
    """

    opener: F
    ended_at: datetime | None = None
    closer: F | None = None
    reason: str = ""


class Folded(NamedTuple, Generic[F]):
    """The intervals of one key in order, and what each change did ("opened", "closed" or "none") by its id."""

    intervals: list[FoldedInterval[F]]
    effects: dict[int, str]


def fold(changes: Iterable[F], *, opener: F | None = None, deleted_at: datetime | None = None) -> Folded[F]:
    """Intervals of one key from its changes, each given once.

    `opener` continues from an interval that is open already: then every change must come after all that made it.
    `deleted_at` is when the label itself was deleted: what is still on then ends with it, and what is told of
    it later (WhatsApp may take it off every chat as well) changes nothing.
    """
    intervals: list[FoldedInterval[F]] = []
    effects: dict[int, str] = {}
    current = opener
    for change in sorted(changes, key=order):
        if deleted_at is not None and change.at > deleted_at:
            effects[change.id] = NONE
        elif change.on and current is None:
            current, effects[change.id] = change, OPENED
        elif not change.on and current is not None:
            intervals.append(FoldedInterval(current, change.at, change, _reason(change)))
            current, effects[change.id] = None, CLOSED
        else:
            effects[change.id] = NONE
    if current is not None:
        intervals.append(_last(current, deleted_at))
    return Folded(intervals, effects)


def _last(opener: F, deleted_at: datetime | None) -> FoldedInterval[F]:
    if deleted_at is None:
        return FoldedInterval(opener)
    return FoldedInterval(opener, max(opener.at, deleted_at), None, LABEL_DELETED)


def _reason(closer: LabelChange) -> str:
    return GONE_BY_REPAIR if closer.origin == RECONCILE else REMOVED


@dataclass(frozen=True, slots=True)
class Generation:
    """One life of a WhatsApp label id: everything in `(previous end, ended_at]` belongs to it."""

    number: int
    ended_at: datetime | None


def generations(deletions: Iterable[datetime], *, lives: Iterable[datetime]) -> list[Generation]:
    """The generations of one label id of one channel, at least one, in order.

    `deletions` are the times it was deleted, `lives` the times something showed it alive (saved, or put on a
    chat). A deletion of a label that nothing showed alive since the last one is a repeat and ends nothing;
    the first deletion always ends the first generation. The last generation is open only when something
    lived after the last deletion, or nothing was ever deleted.
    """
    alive_at = sorted(lives)
    ends: list[datetime] = []
    for deleted in sorted(deletions):
        if not ends or any(ends[-1] < lived <= deleted for lived in alive_at):
            ends.append(deleted)
    found = [Generation(number, ended) for number, ended in enumerate(ends, start=1)]
    if not ends or (alive_at and alive_at[-1] > ends[-1]):
        found.append(Generation(len(ends) + 1, None))
    return found


def generation_at(moment: datetime, among: Iterable[Generation]) -> Generation:
    """The generation that covers `moment`; what comes after the last end belongs to the last one."""
    last: Generation | None = None
    for generation in among:
        last = generation
        if generation.ended_at is None or moment <= generation.ended_at:
            return generation
    assert last is not None, "there is always a first generation"
    return last
