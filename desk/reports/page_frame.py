"""What all pages of reports share: who may read them, what an address asks, its neighbours, gaps, and the frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from desk.base.days import typed_period
from desk.reports import report_downloads
from desk.reports.campaign_charts import NONE
from desk.reports.filter_bar import PRESETS, FilterForm, is_narrowed
from desk.reports.restatements import restated_since
from reports.definitions import FigureDefinition, definition
from reports.query import InvalidQuery, ReportKind, ReportQuery, parse_query
from reports.selectors import periods
from reports.selectors.filtered_spells import hidden_contacts
from reports.selectors.periods import Period
from transfer.report_export import asked_again

MAY_READ = "reports.view_report"


def check_may_read(request: HttpRequest) -> None:
    """Raises PermissionDenied."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied


# -- What an address asks ---------------------------------------------------------------------------------------------


def asked_query(
    request: HttpRequest, report: ReportKind, *, opens_on: Period | None = None, **more: str
) -> tuple[ReportQuery, str]:
    """The query of a request; when it cannot be meant, the default one and a sentence about the problem.

    `opens_on` is the period when the address names none, and `more` are parameters that the page adds to it.
    """
    given, viewer = typed_period(request.GET.dict()) | more, viewer_of(request.user)
    if given.get("from") or given.get("to"):
        given.pop("period", None)
    if opens_on is not None and not asks_for_time(request):
        given |= {"from": opens_on.start.isoformat(), "to": opens_on.end.isoformat()}
    try:
        return parse_query(report, given, viewer=viewer), ""
    except InvalidQuery as wrong:
        return parse_query(report, more, viewer=viewer), f"{wrong.name}: {wrong.message}"


def asks_for_time(request: HttpRequest) -> bool:
    """Whether the address says of which time it wants to know."""
    return any(request.GET.get(name) for name in ("from", "to", "until", "period"))


def same_again(query: ReportQuery) -> dict[str, str]:
    """The parameters that ask the same of all rows again, at any later time."""
    asked = {name: value for name, value in asked_again(query).items() if name not in query.only or name == "week"}
    return {"report": query.report.name, **asked}


def rows_address(query: ReportQuery) -> str:
    """Where the rows behind the numbers of a report are; figure and row are still to be added."""
    return f"{reverse('report-rows')}?{urlencode(same_again(query))}"


def key_text(key: Any) -> str:
    """The key of a row as addresses of rows write it."""
    return NONE if key is None else str(key)


def address_with(request: HttpRequest, **changes: str | None) -> str:
    """This address with some parameters changed."""
    query = request.GET.copy()
    for name in ("format", "table"):
        query.pop(name, None)
    if "period" in changes:
        for name in ("from", "to", "until"):
            query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


# -- Gaps -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap as the page names it; an empty `until` means that it is not over."""

    name: str
    since: datetime
    until: datetime | None


def gap_lines(query: ReportQuery, *, before: datetime, channels: Collection[int] | None = None) -> list[GapLine]:
    """The gaps that began before a moment, of channels the reader sees and asks for; the latest first.

    `channels`, ids, are those alone that the page is about.
    """
    overlapping = [gap for gap in query.question.gaps if gap.since < before]
    seen = Channel.all_objects.visible_to(query.viewer).filter(pk__in={gap.channel for gap in overlapping})
    names = dict(seen.values_list("id", "name")) if overlapping else {}
    chosen = query.filters.channels if channels is None else channels
    lines = [
        GapLine(names[gap.channel], gap.since, gap.until)
        for gap in overlapping
        if gap.channel in names and (chosen is None or gap.channel in chosen)
    ]
    return sorted(lines, key=lambda line: line.since, reverse=True)


# -- The frame --------------------------------------------------------------------------------------------------------


def frame(
    request: HttpRequest,
    query: ReportQuery,
    problem: str,
    *,
    title: Any,
    without: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The context of every report page.

    `without` are filters that its query takes and its bar does not offer, `kept` other parameters of the address that
    stay when the bar is sent.
    """
    return {
        **admin.site.each_context(request),
        "title": title,
        "query": query,
        "problem": problem,
        "form": FilterForm(query, without=without),
        "kept": [(name, request.GET[name]) for name in kept if request.GET.get(name)],
        "narrowed": bool(problem) or is_narrowed(query),
        "presets": [(key, words, address_with(request, period=key)) for key, words in _presets(query)],
        "downloads": report_downloads.links(request.user, lambda code: address_with(request, format=code)),
        "rows_url": rows_address(query),
        "hidden": hidden_contacts(query.viewer),
        "restated": restated_since(query),
        "provisional": periods.is_provisional(query.period.end, now=query.now),
    }


def _presets(query: ReportQuery) -> Iterator[tuple[str, Any]]:
    """60 days are offered where a report opens on them."""
    return ((key, words) for key, words in PRESETS.items() if key != "last_60" or key == query.report.opens_on)


def definitions_of(names: Iterable[str], *, report: str = "") -> list[FigureDefinition]:
    """The definitions behind the "i" of a page, in the reader's language."""
    return [definition(name, get_language(), report=report) for name in names]


def defined(names: Iterable[str], *, report: str = "") -> dict[str, Any]:
    """The same as the context of a page has them: all, and each by its name."""
    definitions = definitions_of(names, report=report)
    return {"definitions": definitions, "defs": {each.name: each for each in definitions}}
