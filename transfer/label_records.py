"""Label intervals and label events as rows of a file: the columns of the API, read a few thousand rows at a time.

A column says what the field of the API with its name says (`api.assignments`, `api.label_events`; a test compares
them). Times are ISO 8601 with the offset of the business's time zone, yes and no are `true` and `false`, and what is
not known is empty. Only a phone is written as in every other file, digits without the plus.

Who opted out has rows here, by the id of the contact alone: an analysis without them would be wrong, and nobody can
write to an id. Their `phone` and `lid` stay empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone

from labelcrm.core.bulk import fetch_binary
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labels.models import LabelAssignment, LabelEvent
from transfer.exports import phone_cell
from transfer.models import ExportKind

ADDRESSES = ("phone", "lid")  # how somebody is written to


def names_people(columns: Sequence[str]) -> bool:
    """Whether a file of these columns says how somebody is written to."""
    return not set(ADDRESSES).isdisjoint(columns)


def _actor(agent: str, user: str) -> Any:
    """What people call whoever did it: the agent's name, else the user's, as `api.base.serializers.actor_name`."""
    name = Trim(Concat(f"{user}__first_name", Value(" "), f"{user}__last_name"), output_field=CharField())
    return Coalesce(f"{agent}__name", NullIf(name, Value("")), f"{user}__username", output_field=CharField())


@dataclass(frozen=True, slots=True)
class RecordSource:
    """What rows of one kind are made of: which there are, and where the value of each column stands."""

    kind: ExportKind
    rows: Callable[[], QuerySet[Any]]
    values: Mapping[str, Any]

    def columns(self, *, addresses: bool) -> list[str]:
        """The columns of a file, with or without those by which a contact is written to."""
        return [name for name in self.values if addresses or name not in ADDRESSES]

    def of_ids(self, ids: Sequence[int], *, viewer: Viewer) -> QuerySet[Any]:
        """Those of these rows that are still there for the viewer."""
        found: Any = self.rows()
        return found.visible_to(viewer).filter(pk__in=ids)


INTERVALS = RecordSource(
    ExportKind.INTERVALS,
    LabelAssignment.objects.shown,
    {
        "id": "id",
        "contact": "contact_id",
        "phone": "contact__phone",
        "lid": "contact__lid",
        "label": "label_id",
        "label_name": "label__name",
        "channel_label": "channel_label_id",
        "channel_label_name": "channel_label_name",
        "channel": "channel__key",
        "external_label_id": "channel_label__external_id",
        "added_at": "added_at",
        "added_at_source": "added_at_source",
        "added_by": _actor("added_by", "added_by_user"),
        "added_by_method": "added_by_method",
        "origin": "origin",
        "removed_at": "removed_at",
        "removed_by": _actor("removed_by", "removed_by_user"),
        "removed_reason": "removed_reason",
        "updated_at": "updated_at",
    },
)
EVENTS = RecordSource(
    ExportKind.EVENTS,
    LabelEvent.objects.all,
    {
        "id": "id",
        "contact": "contact_id",
        "channel": "channel__key",
        "channel_label": "channel_label_id",
        "external_label_id": "channel_label__external_id",
        "kind": "kind",
        "occurred_at": "occurred_at",
        "occurred_at_source": "occurred_at_source",
        "capped": "capped",
        "received_at": "received_at",
        "actor": _actor("actor_agent", "actor_user"),
        "actor_method": "actor_method",
        "origin": "origin",
        "effect": "effect",
        "inbox_id": "inbox_id",
    },
)
SOURCES = {source.kind: source for source in (INTERVALS, EVENTS)}


# -- Reading them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordLines:
    """Rows as cells, and by what one sees later whether they would still be written like this.

    `mark` is how many rows there are, the sum of their ids, and the same of those whose contact opted out.
    """

    lines: list[list[str]]
    mark: list[int]


def read(source: RecordSource, ids: Sequence[int], *, viewer: Viewer, columns: Sequence[str]) -> RecordLines:
    """The rows of these ids as the viewer sees them now, in the order of their ids; one query."""
    values = [source.values[name] for name in columns]
    rows = source.of_ids(ids, viewer=viewer).order_by("pk")
    found = _fetch(rows.values_list("pk", "contact__opted_out_at", *values))
    blank = [name in ADDRESSES for name in columns]
    writers = [_WRITERS.get(name, _cell) for name in columns]
    lines, opted_out = [], []
    for pk, opted_out_at, *cells in found:
        line = [write(cell) for write, cell in zip(writers, cells, strict=True)]
        if opted_out_at is not None:
            opted_out.append(pk)
            line = ["" if is_blank else cell for is_blank, cell in zip(blank, line, strict=True)]
        lines.append(line)
    return RecordLines(lines, [len(found), sum(row[0] for row in found), len(opted_out), sum(opted_out)])


def mark(source: RecordSource, ids: Sequence[int], *, viewer: Viewer) -> list[int]:
    """What `RecordLines.mark` of these rows would be now."""
    rows = source.of_ids(ids, viewer=viewer).order_by().values_list("pk", "contact__opted_out_at")
    found = _fetch(rows)
    opted_out = [pk for pk, at in found if at is not None]
    return [len(found), sum(pk for pk, _at in found), len(opted_out), sum(opted_out)]


def _fetch(rows: QuerySet[Any]) -> list[tuple[Any, ...]]:
    """What Django would read, in binary: its loader of times costs more than the query."""
    try:
        return fetch_binary(*rows.query.sql_with_params())
    except EmptyResultSet:  # none is asked for
        return []


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(timezone.get_current_timezone()).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "phone": phone_cell,
    "lid": lambda lid: phones.lid_address(lid) or "",
}
