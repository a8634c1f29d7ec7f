"""Tools for segments, and for what waits to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone

from api.mcp.masking import masked
from api.mcp.mcp_tool import Asker, McpTool, ToolRefused
from labels.selectors import stale_contacts
from labels.selectors.stale_contacts import Part, Place
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, SegmentDefinition, definition_schema, parse_definition
from reports.segments.in_words import names_of, segment_in_words
from reports.segments.known import check_known
from reports.segments.members import Members
from reports.selectors.home import open_stale

MOST_SEGMENTS = 200
MOST_STALE = 50
UNREADABLE = "saved in a form that cannot be read any more."


def list_segments(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """The saved segments that the reader sees, each with what it says."""
    rows = list(Segment.objects.visible_to(asker.viewer).order_by("name", "id")[: MOST_SEGMENTS + 1])
    definitions = [_definition(row) for row in rows[:MOST_SEGMENTS]]
    names = names_of(filter(None, definitions), viewer=asker.viewer)
    return {
        "segments": [
            {"segment": row.pk, "name": row.name, "says": segment_in_words(each, names) if each else UNREADABLE}
            for row, each in zip(rows, definitions, strict=False)
        ],
        "more": len(rows) > MOST_SEGMENTS,
    }


def count_segment(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly how many contacts a saved segment, or a definition, means for the reader at this moment."""
    if ("segment" in given) == ("definition" in given):
        raise ToolRefused("Give either `segment`, the id of a saved one, or `definition`.")
    definition, name, page = _saved(asker, given["segment"]) if "segment" in given else _written(asker, given)
    now = timezone.now()
    return {
        "name": name,
        "says": segment_in_words(definition, names_of([definition], viewer=asker.viewer)),
        "count": Members(definition, asker.viewer, now).count(),
        "computed_at": timezone.localtime(now).isoformat(),
        "page": page,
    }


def _saved(asker: Asker, pk: int) -> tuple[SegmentDefinition, str, str]:
    row = Segment.objects.visible_to(asker.viewer).filter(pk=pk).first()
    if row is None:
        raise ToolRefused(f"There is no segment {pk}. `list_segments` says which there are.")
    page, definition = asker.link(reverse("admin:segments-edit", args=[pk])), _definition(row)
    if definition is None:
        raise ToolRefused(f"Segment {pk} was {UNREADABLE} It is put right at {page}")
    return definition, row.name, page


def _definition(segment: Segment) -> SegmentDefinition | None:
    """None for one of an older grammar."""
    try:
        return parse_definition(segment.definition)
    except InvalidDefinition:
        return None


def _written(asker: Asker, given: Mapping[str, Any]) -> tuple[SegmentDefinition, str, str]:
    try:
        definition = parse_definition(given["definition"])
        check_known(definition, viewer=asker.viewer)
    except InvalidDefinition as wrong:
        raise ToolRefused(f"definition.{wrong.place}: {wrong.message}") from None
    return definition, "", asker.link(reverse("admin:segments-new"))


def list_stale(asker: Asker, given: Mapping[str, Any]) -> dict[str, Any]:
    """Who has a label for longer than it should be on: how many, and the most urgent ones."""
    flags, now = open_stale(asker.viewer), timezone.now()
    counts = stale_contacts.count(flags)
    lines, _more = stale_contacts.page(flags, viewer=asker.viewer, place=Place(now), size=MOST_STALE, part=Part.ALL)
    return {
        "contacts": counts.contacts,
        "labels": counts.labels,
        "most_urgent": [
            {
                **masked(line.contact, asker),
                "labels": [
                    {"label": str(stale.label), "days": stale.age.days, "limit_days": stale.flag.limit_days}
                    for stale in line.labels
                ],
                "cs": line.owners,
            }
            for line in lines
        ],
        "computed_at": timezone.localtime(now).isoformat(),
        "page": asker.link(reverse("admin:labels_staleflag_changelist")),
    }


TOOLS = (
    McpTool(
        name="list_segments",
        title="List the segments",
        description="The saved segments of contacts, each with what it says in words.",
        answer=list_segments,
        rights=("reports.view_segment",),
    ),
    McpTool(
        name="count_segment",
        title="Count a segment",
        description="How many contacts a saved segment or a definition means now, exactly, as its reader sees them.",
        answer=count_segment,
        rights=("reports.view_segment", "contacts.view_contact"),
        parameters={
            "segment": {"type": "integer", "minimum": 1, "description": "The id of a saved segment."},
            "definition": {**definition_schema(), "description": "Conditions, as the API takes them."},
        },
    ),
    McpTool(
        name="list_stale",
        title="See what waits",
        description="Labels that have been on for longer than their limit: how many, and the most urgent contacts.",
        answer=list_stale,
        rights=("labels.view_staleflag", "contacts.view_contact"),
    ),
)
