"""Which rows a person may see, and the lookups that lists and the API share.

A user with `contacts.see_all_teams` (owner, marketing, analyst, auditor) sees every row; others see the
channels of their teams, the contacts known on those channels or assigned to agents of those teams, and
what hangs on them; who has left (`has_left`) sees nothing. Every queryset that admin or API shows goes through
`visible_to`.
"""

from __future__ import annotations

from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from labelcrm.core.soft_deletion import ArchivableQuerySet


def sees_everything(user: Any) -> bool:
    """True for users whose role is not limited to teams."""
    return bool(user.is_active and (user.is_superuser or user.has_perm("contacts.see_all_teams")))


def has_left(user: Any) -> bool:
    """True for the user of an archived agent, unless their role sees every team anyway."""
    agent = getattr(user, "agent", None)
    return agent is not None and agent.is_archived and not sees_everything(user)


def team_ids(user: Any) -> list[int]:
    """Ids of the living teams whose rows this user sees: those they are a member of, and their own agent's."""
    if not hasattr(user, "_labelcrm_team_ids"):
        user._labelcrm_team_ids = [] if has_left(user) else _living_team_ids(user)
    return user._labelcrm_team_ids


def _living_team_ids(user: Any) -> list[int]:
    teams = apps.get_model("contacts", "Team").objects.filter(Q(members=user) | Q(agents__user=user))
    return sorted(set(teams.values_list("id", flat=True)))


class TeamQuerySet(ArchivableQuerySet):
    def visible_to(self, user: Any) -> Self:
        return self if sees_everything(user) else self.filter(id__in=team_ids(user))


class AgentQuerySet(ArchivableQuerySet):
    def visible_to(self, user: Any) -> Self:
        if sees_everything(user):
            return self
        return self.filter(Q(team_id__in=team_ids(user)) | Q(user_id=user.pk, deleted_at__isnull=True))


class ChannelQuerySet(ArchivableQuerySet):
    def visible_to(self, user: Any) -> Self:
        return self if sees_everything(user) else self.filter(team_id__in=team_ids(user))


class ContactQuerySet(ArchivableQuerySet):
    def visible_to(self, user: Any) -> Self:
        if sees_everything(user):
            return self
        link = apps.get_model("contacts", "ContactChannel")
        teams = team_ids(user)
        on_team_channel = Exists(link.objects.filter(contact=OuterRef("pk"), channel__team_id__in=teams))
        own = Q(assigned_to__user_id=user.pk, assigned_to__deleted_at__isnull=True)
        return self.filter(on_team_channel | Q(assigned_to__team_id__in=teams) | own)


class OfChannelQuerySet(models.QuerySet[Any]):
    """Rows that hang on a channel (`channel`): seen by whoever sees it."""

    def visible_to(self, user: Any) -> Self:
        return self if sees_everything(user) else self.filter(channel__team_id__in=team_ids(user))


class MessageQuerySet(OfChannelQuerySet):
    def counted(self) -> Self:
        """The messages that figures, first and last times and campaigns know of (`selectors.counting`)."""
        return self.exclude(kind="unknown")


class CampaignQuerySet(ArchivableQuerySet):
    def visible_to(self, user: Any) -> Self:
        return self
