"""Lists of any length: the next page starts where this one ended, nothing is counted and nothing skipped over."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.http import HttpRequest

from desk.base.chips import ChipChangeList
from labelcrm.core.dates import moment_of
from labelcrm.lib.numbers import row_id

AFTER, BEFORE = "after", "before"


class Keyset:
    """Rows newest first by `fields`, of which the last is unique; a cursor is the fields of a row.

    >>> Keyset("updated_at", "id").page(rows, size=50, after=None, before=None)
    """

    def __init__(self, *fields: str) -> None:
        self.fields = fields

    def cursor(self, row: Model) -> str:
        """The place of a row, safe in a URL."""
        values = (getattr(row, field) for field in self.fields)
        text = "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def page(
        self, rows: QuerySet[Any], *, size: int, after: str | None, before: str | None
    ) -> tuple[list[Any], bool, bool]:
        """At most `size` rows, and whether there are newer and older ones. Raises BadRequest for a broken cursor."""
        if before:
            found = list(self._beyond(rows, before, newer=True).order_by(*self.fields)[: size + 1])
            return found[:size][::-1], len(found) > size, True
        rows = self._beyond(rows, after, newer=False) if after else rows
        found = list(rows.order_by(*(f"-{field}" for field in self.fields))[: size + 1])
        return found[:size], bool(after), len(found) > size

    def _beyond(self, rows: QuerySet[Any], cursor: str, *, newer: bool) -> QuerySet[Any]:
        values = self._values(rows.model, cursor)
        word = "gt" if newer else "lt"
        *lead, last = zip(self.fields, values, strict=True)
        condition = Q(**{f"{last[0]}__{word}": last[1]})
        for field, value in reversed(lead):
            # The plain bound is what an index can use, the rest only settles ties.
            condition = Q(**{f"{field}__{word}e": value}) & (Q(**{f"{field}__{word}": value}) | condition)
        return rows.filter(condition)

    def _values(self, model: type[Model], cursor: str) -> list[datetime | int]:
        try:
            parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("~")
        except (binascii.Error, ValueError):
            parts = []
        read = [_value(model._meta.get_field(name), text) for name, text in zip(self.fields, parts, strict=False)]
        values = [value for value in read if value is not None]
        if len(parts) != len(self.fields) or len(values) != len(parts):
            raise BadRequest("This page address is damaged.")
        return values


def _value(field: Any, text: str) -> datetime | int | None:
    return moment_of(text, offset=True) if isinstance(field, DateTimeField) else row_id(text)


class KeysetChangeList(ChipChangeList):
    """A change list that pages by `model_admin.keyset`; it has no page numbers and no total."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        for name in (AFTER, BEFORE):  # filters and links start over at the first page
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_filters_params(params)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return [f"-{field}" for field in self.model_admin.keyset.fields]

    def get_results(self, request: HttpRequest) -> None:
        keyset, size = self.model_admin.keyset, self.list_per_page
        self.result_list, newer, older = keyset.page(
            self.model_admin.for_page(request, self.queryset),
            size=size,
            after=request.GET.get(AFTER),
            before=request.GET.get(BEFORE),
        )
        self.newer_url = self.older_url = ""
        if newer and self.result_list:
            self.newer_url = self.get_query_string({BEFORE: keyset.cursor(self.result_list[0])})
        if older and self.result_list:
            self.older_url = self.get_query_string({AFTER: keyset.cursor(self.result_list[-1])})
        self.first_url = self.get_query_string() if newer else ""
        self.result_count = self.full_result_count = len(self.result_list)
        self.can_show_all, self.multi_page = False, False
        self.paginator = SimpleNamespace(template_name="includes/keyset_pagination.html", count=self.result_count)


class KeysetAdminMixin:
    """Put before a ModelAdmin whose list may have millions of rows."""

    keyset = Keyset("id")
    sortable_by = ()

    def for_page(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What the rows of one page need besides themselves."""
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return KeysetChangeList
