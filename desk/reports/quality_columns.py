"""Which figures of CS quality somebody sees in its tables: chosen on the page, remembered for the person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from desk.base.chosen_columns import ColumnChoice, choose_of, shown_of
from desk.reports.page_frame import check_may_read
from reports.columns import AGENTS, Group
from reports.definitions import definition

TABLE = "reports.agents"
OFF = frozenset({"found", "lost", "removed_by", "active_from"})  # seen by who asks for them
# A figure that misleads alone brings its companion (docs/metrics.md, "CS quality").
WITH = {"graded_high": "came_true"}


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """The columns of one table that may be chosen."""

    title: Any
    columns: list[ColumnChoice]


def shown_groups(user: Any) -> list[Group]:
    """The tables with the columns this person sees; a table without any is left out."""
    shown = _shown(user)
    kept = (replace(group, columns=[each for each in group.columns if each.name in shown]) for group in AGENTS)
    return [group for group in kept if group.columns]


def choices(user: Any) -> list[GroupChoice]:
    """All columns by their table, and which of them this person sees."""
    shown, language = _shown(user), get_language()
    return [
        GroupChoice(
            group.title,
            [ColumnChoice(c.name, definition(c.name, language).title, c.name in shown) for c in group.columns],
        )
        for group in AGENTS
    ]


@require_POST
def choose_columns(request: HttpRequest) -> HttpResponse:
    """Remember which columns the reader wants, and show the page as it was."""
    check_may_read(request)
    choose_of(request.user, TABLE, list(_names()), request.POST.getlist("column"))
    return HttpResponseRedirect(f"{reverse('report-agents')}?{request.META['QUERY_STRING']}")


def _names() -> Iterator[str]:
    return (column.name for group in AGENTS for column in group.columns)


def _shown(user: Any) -> set[str]:
    shown = set(shown_of(user, TABLE, list(_names()), off=OFF))
    return shown | {companion for name, companion in WITH.items() if name in shown}
