"""Template tags of the home page: number tiles, signs, bars."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

register = template.Library()

MINUS = "\u2212"


@register.inclusion_tag("home/tile.html")
def tile(
    key: str,
    name: str,
    value: int,
    link: str = "",
    note: str = "",
    hint: str = "",
    shown: str = "",
    alarm: bool = False,
) -> dict[str, Any]:
    """One number with its name. `link` opens its rows, `shown` replaces the plain number, `alarm` marks one above 0."""
    return {
        "key": key, "name": name, "value": value, "shown": shown or intcomma(value), "link": link, "note": note,
        "hint": hint, "alarm": alarm,
    }  # fmt: skip


@register.filter
def signed(number: int) -> str:
    """A number with its sign, a minus as long as the plus."""
    return f"{'+' if number > 0 else MINUS if number < 0 else ''}{intcomma(abs(number))}"


@register.filter
def share(part: int, whole: int) -> int:
    """`part` of `whole` in whole percent; at least 2 where there is any, so that it is seen."""
    return max(2, round(100 * part / whole)) if part and whole else 0
