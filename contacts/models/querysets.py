"""Which rows a viewer sees, and the lookups that lists and the API share.

Every queryset that pages or the API show goes through `visible_to`. Whose viewer sees what is decided in
`contacts.selectors.viewing`.
"""

from __future__ import annotations

from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from labelcrm.core.soft_deletion import ArchivableQuerySet
from labelcrm.core.viewer import Viewer


class TeamQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(id__in=viewer.teams)


class AgentQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(Q(team_id__in=viewer.teams) | Q(id=viewer.agent))


class ChannelQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(team_id__in=viewer.teams)


class ContactQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        """Contacts known on any of the viewer's channels, or answered by an agent of their teams or by themselves."""
        if viewer.everything:
            return self
        link = apps.get_model("contacts", "ContactChannel")
        known = Exists(link.objects.filter(contact=OuterRef("pk"), channel_id__in=viewer.channels))
        return self.filter(known | Q(assigned_to__team_id__in=viewer.teams) | Q(assigned_to=viewer.agent))


class OfChannelQuerySet(models.QuerySet[Any]):
    """Rows that hang on a channel (`channel`): seen by whoever sees it."""

    def visible_to(self, viewer: Viewer) -> Self:
        return self if viewer.everything else self.filter(channel_id__in=viewer.channels)


class MessageQuerySet(OfChannelQuerySet):
    def counted(self) -> Self:
        """The messages that figures, first and last times and campaigns know of (`selectors.counting`)."""
        return self.exclude(kind="unknown")


class CampaignQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        return self
