"""Who may come in at all: a user whose agent was archived may not.

Archiving an agent says that this person left. It ends what they saw as an agent and as a member of teams alike, in the
pages, in sessions that are open and through API tokens; restoring the agent brings all of it back. A user whose role
sees every team (owner, marketing, analyst, auditor, superuser) does not see as an agent: for them the agent is only
the record of chats they answered, and what ends their sight is to take the role or to make the user inactive.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import QuerySet

from contacts.selectors.viewing import has_left
from labelcrm.core.jobs import unfinished_of_user
from labelcrm.core.notices import unseen_of_user


@cache
def _users() -> QuerySet[Any]:
    """With the agent, how much work they wait for and what they have not seen yet, which every page shows: none of it
    costs a query of its own. To write the question takes longer than to ask it, so it is written once; never evaluated.
    """
    users = get_user_model()._default_manager.select_related("agent")
    return users.annotate(unfinished_jobs=unfinished_of_user(), unseen_notices=unseen_of_user())


class StaffBackend(ModelBackend):
    """Django's, except that who has left neither logs in nor stays logged in."""

    def get_user(self, user_id: Any) -> Any:
        user = _users().filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """As Django's, a user's own and those of their roles, with one query instead of two: every page asks."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj)
        if not hasattr(user_obj, "_perm_cache"):
            names = ("content_type__app_label", "codename")
            own = Permission.objects.filter(user=user_obj).order_by().values_list(*names)
            of_roles = Permission.objects.filter(group__user=user_obj).order_by().values_list(*names)
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in own.union(of_roles)}
        permissions: set[str] = user_obj._perm_cache
        return permissions

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and not has_left(user)
