"""Writing the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import models

from .models import AuditEntry


def record(*, actor: Any, action: str, obj: models.Model | None = None, **details: Any) -> AuditEntry:
    """One audit row for a deed on `obj`, in the caller's transaction. `actor` is a user or None (the system)."""
    return AuditEntry.objects.create(
        actor=actor if getattr(actor, "pk", None) else None,
        action=action,
        object_type=obj._meta.label_lower if obj is not None else "",
        object_id=obj.pk if obj is not None else None,
        object_name=str(obj)[:200] if obj is not None else "",
        details=details,
    )
