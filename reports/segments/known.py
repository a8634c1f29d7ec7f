"""Whether there is what a definition names, as far as whoever writes it down sees it.

A saved definition is read by others, and later: what they do not see, or what is no longer there, means nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contacts.models import Agent, Campaign, Channel, Team
from labelcrm.core.viewer import Viewer
from labels.models import Category, Label
from reports.segments.definition import SegmentDefinition, unknown_value

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
    """Raises InvalidDefinition for the first value that names nothing the viewer can see; a query per kind of thing."""
    named = [
        (f"{condition.place}.{argument}[{i}]", argument, value)
        for condition in definition.conditions
        for argument in condition.values.keys() & SOURCES.keys()
        for i, value in enumerate(condition.values[argument])
        if value is not None
    ]
    known = {argument: _known(argument, named, viewer) for argument in {argument for _place, argument, _v in named}}
    for place, argument, value in sorted(named, key=lambda each: each[0]):
        if value not in known[argument]:
            raise unknown_value(place)


def _known(argument: str, named: list[tuple[str, str, Any]], viewer: Viewer) -> set[Any]:
    rows, column = SOURCES[argument]
    wanted = {value for _place, each, value in named if each == argument}
    return set(rows(viewer).filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
