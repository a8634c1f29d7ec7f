"""The sentences of the Today page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from desk.templatetags.labelcrm import length
from labels.selectors.contradictions import quoted
from reports.selectors.today import WaitingReason

register = template.Library()


@register.filter
def why(reason: WaitingReason) -> str:
    """The sentence that says why a contact stands here, with its times."""
    return str(reason.kind.why) % _words(reason)


@register.filter
def todo(reason: WaitingReason) -> str:
    """What to do about it."""
    return str(reason.kind.todo) % _words(reason)


def _words(reason: WaitingReason) -> dict[str, str]:
    about = reason.going or ((reason.label,) if reason.label is not None else ())
    return {
        "label": quoted(about),
        "labels": quoted(reason.labels),
        "age": str(length(reason.age)),
        "limit": str(length(timedelta(days=reason.row.limit or 0))),
    }


@register.filter
def who_has(line: Any, page: Any) -> str:
    """The CS whose contact it is, by name."""
    return str(page.name_of(line.owner))
