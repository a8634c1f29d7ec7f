"""The people who answer: teams and customer-service agents."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models.querysets import AgentQuerySet, TeamQuerySet
from labelcrm.core.soft_deletion import Archivable, LivingManager


class Team(Archivable):
    """A group of agents and channels. Its rows are seen by its agents' users, and by `members` besides."""

    name = models.CharField(_("name"), max_length=100)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, verbose_name=_("users who see this team"), blank=True, related_name="teams"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = LivingManager.over(TeamQuerySet)
    all_objects = TeamQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at__isnull=True), name="team_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Agent(Archivable):
    """A customer-service agent ("CS"). Not every agent logs in: `user` is empty for those who do not."""

    code = models.SlugField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=100)
    team = models.ForeignKey(
        Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.PROTECT, related_name="agents"
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="agent",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = LivingManager.over(AgentQuerySet)
    all_objects = AgentQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(deleted_at__isnull=True), name="agent_code_once"),
        ]

    def __str__(self) -> str:
        return self.name
