"""Archive instead of delete: `deleted_at`, a manager that hides, and a manager that shows."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _


class ArchivableQuerySet(models.QuerySet[Any]):
    def living(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def archived(self) -> Self:
        return self.filter(deleted_at__isnull=False)


class LivingManager(models.Manager[Any]):
    """Hides archived rows. Combine with a queryset by `LivingManager.over(SomeQuerySet)()`."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at__isnull=True)

    @classmethod
    def over(cls, queryset: type[ArchivableQuerySet]) -> Any:
        return cls.from_queryset(queryset)()


class Archivable(models.Model):
    """A row that people archive and restore. A subclass names its two managers:

    `objects = LivingManager.over(SomeQuerySet)` hides archived rows, `all_objects = SomeQuerySet.as_manager()`
    shows them; foreign keys always resolve through `all_objects`.
    """

    deleted_at = models.DateTimeField(_("archived at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        base_manager_name = "all_objects"

    @property
    def is_archived(self) -> bool:
        return self.deleted_at is not None
