"""The contact list by value: whose stage is worth most comes first (`labels.rules.urgency`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import BooleanField, IntegerField, Model, QuerySet, Value, prefetch_related_objects
from django.db.models.expressions import RawSQL

from desk.base.keyset import Keyset
from labelcrm.core.bulk import positional
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import whole_number
from labels.selectors.stale_contacts import labels_by_value
from reports.selectors.filtered_spells import FilteredSpells, Filters

NO_STAGE = 0  # worth less than any


class ByValue(Keyset):
    """Contacts by the value of the stage that `viewer` sees them in; whoever is in none comes last, either way.

    Stages of one value are walked in the order of contacts, one value after the other, as far as a page needs and in
    two queries at most: nothing is kept for it, and whoever changes what a label is worth changes the order at once.
    """

    def __init__(self, viewer: Viewer, *, descending: bool = True) -> None:
        super().__init__("value", "id", descending=descending)
        self._viewer = viewer

    def turned(self, *, descending: bool) -> ByValue:
        return ByValue(self._viewer, descending=descending)

    def _walk(self, rows: QuerySet[Any], place: list[Any] | None, size: int, *, forward: bool) -> list[Any]:
        labels = labels_by_value()
        channels = None if self._viewer.everything else self._viewer.channels
        seen = FilteredSpells.of(Filters(channels=channels), crm_only=True)
        way = "-" if self.descending == forward else ""
        related: Any = rows  # with what is to be looked up for the rows of the page
        plain, found = rows.prefetch_related(None), list[Any]()
        for values in _together(self._from(place, labels, forward=forward)):
            parts = []
            for turn, value in enumerate(values):
                part = plain.filter(_in_stage(seen, None if value == NO_STAGE else labels.get(value, [])))
                if place and place[0] == value:
                    part = part.filter(**{"id__lt" if way else "id__gt": place[1]})
                part = part.annotate(value=_whole(value), turn=_whole(turn)).order_by(f"{way}id")
                parts.append(part[: size - len(found)])
            if len(parts) > 1:
                parts = [parts[0].union(*parts[1:], all=True).order_by("turn", f"{way}id")[: size - len(found)]]
            found += parts[0]
            if len(found) == size:
                break
        prefetch_related_objects(found, *related._prefetch_related_lookups)  # once, whatever the number of queries
        return found

    def _from(self, place: list[Any] | None, values: Iterable[int], *, forward: bool) -> list[int]:
        """The values in the order in which they are met, from that of `place` on, which no label may have any more."""
        known = {*values, place[0]} if place else {*values}
        order = [*sorted(known - {NO_STAGE}, reverse=self.descending), NO_STAGE]
        order = order if forward else order[::-1]
        return order[order.index(place[0]) :] if place else order

    def _read(self, model: type[Model], name: str, part: Any) -> Any:
        if name != "value":
            return super()._read(model, name, part)
        value = whole_number(str(part))
        if value is None:
            raise ValueError(name)
        return value


def _together(values: list[int]) -> Iterator[list[int]]:
    """What is asked for at once: the first value, which fills most pages, and then all the others."""
    yield values[:1]
    if len(values) > 1:
        yield values[1:]


def _whole(number: int) -> Value:
    return Value(number, output_field=IntegerField())


def _in_stage(seen: FilteredSpells, labels: list[int] | None) -> RawSQL:
    """Whether the stage of a contact is one of the labels; None asks whether there is none."""
    chosen = "true" if labels is None else "s.label_id = ANY(%(of_value)s::bigint[])"
    condition = seen.stage_of("contacts_contact.id", chosen)
    statement, values = positional(condition, {**seen.parameters, "of_value": labels})
    # The words are this module's and the selector's own; values stand apart.
    return RawSQL(f"NOT {statement}" if labels is None else statement, values, output_field=BooleanField())  # noqa: S611
