"""Who is in which team, and who may change that."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from contacts.models import Agent, Team
from labelcrm.core.roles import OWNER

BACKEND = "contacts.access.StaffBackend"


def who_changes_teams(*, besides: Any) -> Any:
    """The user to ask for a team: an owner before others who may change teams, somebody with a name before a login.

    None where nobody else may. Of several equals, who was here last.
    """
    users = get_user_model()._default_manager
    able: QuerySet[Any] = users.with_perm("contacts.change_team", backend=BACKEND).filter(is_staff=True)
    owns = Exists(users.filter(pk=OuterRef("pk"), groups__name=OWNER))
    named = Q(_name__gt="")
    able = able.exclude(pk=besides.pk).annotate(
        _owns=owns, _name=Concat("first_name", Value(""), "last_name"), _named=named
    )
    return able.order_by("-_owns", "-_named", F("last_login").desc(nulls_last=True), "pk").first()


def agents_to_be(person: Any) -> Any:
    """Living agents without a login, and the one that `person` is."""
    free = Q(user__isnull=True) | Q(user=person) if person.pk else Q(user__isnull=True)
    return Agent.objects.filter(free).select_related("team").order_by("name", "pk")


def teams_of(person: Any) -> Any:
    """The living teams that `person` is a member of, besides the team of the agent they are."""
    return Team.objects.filter(members=person)
