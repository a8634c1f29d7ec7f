"""Writing the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from .bulk import copy_rows
from .models import AuditEntry


def record(*, actor: Any, action: str, obj: models.Model | None = None, **details: Any) -> AuditEntry:
    """One audit row for a deed on `obj`, in the caller's transaction. `actor` is a user or None (the system)."""
    row = entry(actor=actor, action=action, obj=obj, **details)
    row.save(force_insert=True)
    return row


def record_all(entries: Iterable[AuditEntry]) -> None:
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


def entry(*, actor: Any, action: str, obj: models.Model | None = None, **details: Any) -> AuditEntry:
    """The audit row that `record` would write, for `record_all`."""
    return AuditEntry(
        actor_id=getattr(actor, "pk", None),
        action=action,
        object_type=obj._meta.label_lower if obj is not None else "",
        object_id=obj.pk if obj is not None else None,
        object_name=str(obj)[:200] if obj is not None else "",
        details=details,
    )
