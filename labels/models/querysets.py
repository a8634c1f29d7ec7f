"""Which label rows a person may see, and the conditions that lists and the API share."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from contacts.models import Contact
from contacts.models.querysets import OfChannelQuerySet
from labelcrm.core.soft_deletion import ArchivableQuerySet
from labelcrm.core.viewer import Viewer

# Labels that a WhatsApp name made and that nobody has given a place: "not mapped yet" (docs/metrics.md).
UNMAPPED = Q(reviewed=False, category__isnull=True)


class LabelQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self


class AssignmentQuerySet(OfChannelQuerySet):
    def active(self) -> Self:
        """Labels that are on now; system lists and archived contacts count nowhere."""
        return self.filter(removed_at__isnull=True, channel_label__hidden=False, contact__deleted_at__isnull=True)


class StaleFlagQuerySet(models.QuerySet[Any]):
    """Rows that hang on a contact only: seen by whoever sees the contact."""

    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(contact__in=Contact.objects.visible_to(viewer))
