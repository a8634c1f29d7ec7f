"""Rights are handed on only by who holds them: whose login and which role somebody may change.

Without this, whoever may add people could make themselves an owner: by a role, by a new password for an owner, or by a
token that is an owner's.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet

from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer


def permissions_held(viewer: Viewer, *, held: bool = True) -> list[int]:
    """Ids of the permissions that this viewer has, or has not. One query."""
    rows = Permission.objects.values_list("pk", "content_type__app_label", "codename")
    return [pk for pk, app, codename in rows if viewer.may(f"{app}.{codename}") is held]


def roles_to_change(viewer: Viewer) -> QuerySet[Group]:
    """The roles that allow nothing which this viewer may not do."""
    return Group.objects.exclude(permissions__in=permissions_held(viewer, held=False))


def people_to_change(viewer: Viewer) -> QuerySet[User]:
    """Who may do nothing that this viewer may not do, whether or not they may log in now."""
    more = permissions_held(viewer, held=False)
    people = User.objects.exclude(groups__permissions__in=more).exclude(user_permissions__in=more)
    return people.exclude(is_superuser=True)


class NoMoreThanOnesOwn:
    """For the admin of something that carries rights: rows with more rights than the reader's are only read."""

    def within_reach(self, viewer: Viewer) -> QuerySet[Any]:
        raise NotImplementedError

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        may: bool = super().has_change_permission(request, obj)  # type: ignore[misc]
        if obj is None or not may or request.user.is_superuser:
            return may
        return bool(_asked_once(self, request, obj))


def _asked_once(model_admin: Any, request: Any, obj: Any) -> bool:
    """Whether the row is within reach: a page asks about it half a dozen times."""
    known: dict[Any, bool] = request.__dict__.setdefault("_within_reach", {})
    if obj not in known:
        known[obj] = model_admin.within_reach(viewer_of(request.user)).filter(pk=obj.pk).exists()
    return known[obj]
