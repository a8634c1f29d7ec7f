"""Creating, changing, archiving and restoring a row that people keep, each with its audit row in one transaction.

The services of an app are built from these; what a rule forbids is raised as Django's ValidationError, which
forms, admin and API all know how to show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labelcrm.core import audit

Row = TypeVar("Row", bound=models.Model)


def create(model: type[Row], *, actor: Any, origin: str, **values: Any) -> Row:
    """A new row. Raises ValidationError when a field or a rule of the model refuses it."""
    with _transaction():
        row = model(**values)
        _check(row)
        row.save(force_insert=True)
        audit.record(actor=actor, action=_action_on(row, "created"), obj=row, origin=origin, values=_plain(values))
    return row


def change(row: Row, *, actor: Any, origin: str, private: frozenset[str] = frozenset(), **values: Any) -> Row:
    """`row` with `values`, read and written under a lock; nothing is written or audited when nothing differs.

    `private` names fields of which the audit trail keeps only that they changed; to these come all that
    `audit.may_keep` forbids. Raises ValidationError.
    """
    with _transaction():
        fresh = locked(row)
        entry = revise(fresh, actor=actor, origin=origin, private=private, **values)
        if entry is not None:
            _check(fresh)
            fresh.save()
            audit.write(entry)
    return fresh


def revise(
    row: models.Model, *, actor: Any, origin: str, private: frozenset[str] = frozenset(), **values: Any
) -> audit.NewEntry | None:
    """Give a locked row its `values`, and return the audit row that says so; None when nothing differs.

    Both are the caller's to check and to write.
    """
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    if not before:
        return None
    for name in before:
        setattr(row, name, values[name])
    hidden = {name for name in before if name in private or not audit.may_keep(row, name)}
    changes = {name: [old, values[name]] for name, old in before.items() if name not in hidden}
    details = {"origin": origin, "changes": _plain(changes), "private": sorted(hidden)}
    return audit.entry(actor=actor, action=_action_on(row, "changed"), obj=row, **details)


def archive(row: Row, *, actor: Any, origin: str) -> Row:
    """Hide `row`; it stays with everything that hangs on it. Archiving twice changes nothing."""
    return _set_archived(row, actor=actor, origin=origin, archived=True)


def restore(row: Row, *, actor: Any, origin: str) -> Row:
    """Show an archived `row` again. Raises ValidationError when its name is taken by now."""
    return _set_archived(row, actor=actor, origin=origin, archived=False)


def locked(row: Row) -> Row:
    """`row` as it is now, locked until the end of the transaction; archived ones too.

    The weaker lock lets others go on pointing at the row: the drain inserts rows that refer to labels and contacts.
    """
    return type(row)._base_manager.select_for_update(of=("self",), no_key=True).get(pk=row.pk)


def _set_archived(row: Row, *, actor: Any, origin: str, archived: bool) -> Row:
    with _transaction():
        fresh: Any = locked(row)
        if fresh.is_archived != archived:
            fresh.deleted_at = timezone.now() if archived else None
            _check(fresh)
            fresh.save()
            action = "archived" if archived else "restored"
            audit.record(actor=actor, action=_action_on(fresh, action), obj=fresh, origin=origin)
    return fresh


def _check(row: models.Model) -> None:
    """Everything the model demands; a name that is taken among living rows is an error of that field."""
    row.full_clean(validate_constraints=False)
    for constraint in row._meta.constraints:
        try:
            constraint.validate(type(row), row)
        except ValidationError:
            if not isinstance(constraint, models.UniqueConstraint) or len(constraint.fields) != 1:
                raise
            field = constraint.fields[0]
            raise ValidationError({field: row.unique_error_message(type(row), (field,))}) from None


@contextmanager
def _transaction() -> Iterator[None]:
    """One transaction; a constraint that only the database saw (two people at once) is a ValidationError too."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ValidationError(_("Somebody else saved the same just now."), code="conflict") from error


def _action_on(row: models.Model, action: str) -> str:
    return f"{row._meta.model_name}.{action}"


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it: a row by its id, times in ISO 8601."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
