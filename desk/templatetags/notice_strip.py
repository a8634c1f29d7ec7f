"""What the reader has not been told yet, above every page."""

from __future__ import annotations

from typing import Any

from django import template

from labelcrm.core import notices

register = template.Library()


@register.inclusion_tag("notices/strip.html", takes_context=True)
def notice_strip(context: Any) -> dict[str, Any]:
    """Nothing, and no query, while there is nothing to tell; a page whose reader waits for work asks now and then.

    The pages that show work themselves say in `waiting` how it is, and need no strip.
    """
    request = context.get("request")
    user = getattr(request, "user", None)
    unseen, working = getattr(user, "unseen_notices", 0), getattr(user, "unfinished_jobs", 0)
    if request is None or user is None or "waiting" in context or not (unseen or working):
        return {}
    return strip(user, asks=bool(working), back=request.get_full_path()) | {"request": request}


def strip(user: Any, *, asks: bool, back: str) -> dict[str, Any]:
    """What the templates of notices draw."""
    found = notices.unseen(user)
    said = found[0][1].title if found else ""
    return {"notices": found, "asks": asks, "back": back, "said": said, "is_shown": bool(found or asks)}
