"""What a user may see: the only place that asks for their teams and whether their role sees every team.

A user with `contacts.see_all_teams` (owner, marketing, analyst, auditor) sees every row. Others see the channels of
their teams, the contacts known on those channels or assigned to agents of those teams, and what hangs on them; who has
left (`has_left`) sees nothing. Every queryset that pages or the API show goes through `visible_to(viewer)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Permission
from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from contacts.models import Agent, Channel, Team
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.viewer import NOBODY, Viewer

SEES_EVERY_TEAM = "contacts.see_all_teams"


def viewer_of(user: Any) -> Viewer:
    """Who looks when this user does. Worked out once per user object, in one query besides those for their rights.

    The object is the request's, or the task's: whoever keeps one longer loads it again to see a change of teams.
    """
    if not hasattr(user, "_labelcrm_viewer"):
        user._labelcrm_viewer = _viewer_of(user)
    found: Viewer = user._labelcrm_viewer
    return found


def has_left(user: Any) -> bool:
    """True for the user of an archived agent, unless their role sees every team anyway."""
    agent = getattr(user, "agent", None)
    return agent is not None and agent.is_archived and not _sees_everything(user)


def may_still(user: Any, rights: Iterable[str]) -> bool:
    """Whether somebody has all of these rights, and has not left: of what they asked for when they had them."""
    return bool(user.has_perms(rights)) and not has_left(user)


def own_teams(user: Any) -> list[int]:
    """Ids of the living teams that a user is a member or an agent of, also where they see every team."""
    viewer = viewer_of(user)
    return sorted(_teams_of(user).values_list("id", flat=True) if viewer.everything else viewer.teams)


def mark_sight(users: QuerySet[Any]) -> QuerySet[Any]:
    """`users` with `sees_every_team` and `is_in_no_team`: what their viewers would say, for lists.

    Who has left is in no team and not told of it.
    """
    everything = Q(is_superuser=True) | _with_right(SEES_EVERY_TEAM)
    reads = _with_right("contacts.view_contact") | _with_right("reports.view_report")
    teams = Team.objects.filter(Q(members=OuterRef("pk")) | Q(agents__user=OuterRef("pk")))
    left = Agent.all_objects.filter(user=OuterRef("pk"), deleted_at__isnull=False)
    lacks_one = Q(is_active=True) & reads & ~everything & ~Exists(teams) & ~Exists(left)
    return users.annotate(
        sees_every_team=Case(When(Q(is_active=True) & everything, then=True), default=False),
        is_in_no_team=Case(When(lacks_one, then=True), default=False),
    )


def _with_right(code: str) -> Q:
    """Users who have a permission, by a role or by themselves."""
    app, _dot, codename = code.partition(".")
    held = Q(group__user=OuterRef("pk")) | Q(user=OuterRef("pk"))
    return Q(Exists(Permission.objects.filter(held, content_type__app_label=app, codename=codename)))


def _viewer_of(user: Any) -> Viewer:
    who: dict[str, Any] = {"user": user.pk or NOBODY, "rights": _rights(user), "language": _language(user)}
    if _sees_everything(user):
        return Viewer(everything=True, **who)
    if user.pk is None or has_left(user):
        return Viewer(**who)
    teams, channels, crm = _seen(user)
    agent = getattr(user, "agent", None)
    alone = agent.pk if agent is not None and agent.team_id not in teams else NOBODY
    return Viewer(teams=teams, channels=channels, agent=alone, crm=crm, **who)


def _sees_everything(user: Any) -> bool:
    """True for users whose role is not limited to teams."""
    return bool(user.is_active and (user.is_superuser or user.has_perm(SEES_EVERY_TEAM)))


def _teams_of(user: Any) -> QuerySet[Team]:
    agent = getattr(user, "agent", None)
    team = agent.team_id if agent is not None else None
    member = Team.members.through.objects.filter(user_id=user.pk).values("team_id")
    return Team.objects.filter(Q(pk__in=member) | Q(pk=team)).order_by()


def _seen(user: Any) -> tuple[frozenset[int], frozenset[int], int]:
    """The teams of a user, the channels of these teams and the channel of labels that exist only here, in one query."""
    crm = Channel.all_objects.filter(gateway=CRM_GATEWAY).order_by().annotate(none=Value(None, BigIntegerField()))
    of_teams = _teams_of(user).values_list("id", "channels__id")
    pairs = list(of_teams.union(crm.values_list("none", "id"), all=True))
    teams = frozenset(team for team, _channel in pairs if team is not None)
    channels = frozenset(channel for team, channel in pairs if team is not None and channel is not None)
    return teams, channels, max((channel for team, channel in pairs if team is None), default=NOBODY)


def _rights(user: Any) -> frozenset[str]:
    """What Django asks for with `has_perm`, which keeps the answer on the user as well."""
    return _every_right() if user.is_active and user.is_superuser else frozenset(user.get_all_permissions())


@lru_cache(maxsize=1)
def _every_right() -> frozenset[str]:
    """The permissions that models declare: a superuser has them all, and no query is needed to know their names."""
    named = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(get_permission_codename(action, model._meta) for action in model._meta.default_permissions),
            *(codename for codename, _name in model._meta.permissions),
        )
    }
    return frozenset(named)


def _language(user: Any) -> str:
    chosen = getattr(user, "language", "")
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
