"""Every address of the site out of the URL resolver, and the parameters that each takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import Any

from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.db import models
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from api.urls import ENDPOINTS, OnceGenerator
from reports.models import Segment
from reports.registry import REPORTS

PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
# What Django's change lists and unfold read beside filters.
LIST_WORDS = (
    "q", "p", "o", "e", "all", "after", "before", "_popup", "_to_field", "_facets", "_changelist_filters",
    "archived", "unknown", "display",
)  # fmt: skip
LOOKUPS = ("", "__in", "__range")
BY_HAND: dict[str, tuple[str, ...]] = {
    "/admin/": ("q",),
    "/admin/activity/": ("what", "from", "to"),
    "/admin/autocomplete/": ("app_label", "model_name", "field_name", "term", "page"),
    "/admin/connect/": ("gateway", "key"),
    "/admin/day/": ("text", "clock"),
    "/admin/labels/label/<int:pk>/merge/": ("into",),
    "/admin/labels/naming/": ("p", "undo", "made"),
    "/admin/handovers/<int:pk>/": ("state",),
    "/admin/login/": ("next",),
    "/admin/logout/": ("next",),
    "/admin/search/": ("s", "q", "page", "extended"),
    "/admin/reports/label-budget/": ("table",),
    "/admin/reports/unusual/": ("kind", "show"),
    "/admin/suggestions/": ("text",),
    "/admin/system/": ("page",),
    "/admin/unanswered/": ("cs", "label", "after", "before"),
    "/admin/today/": ("kind", "cs", "contact"),
    "/admin/today/news/": ("kind", "cs"),
    "/admin/segments/": ("state",),
    "/admin/segments/<int:pk>/": ("d", "name", "left", "narrowing"),
    "/admin/segments/from-contacts/": (
        "label",
        "label_all",
        "label_none",
        "labelled_by",
        "label_age",
        "category",
        "cs",
        "channel",
        "segment",
        "assigned_to__id__exact",
        "campaign__id__exact",
        "last_inbound_at_from",
        "first_seen_at_to",
        "follow_up",
        "q",
    ),
    "/admin/segments/narrowing/": ("d",),
    "/admin/segments/new/": ("d", "name", "left", "narrowing"),
    "/api/docs/": ("script", "lang", "version"),
    "/api/schema/": ("format", "lang", "version"),
    "/live/": ("since",),
    "/live/feed/": ("since",),
    "/metrics": ("name[]",),
    "/admin/reports/rows/": ("report", "figure", "who", "after"),
}


@dataclass(frozen=True)
class Address:
    """One route: its path with `<name>` for each part that varies, and what stands there in an ordinary request."""

    template: str
    parts: dict[str, str]

    def filled(self, **others: str) -> str:
        return PLACE.sub(lambda match: (self.parts | others).get(match[1], "1"), self.template)

    @property
    def names(self) -> list[str]:
        return PLACE.findall(self.template)


def addresses() -> list[Address]:
    """Every route of the site, filled with rows that exist."""
    return [Address(template, dict(_parts(template))) for template in dict.fromkeys(_templates())]


def _templates() -> Iterator[str]:
    yield from ("/healthz", "/readyz")
    for raw in _walk(get_resolver().url_patterns):
        yield simplify_regex(raw)


def _walk(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here


def _parts(template: str) -> Iterator[tuple[str, str]]:
    model = Segment if template.startswith("/admin/segments/") else model_of(template)
    row = model._base_manager.order_by("pk").first() if model is not None else None
    for name in PLACE.findall(template):
        yield name, str(row.pk) if row is not None and name in ("pk", "object_id", "id") else "1"


def model_of(template: str) -> Any:
    """The model whose rows an address is about, None where it is about none."""
    steps = template.strip("/").split("/")
    if steps[:2] == ["api", "v1"] and len(steps) > 2 and steps[2] in ENDPOINTS:
        return ENDPOINTS[steps[2]].queryset.model
    for model in admin.site._registry:
        if steps[0] == "admin" and steps[1:3] == [model._meta.app_label, model._meta.model_name]:
            return model
    return None


# -- Parameters --------------------------------------------------------------------------------------------------------


def parameters(address: Address, user: Any) -> list[str]:
    """The query parameters that an address takes."""
    template = address.template
    if template.startswith("/api/v1/"):
        return [*_of_api().get(template, []), "format", "unknown"]
    names = list(BY_HAND.get(template, ()))
    if template.startswith("/admin/reports/"):
        names += [
            *sorted({name for report in REPORTS.values() for name in report.parameters}),
            "sort",
            "format",
            "until",
        ]
    model = model_of(template)
    if model is not None and template.count("/") == 4:
        names += _of_list(admin.site._registry[model], user)
    elif model is not None:
        names += ["_popup", "_to_field", "_changelist_filters", "p", "name"]
    return names or ["unknown"]


@cache
def _of_api() -> dict[str, list[str]]:
    """From the OpenAPI document."""
    paths: dict[str, Any] = OnceGenerator().get_schema(public=True)["paths"]
    return {
        path.replace("{id}", "<pk>"): [
            parameter["name"]
            for operation in operations.values()
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        ]
        for path, operations in paths.items()
    }


def _of_list(model_admin: Any, user: Any) -> list[str]:
    """The words of every list, those its filters expect, and lookups on every column."""
    request = RequestFactory().get("/")
    request.user = user
    try:
        specs = model_admin.get_changelist_instance(request).filter_specs
    except Exception:  # noqa: BLE001 - a list this user may not open
        specs = []
    expected = [name for spec in specs for name in spec.expected_parameters()]
    searched = [name.lstrip("^=@") for name in model_admin.get_search_fields(request)]
    return list(dict.fromkeys([*LIST_WORDS, *expected, *searched, *_on_columns(model_admin.model)]))


def lookups(address: Address) -> set[str]:
    """Of a list's parameters those that are lookups on its columns."""
    model = model_of(address.template)
    return set() if model is None else set(_on_columns(model))


def _on_columns(model: Any) -> list[str]:
    columns = [field for field in model._meta.get_fields() if isinstance(field, models.Field)]
    return [field.name + lookup for field in columns for lookup in LOOKUPS]


# -- Forms -------------------------------------------------------------------------------------------------------------


@dataclass
class Form:
    """A form that posts: where to, and its fields as the page fills them, hidden ones too."""

    action: str
    fields: dict[str, str]


class FormReader(HTMLParser):
    """Collects the posting forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = Form(given.get("action", ""), {})
        elif self._open is not None and tag in ("input", "select", "textarea", "button") and given.get("name"):
            self._open.fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._open is not None:
            self.forms.append(self._open)
            self._open = None


def forms_of(html: str) -> list[Form]:
    """The posting forms of a page, without what only CSRF needs."""
    reader = FormReader()
    reader.feed(html)
    for form in reader.forms:
        form.fields.pop("csrfmiddlewaretoken", None)
    return [form for form in reader.forms if form.fields]
