"""What pages say to somebody whose role shows rows of teams while they are in none."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

from contacts.selectors.membership import who_changes_teams
from contacts.selectors.viewing import viewer_of
from desk.templatetags.labelcrm import person
from labelcrm.core.viewer import NOBODY, Viewer

register = template.Library()


@register.inclusion_tag("people/no_team.html", takes_context=True)
def no_team(context: Any) -> dict[str, Any]:
    """The banner of every page."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated or not viewer_of(user).is_in_no_team:
        return {}
    return {"sentence": f"{_what_is_seen(viewer_of(user))} {_whom_to_ask(user)}"}


def _what_is_seen(viewer: Viewer) -> str:
    if viewer.agent == NOBODY:
        return _("You are in no team yet, so you see nobody.")
    return _("You are in no team yet, so you see only contacts that are assigned to you.")


def _whom_to_ask(user: Any) -> str:
    asked = who_changes_teams(besides=user)
    if asked is None:
        return _("Ask the owner of this installation to add you to one.")
    return _("Ask %(name)s to add you to one.") % {"name": person(asked)}


@register.simple_tag
def empty_help(changelist: Any) -> str:
    """What to do about an empty list. To who sees no team's rows it may be full: nothing is missing but a team."""
    rows = getattr(changelist.model, "all_objects", changelist.model._default_manager)
    if hasattr(rows, "visible_to") and changelist.viewer.is_in_no_team:
        return _("There may be some: you see them once you are in a team.")
    return str(changelist.model_admin.empty_help)
