"""What people said is not the same is remembered: nothing proposes it again, and no number maps it by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from labelcrm.core import audit
from labels.models import Label, RefusedName
from labels.rules.naming import normalize


@transaction.atomic
def refuse(names: Iterable[str], *, label: Label | None, others: Iterable[str] = (), actor: Any) -> int:
    """Say that `names` do not mean `label`, or where there is none that they are not the same as `others`.

    Returns how many pairs that is.
    """
    first = sorted({normalize(name) for name in names})
    second = sorted({normalize(name) for name in others}) if label is None else [""]
    pairs = [(one, other) for one in first for other in second if one != other]
    RefusedName.objects.bulk_create(
        [RefusedName(normalized=one, label=label, other=other, refused_by=actor) for one, other in pairs],
        ignore_conflicts=True,
    )
    audit.record(
        actor=actor, action="label.names_refused", obj=label, names=first, others=[each for each in second if each]
    )
    return len(pairs)


@transaction.atomic
def allow_again(names: Iterable[str], *, label: Label | None, actor: Any) -> int:
    """Take back what was said of these names; returns how much that was."""
    normalized = sorted({normalize(name) for name in names})
    rows = RefusedName.objects.filter(normalized__in=normalized, label=label)
    deleted = rows.delete()[0]
    if deleted:
        audit.record(actor=actor, action="label.names_allowed", obj=label, names=normalized)
    return deleted
