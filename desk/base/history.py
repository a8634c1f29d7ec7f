"""What the history button of a row shows: its entries in the audit trail, in the words of the page.

Services write there and nowhere else, so that what came through the API, an import or a job is in it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Model, QuerySet
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labelcrm.core.models import AuditEntry
from labelcrm.core.viewer import Viewer

# What was done, by the second half of an entry's action; the first half is the kind of thing it was done to.
ACTIONS = {
    "archived": gettext_lazy("archived"),
    "asked": gettext_lazy("requested"),
    "awaited": gettext_lazy("label to be taken off in WhatsApp"),
    "campaign": gettext_lazy("campaign set"),
    "cancelled": gettext_lazy("cancelled"),
    "changed": gettext_lazy("changed"),
    "chosen": gettext_lazy("second look"),
    "confirmed": gettext_lazy("confirmed"),
    "connected": gettext_lazy("connected"),
    "costs": gettext_lazy("costs changed"),
    "created": gettext_lazy("created"),
    "dismissed": gettext_lazy("suggestion dismissed"),
    "drawn": gettext_lazy("sample drawn for a second look"),
    "exported": gettext_lazy("exported"),
    "fixed": gettext_lazy("contradiction fixed"),
    "forgotten": gettext_lazy("forgotten"),
    "handed_over": gettext_lazy("handed over"),
    "handover_undone": gettext_lazy("handover undone"),
    "imported": gettext_lazy("imported"),
    "labels": gettext_lazy("labels chosen"),
    "members": gettext_lazy("members changed"),
    "merged": gettext_lazy("merged"),
    "named": gettext_lazy("named"),
    "names_allowed": gettext_lazy("names may be proposed again"),
    "names_refused": gettext_lazy("names not the same"),
    "note_added": gettext_lazy("note added"),
    "opted_out": gettext_lazy("opted out"),
    "owner_set": gettext_lazy("owner set"),
    "paused": gettext_lazy("paused"),
    "put_off": gettext_lazy("put off on the Today page"),
    "read": gettext_lazy("read in bulk"),
    "recipients": gettext_lazy("recipients changed"),
    "remap_taken_back": gettext_lazy("meaning taken back"),
    "remapped": gettext_lazy("meaning decided"),
    "removed": gettext_lazy("free day removed"),
    "replayed": gettext_lazy("processed again"),
    "restored": gettext_lazy("restored"),
    "retried": gettext_lazy("tried again"),
    "revoked": gettext_lazy("taken back"),
    "right": gettext_lazy("both labels are right"),
    "run": gettext_lazy("run by hand"),
    "said_fixed": gettext_lazy("done in WhatsApp, as said on the Today page"),
    "saved": gettext_lazy("saved"),
    "secret_set": gettext_lazy("secret renewed"),
    "secret_shown": gettext_lazy("secret shown"),
    "sent": gettext_lazy("sent"),
    "set_here": gettext_lazy("label set from here"),
    "settled": gettext_lazy("settled on the Today page"),
    "shift_added": gettext_lazy("shift added"),
    "snoozed": gettext_lazy("still right: clock restarted"),
    "spelling": gettext_lazy("spelling added"),
    "spelling_removed": gettext_lazy("spelling removed"),
    "started": gettext_lazy("started"),
    "taken_back": gettext_lazy("second look taken back"),
    "taken_off_here": gettext_lazy("label set from here taken off"),
    "team_limit": gettext_lazy("limit of a team set"),
    "team_limit_removed": gettext_lazy("limit of a team removed"),
    "trained": gettext_lazy("suggestions learned"),
    "undone": gettext_lazy("undone on the Today page"),
    "unmerged": gettext_lazy("parted again"),
    "values": gettext_lazy("values changed"),
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry of a history, named as Django's page of histories asks for it."""

    entry: AuditEntry
    changes: Sequence[str]

    @property
    def action_time(self) -> datetime:
        return self.entry.at

    @property
    def user(self) -> Any:
        return self.entry.actor

    def get_change_message(self) -> str:
        done = str(capfirst(action_name(self.entry)))
        return f"{done}. {'; '.join(self.changes)}" if self.changes else done


