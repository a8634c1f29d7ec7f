"""Flip-flops: a contact goes back to the stage, or to the label of an exclusive group, it had before the last change.

Pure, and a function of one contact's clean spells and stays (docs/metrics.md, "Label activity", Flip-flop). Returns
are rare, so they are marks on the rows that made them, and no rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from labels.rules.spells import CleanSpellRow, Projection, StayRow

WITHIN = timedelta(days=7)


class _Change(NamedTuple):
    """From `at` on the contact had `label`; `place` is the row of it in the list that changes are read from."""

    at: datetime
    label: int
    place: int


_Return: TypeAlias = tuple[_Change, _Change]
"""The change that is taken back and the one that takes it back."""


def with_returns(projection: Projection, *, groups: Mapping[int, str]) -> Projection:
    """The same rows, those that made a return marked. `groups` holds the exclusive group of labels that have one.

    A stay, or a clean spell, that began with a return is a return itself. Where the label that was gone back to had
    never been taken off, the return was made by the end of the other one: that spell says what it returned to.
    """
    stays, spells = _mark_stays(projection.stays), _mark_spells(projection.clean_spells, groups)
    if stays is projection.stays and spells is projection.clean_spells:
        return projection
    return projection._replace(stays=stays, clean_spells=spells)


# Nearly nobody goes back: what cannot be a return is told apart first, for this runs for everybody the drain touches.


def _mark_stays(stays: list[StayRow]) -> list[StayRow]:
    if len(stays) < 3:
        return stays
    found = [*_returns([_Change(stay.started_at, stay.label, place) for place, stay in enumerate(stays)])]
    marked = list(stays) if found else stays
    for _, back in found:
        marked[back.place] = marked[back.place]._replace(is_return=True)
    return marked


def _mark_spells(spells: list[CleanSpellRow], groups: Mapping[int, str]) -> list[CleanSpellRow]:
    if len(spells) < 2:
        return spells
    places: dict[str, list[int]] = {}
    for place, spell in enumerate(spells):
        if spell.label in groups:
            places.setdefault(groups[spell.label], []).append(place)
    possible = [own for own in places.values() if _may_return(spells, own)]
    found = [change for own in possible for change in _returns(_changes(spells, own))]
    marked = list(spells) if found else spells
    for left, back in found:
        _mark(marked, left, back)
    return marked


def _may_return(spells: Sequence[CleanSpellRow], places: Sequence[int]) -> bool:
    """Of two spells the second must lie within the first; of one none comes back."""
    if len(places) != 2:
        return len(places) > 2
    first, second = sorted((spells[place] for place in places), key=attrgetter("started_at"))
    return second.ended_at is not None and _lasts_beyond(first, second.ended_at)


def _mark(spells: list[CleanSpellRow], left: _Change, back: _Change) -> None:
    """The spell that was put on then made the return, else the end of the other one did."""
    if spells[back.place].started_at == back.at:
        spells[back.place] = spells[back.place]._replace(is_return=True)
    else:
        [ended] = [n for n, s in enumerate(spells) if s.label == left.label and s.ended_at == back.at]
        spells[ended] = spells[ended]._replace(return_to=back.label)


def _changes(spells: Sequence[CleanSpellRow], places: Sequence[int]) -> list[_Change]:
    """Of one exclusive group: at each moment the label that came last, of those on; at equal times the lower id."""
    moments = {spells[n].started_at for n in places} | {spells[n].ended_at for n in places}
    changes = []
    for at in sorted(moment for moment in moments if moment is not None):
        on = [n for n in places if spells[n].started_at <= at and _lasts_beyond(spells[n], at)]
        if on:
            top = max(on, key=lambda n: (spells[n].started_at, -spells[n].label))
            changes.append(_Change(at, spells[top].label, top))
    return changes


def _lasts_beyond(spell: CleanSpellRow, at: datetime) -> bool:
    return spell.ended_at is None or spell.ended_at > at


def _returns(steps: Sequence[_Change]) -> Iterator[_Return]:
    """A → B → A, the second change less than WITHIN after the first. Steps that change nothing are passed over."""
    before: _Change | None = None
    left: _Change | None = None
    for step in steps:
        if left is not None and step.label == left.label:
            continue
        if before is not None and left is not None and before.label == step.label and step.at - left.at < WITHIN:
            yield left, step
        before, left = left, step
