"""Which label rows a person may see, and the conditions that lists and the API share."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import BooleanField, OuterRef, Q, Subquery, Value

from contacts.models import Contact
from contacts.models.querysets import OfChannelQuerySet
from labelcrm.core.soft_deletion import ArchivableQuerySet
from labelcrm.core.viewer import NOBODY, Viewer

# Labels that a WhatsApp name made and that nobody has given a place: "not mapped yet" (docs/metrics.md).
UNMAPPED = Q(reviewed=False, category__isnull=True)
# Labels that say how good a contact is (docs/metrics.md, "CS quality", Share graded high).
GRADING = Q(high_quality=True) | Q(low_quality=True) | Q(meaning__in=("hot", "cold", "grade"))


class LabelQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self


class OnContactQuerySet(OfChannelQuerySet):
    """Labels on contacts: seen by whoever sees the channel; those that exist only here, by whoever sees the contact."""

    def visible_to(self, viewer: Viewer) -> Self:
        if viewer.everything or viewer.crm == NOBODY:
            return super().visible_to(viewer)
        # Asked row by row: for EXISTS PostgreSQL lists all contacts of the viewer first, whatever a page needs.
        contact = Contact.all_objects.visible_to(viewer).filter(pk=OuterRef("contact_id")).annotate(seen=Value(True))
        seen = Subquery(contact.values("seen")[:1], output_field=BooleanField())
        return self.filter(Q(channel_id__in=viewer.channels) | Q(Q(seen), channel_id=viewer.crm))


class AssignmentQuerySet(OnContactQuerySet):
    def shown(self) -> Self:
        """Those that count: WhatsApp's own lists and archived contacts count nowhere."""
        return self.filter(channel_label__hidden=False, contact__deleted_at__isnull=True)

    def active(self) -> Self:
        """Labels that are on now."""
        return self.shown().filter(removed_at__isnull=True)


class StaleFlagQuerySet(models.QuerySet[Any]):
    """Rows that hang on a contact only: seen by whoever sees the contact."""

    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(contact__in=Contact.objects.visible_to(viewer))


class SampledGradeQuerySet(OnContactQuerySet):
    def counted(self) -> Self:
        """Those of contacts that figures count: archived ones count nowhere."""
        return self.filter(contact__deleted_at__isnull=True)


class HandoverQuerySet(models.QuerySet[Any]):
    """Handovers: seen by whoever sees the CS who left, and by who received something."""

    def visible_to(self, viewer: Viewer) -> Self:
        if viewer.everything:
            return self
        return self.filter(Q(agent__team_id__in=viewer.teams) | Q(receivers__user=viewer.user)).distinct()
