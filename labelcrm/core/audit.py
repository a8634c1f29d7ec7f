"""Writing the audit trail, and the one rule of what it may hold.

Who did what to whom is kept for ever; what a customer is called is not. So a row about a person names them by id, and
of words typed by or about them it keeps only that there were some: an erased name must not live on here. The name is
looked up when a row is shown, with the rights of who looks (`desk.base.history`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import models
from django.utils import timezone

from labelcrm.core.bulk import copy_rows, execute
from labelcrm.core.models import AuditEntry
from labelcrm.lib.numbers import whole_number

# What the trail calls by name, and of which it keeps every detail: things of the business, none of them a customer.
# Whatever is not listed is taken for a person's: ids only.
NAMED = frozenset(
    {
        "auth.group", "contacts.agent", "contacts.campaign", "contacts.campaignrule", "contacts.channel",
        "contacts.optoutword", "contacts.team", "core.setting", "core.user", "labels.category", "labels.channellabel",
        "labels.contradictionrule", "labels.freeday", "labels.label", "labels.labelalias",
        "labels.staleclock", "transfer.conversionevent",
        "transfer.metaconnection",
    }
)  # fmt: skip
# Of everything else: the details that hold words of the program, by action. "" is every action.
CODES: Mapping[str, frozenset[str]] = {
    "": frozenset({"fields", "origin", "private"}),
    "brief.sent": frozenset({"way"}),
    "campaigns.exported": frozenset({"format", "sha256"}),
    "campaigns.imported": frozenset({"format", "state"}),
    "contact.merged": frozenset({"reason"}),
    "contact.unmerged": frozenset({"reason"}),
    "contacts.exported": frozenset({"format", "sha256"}),
    "contacts.imported": frozenset({"format", "state"}),
    "conversions.exported": frozenset({"sha256", "target"}),
    "events.exported": frozenset({"columns", "format", "sha256"}),
    "exportschedule.paused": frozenset({"reason"}),
    "intervals.exported": frozenset({"columns", "format", "sha256"}),
    "label_mapping.imported": frozenset({"format", "state"}),
    "report.exported": frozenset({"filters", "format", "report", "sha256"}),  # after every value was found to be one
    "rows.read": frozenset({"resource"}),
    "segments.exported": frozenset({"format", "sha256"}),
    "today.put_off": frozenset({"kinds"}),
    "today.said_fixed": frozenset({"kinds"}),
    "today.settled": frozenset({"kinds"}),
    "token.created": frozenset({"for_user"}),
    "token.revoked": frozenset({"for_user"}),
}
HIDDEN = "…"  # there were words
_CODE = re.compile(r"[\w.:+@-]{1,150}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d|Z)?)?", re.ASCII)
# Values of filters that are no id and no day. A long number may be a phone that somebody looked for.
_FILTER_WORDS = frozenset({"due", "false", "none", "planned", "true", "unmapped"})
_LONGEST_ID = 10**9


class NewEntry(NamedTuple):
    """An audit row that is not written yet, by its columns: a model for each of many thousands is dear."""

    actor_id: int | None
    action: str
    object_type: str
    object_id: int | None
    object_name: str
    details: dict[str, Any]


def record(*, actor: Any, action: str, obj: models.Model | None = None, **details: Any) -> AuditEntry:
    """One audit row for an action on `obj`, in the caller's transaction. `actor` is a user or None (the system)."""
    return write(entry(actor=actor, action=action, obj=obj, **details))


def write(new: NewEntry) -> AuditEntry:
    """An audit row that was made before."""
    row = AuditEntry(**new._asdict())
    row.save(force_insert=True)
    return row


def record_all(entries: Iterable[NewEntry]) -> None:
    """Many audit rows at once, in the caller's transaction."""
    now = timezone.now()
    copy_rows(
        AuditEntry._meta.db_table,
        ("at", "actor_id", "action", "object_type", "object_id", "object_name", "details"),
        (
            (now, e.actor_id, e.action, e.object_type, e.object_id, e.object_name, json.dumps(e.details))
            for e in entries
        ),
    )


def record_found(query: str, values: Mapping[str, Any], *, model: type[models.Model], actor: Any) -> None:
    """An audit row for each row of a query (action, id, details as jsonb) about people's rows, in their order.

    Whoever writes the query puts nothing but ids, times and codes into the details: nothing is left out here.
    """
    kind = model._meta.label_lower
    assert kind not in NAMED, "these are called by their names"
    execute(
        "INSERT INTO core_auditentry (at, actor_id, action, object_type, object_id, object_name, details)"  # noqa: S608
        " SELECT %(audit_at)s, %(audit_actor)s, action, %(audit_kind)s, id, '', details"
        f" FROM ({query}) AS found (action, id, details)",
        {**values, "audit_at": timezone.now(), "audit_actor": getattr(actor, "pk", None), "audit_kind": kind},
    )


def entry(*, actor: Any, action: str, obj: models.Model | None = None, **details: Any) -> NewEntry:
    """The audit row that `record` would write, for `record_all`. What may not be kept is left out here."""
    kind = obj._meta.label_lower if obj is not None else ""
    return NewEntry(
        actor_id=getattr(actor, "pk", None),
        action=action,
        object_type=kind,
        object_id=obj.pk if obj is not None else None,
        object_name=str(obj)[:200] if kind in NAMED else "",
        details=details if kind in NAMED else _kept(action, details),
    )


def may_keep(row: models.Model, field: str) -> bool:
    """Whether the trail may keep the values of a column; never what a person is called or wrote."""
    column = row._meta.get_field(field)
    is_text = isinstance(column, (models.CharField, models.TextField, models.JSONField)) and not column.choices
    return row._meta.label_lower in NAMED or not is_text


def kept_filters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Which filters narrowed a list, as the query says it; of what somebody looked for only that they did.

    >>> kept_filters({"label": ["12"], "q": ["Ratna"]})
    {'label': ['12'], 'q': ['…']}
    """
    return {name: _filter_value(value) for name, value in filters.items() if _CODE.fullmatch(name)}


def _filter_value(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_filter_value(item) for item in value]
    text = str(value)
    is_plain = text in _FILTER_WORDS or _MOMENT.fullmatch(text) or whole_number(text, largest=_LONGEST_ID) is not None
    return text if is_plain or not text else HIDDEN


def _kept(action: str, details: Mapping[str, Any]) -> dict[str, Any]:
    codes = CODES[""] | CODES.get(action, frozenset())
    kept = {}
    for name, value in details.items():
        if name == "filters" and name not in codes:
            kept[name] = kept_filters(value)
        else:
            kept[name] = _codes(value) if name in codes else _ids(value)
    return kept


def _ids(value: Any) -> Any:
    """Ids, numbers, yes and no, and times as they are; any other text hidden."""
    return _each(value, lambda text: text if not text or _MOMENT.fullmatch(text) else HIDDEN)


def _codes(value: Any) -> Any:
    return _each(value, lambda text: text if not text or _CODE.fullmatch(text) else HIDDEN)


def _each(value: Any, of_text: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each(item, of_text) for key, item in value.items() if _CODE.fullmatch(str(key))}
    if isinstance(value, (list, tuple)):
        return [_each(item, of_text) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else of_text(str(value))
