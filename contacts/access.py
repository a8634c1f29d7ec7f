"""Who may come in at all: a user whose agent was archived may not.

Archiving an agent says that this person left. It ends what they saw as an agent and as a member of teams alike, in the
pages, in sessions that are open and through API tokens; restoring the agent brings all of it back. A user whose role
sees every team (owner, marketing, analyst, auditor, superuser) does not see as an agent: for them the agent is only
the record of chats they answered, and what ends their sight is to take the role or to make the user inactive.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from contacts.selectors.viewing import has_left
from labelcrm.core.jobs import unfinished_of_user


class StaffBackend(ModelBackend):
    """Django's, except that who has left neither logs in nor stays logged in."""

    def get_user(self, user_id: Any) -> Any:
        # With the agent, and how much work they wait for, which every page shows: neither costs a query of its own.
        users = get_user_model()._default_manager.select_related("agent").annotate(unfinished_jobs=unfinished_of_user())
        user = users.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and not has_left(user)
