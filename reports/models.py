"""Segments that were saved, and the permission that opens reports, which keep no rows of their own."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Team
from labelcrm.core.soft_deletion import Archivable, ArchivableQuerySet, LivingManager
from labelcrm.core.viewer import Viewer


class Report(models.Model):
    """Carries `reports.view_report`. No table."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = _("report")
        verbose_name_plural = _("reports")

    def __str__(self) -> str:
        return str(_("report"))


class SegmentQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        """One's own, those of one's teams, and what everybody sees. Whom they mean is up to the viewer as well."""
        teams = Q() if viewer.everything else Q(pk__in=self._of_teams(viewer))
        return self.filter(
            Q(owner_id=viewer.user) | Q(shared=Segment.Sharing.EVERYONE) | Q(teams, shared=Segment.Sharing.TEAM)
        )

    def _of_teams(self, viewer: Viewer) -> Any:
        return Segment.teams.through.objects.filter(team_id__in=viewer.teams).values("segment_id")


class Segment(Archivable):
    """A definition of whom one means (`reports.segments`), under a name. It is asked anew each time it is looked at.

    `teams` are those of the owner when it was shared with the team.
    """

    class Sharing(models.TextChoices):
        PRIVATE = "private", _("only me")
        TEAM = "team", _("my team")
        EVERYONE = "everyone", _("everyone")

    name = models.CharField(_("name"), max_length=120)
    definition = models.JSONField(_("definition"))
    shared = models.CharField(_("who sees it"), max_length=10, choices=Sharing, default=Sharing.PRIVATE)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("made by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    teams = models.ManyToManyField(Team, verbose_name=_("teams"), blank=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = LivingManager.over(SegmentQuerySet)
    all_objects = SegmentQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
