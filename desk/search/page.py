"""One search for everything, on every page: people, labels, reports, and what one can do.

`static/labelcrm/search.js` asks for the results while somebody types in the dialog that every page has; without
JavaScript the button in the header leads to a page with a form, whose address the dialog's results share.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from desk.search.hits import HitGroup, row_groups
from desk.search.places import place_groups
from labelcrm.lib.text import legible

MAX_TERM = 200
MIN_TERM = 2  # one letter would find everybody


@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
    """`?q=` on a page of its own."""
    context = {**admin.site.each_context(request), **_found(request), "title": _("Search")}
    return TemplateResponse(request, "search/page.html", context)


@require_GET
def search_results(request: HttpRequest) -> JsonResponse:
    """The same for the dialog: the options as HTML, and what a screen reader is told."""
    found = _found(request)
    html = render_to_string("search/results.html", found | {"live": True}) if found["groups"] else ""
    return JsonResponse({"said": found["said"], "html": html})


def _found(request: HttpRequest) -> dict[str, Any]:
    term = legible(request.GET.get("q", "")[:MAX_TERM])
    rows = row_groups(request, term) if len(term) >= MIN_TERM else []
    groups = [*rows, *place_groups(request, term)]
    return {"term": term, "groups": groups, "said": said(term, groups)}


def said(term: str, groups: list[HitGroup]) -> str:
    """How much was found, in a sentence; before anything is typed, what can be."""
    if not term:
        return _("Type a name, a number or its last four digits, a label, a CS, a campaign, a report, or what to do.")
    if not groups:
        return _("Nothing found for “%(term)s”. Try the last four digits of a number, or part of a name.") % {
            "term": term
        }
    results = sum(len(group.hits) for group in groups)
    return ngettext("%(n)d result shown", "%(n)d results shown", results) % {"n": results}


urlpatterns = [
    path("search/", admin.site.admin_view(search_page), name="search"),
    path("search/results/", admin.site.admin_view(search_results), name="search-results"),
]
