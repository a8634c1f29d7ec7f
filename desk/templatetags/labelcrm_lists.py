"""Template tags of lists: their rows, and which columns may be chosen."""

from __future__ import annotations

from typing import Any

from django import template

from desk.base.chosen_columns import ColumnChoice, choices
from desk.base.result_list import result_list

register = template.Library()


@register.inclusion_tag("includes/result_rows.html", takes_context=True)
def result_rows(context: Any, cl: Any) -> dict[str, Any]:
    """Draw the rows of a change list."""
    inherited = ("has_add_permission", "is_popup", "to_field")
    return {"cl": cl, "list": result_list(cl), **{name: context.get(name) for name in inherited}}


@register.simple_tag(takes_context=True)
def list_columns(context: Any, cl: Any) -> list[ColumnChoice]:
    """The columns that a reader of this list may choose among."""
    return [] if cl.is_popup else choices(cl.model_admin, context["request"].user)
