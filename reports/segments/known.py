"""Whether there is what a definition names, as far as whoever writes it down sees it.

A saved definition is read by others, and later: what they do not see, or what is no longer there, means nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils import timezone

from contacts.models import Agent, Campaign, Channel, Team
from labelcrm.core.viewer import Viewer
from labels.models import Category, Label
from reports.segments.behind import FIELD, check_row, things_of_report
from reports.segments.definition import Condition, SegmentDefinition, unknown_value

# Where the values of an argument come from: archived rows too, for what they did stays.
SOURCES: Mapping[str, tuple[Callable[[Viewer], Any], str]] = {
    "labels": (Label.all_objects.visible_to, "id"),
    "agents": (Agent.all_objects.visible_to, "id"),
    "campaigns": (Campaign.all_objects.visible_to, "id"),
    "teams": (Team.all_objects.visible_to, "id"),
    "channels": (Channel.all_objects.visible_to, "key"),
    "categories": (lambda viewer: Category.objects.all(), "code"),
}


def check_known(definition: SegmentDefinition, *, viewer: Viewer) -> None:
    """Raises InvalidDefinition for the first value that names nothing the viewer can see; a query per kind of thing.

    A number of a report is looked for by asking the report.
    """
    named = [each for condition in definition.conditions for each in _named(condition)]
    known = {argument: _known(argument, named, viewer) for argument in {argument for _place, argument, _v in named}}
    for place, argument, value in sorted(named, key=lambda each: each[0]):
        if value not in known[argument]:
            raise unknown_value(place)
    for condition in definition.conditions:
        if condition.field == FIELD:
            check_row(condition, viewer=viewer, now=timezone.now())


def things_of(condition: Condition) -> Iterator[tuple[str, Any]]:
    """What a condition names: argument of SOURCES and value, None left out."""
    if condition.field == FIELD:
        yield from things_of_report(condition)
    yield from ((argument, value) for _place, argument, value in _named(condition))


def _named(condition: Condition) -> Iterator[tuple[str, str, Any]]:
    for argument in condition.values.keys() & SOURCES.keys():
        for i, value in enumerate(condition.values[argument]):
            if value is not None:
                yield f"{condition.place}.{argument}[{i}]", argument, value


def _known(argument: str, named: list[tuple[str, str, Any]], viewer: Viewer) -> set[Any]:
    rows, column = SOURCES[argument]
    wanted = {value for _place, each, value in named if each == argument}
    return set(rows(viewer).filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