def lines(model: type[Model], page: Iterable[AuditEntry], *, viewer: Viewer) -> list[HistoryEntry]:
    """The entries of one page in words. Rows that were chosen are named, to who sees them, by one query per column."""
    found = list(page)
    names = _names(model, found, viewer)
    return [HistoryEntry(entry, list(_changes(model, entry, names))) for entry in found]


def entries(obj: Model) -> QuerySet[AuditEntry]:
    """The audit entries of one row, newest first."""
    rows = AuditEntry.objects.filter(object_type=obj._meta.label_lower, object_id=obj.pk)
    return rows.select_related("actor").order_by("-id")


def name_objects(entries: Iterable[AuditEntry], *, viewer: Viewer) -> None:
    """Set `object_shown` of each: what its object was called, and of a person what they are called now.

    Who may not see a person reads "contact #12", and so does everybody of one who was erased. One query per kind.
    """
    found = list(entries)
    ids: dict[str, set[int]] = defaultdict(set)
    for entry in found:
        if not entry.object_name and entry.object_id is not None:
            ids[entry.object_type].add(entry.object_id)
    names = {kind: _names_of(kind, keys, viewer) for kind, keys in ids.items()}
    for entry in found:
        shown = entry.object_name or names.get(entry.object_type, {}).get(entry.object_id, "")
        entry.object_shown = shown  # type: ignore[attr-defined]


def _names_of(kind: str, keys: set[int], viewer: Viewer) -> dict[int | None, str]:
    try:
        model = apps.get_model(kind)
    except (LookupError, ValueError):
        return {pk: f"#{pk}" for pk in keys}
    unknown: dict[int | None, str] = {pk: f"{model._meta.verbose_name} #{pk}" for pk in keys}
    may_see = viewer.may(f"{model._meta.app_label}.view_{model._meta.model_name}")
    rows: Any = model._base_manager.all()
    if not may_see or not hasattr(rows, "visible_to"):
        return unknown
    return unknown | {pk: str(row) for pk, row in rows.visible_to(viewer).in_bulk(keys).items()}


def action_name(entry: AuditEntry) -> str:
    """What an entry says was done."""
    verb = entry.action.partition(".")[2]
    return str(ACTIONS.get(verb, verb.replace("_", " ") or entry.action))


Names = Mapping[str, Mapping[Any, Any]]


def _names(model: type[Model], page: Iterable[AuditEntry], viewer: Viewer) -> Names:
    """Of each column that points to rows, the rows that the changes mention and the viewer sees."""
    mentioned: dict[str, set[Any]] = defaultdict(set)
    for entry in page:
        for name, values in entry.details.get("changes", {}).items():
            if getattr(_field(model, name), "many_to_one", False):
                mentioned[name].update(value for value in values if value is not None)
    return {name: _seen(_field(model, name).related_model, viewer).in_bulk(keys) for name, keys in mentioned.items()}


def _seen(model: type[Model], viewer: Viewer) -> QuerySet[Any]:
    rows: Any = model._base_manager.all()
    return rows.visible_to(viewer) if hasattr(rows, "visible_to") else rows


def _changes(model: type[Model], entry: AuditEntry, names: Names) -> Iterator[str]:
    for name, values in entry.details.get("changes", {}).items():
        old, new = (_shown(_field(model, name), _named(names, name, value)) for value in values)
        yield f"{_title(model, name)}: {old} → {new}"
    yield from (_title(model, name) for name in entry.details.get("private", []))


def _named(names: Names, column: str, value: Any) -> Any:
    """The row behind an id; "#id" for one that the reader may not see or that is gone."""
    if column not in names or value is None:
        return value
    return names[column].get(value, f"#{value}")


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _title(model: type[Model], name: str) -> str:
    return str(getattr(_field(model, name), "verbose_name", name.replace("_", " ")))


def _shown(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, DateTimeField) and value:
        at = parse_datetime(value)
        return str(format_date(timezone.localtime(at), "DATETIME_FORMAT")) if at else value
    return "–" if value in (None, "", [], {}) else str(value)[:200]
