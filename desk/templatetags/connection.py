"""Template tags of the connection page."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from desk.connection.pages import with_code as marked_up

register = template.Library()


@register.filter
def with_code(text: Any) -> SafeString:
    """A text whose `backticks` are code."""
    return marked_up(text)
