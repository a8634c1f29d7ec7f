"""Lists of any length: the next page starts where this one ended, nothing is counted and nothing skipped over."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, ClassVar

from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import BadRequest, FieldDoesNotExist, PermissionDenied
from django.db.models import DateTimeField, IntegerField, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from desk.base.chips import ChipChangeList, counted
from labelcrm.core.dates import moment_of
from labelcrm.lib.numbers import row_id

AFTER, BEFORE = "after", "before"
_EVERY_ROW_SAYS = object()


class Keyset:
    """The order of a list: by `fields`, of which the last is unique. A cursor is the fields of a row.

    `of` is the expression of a first field that is no column. A first field that may say nothing has `blank`, the
    value (None or "") that is nothing: those rows come last, whichever way the others are sorted.

    >>> Keyset("updated_at", "id").page(rows, size=50, after=None, before=None)
    """

    def __init__(self, *fields: str, descending: bool = True, of: Any = None, blank: Any = _EVERY_ROW_SAYS) -> None:
        self.fields, self.descending, self.of, self.blank = fields, descending, of, blank

    def turned(self, *, descending: bool) -> Keyset:
        """The same, sorted one way or the other."""
        return Keyset(*self.fields, descending=descending, of=self.of, blank=self.blank)

    def cursor(self, row: Model) -> str:
        """The place of a row, safe in a URL."""
        values = (getattr(row, field) for field in self.fields)
        text = json.dumps([value.isoformat() if isinstance(value, datetime) else value for value in values])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def page(
        self, rows: QuerySet[Any], *, size: int, after: str | None, before: str | None
    ) -> tuple[list[Any], bool, bool]:
        """At most `size` rows, and whether there are some before and after. Raises BadRequest for a broken cursor."""
        rows = rows.annotate(**{self.fields[0]: self.of}) if self.of is not None else rows
        if before:
            found = self._walk(rows, self._place(rows.model, before), size + 1, forward=False)
            return found[:size][::-1], len(found) > size, True
        found = self._walk(rows, self._place(rows.model, after) if after else None, size + 1, forward=True)
        return found[:size], bool(after), len(found) > size

    def _walk(self, rows: QuerySet[Any], place: list[Any] | None, size: int, *, forward: bool) -> list[Any]:
        """The next `size` rows beyond `place`, in the order in which they are met."""
        found: list[Any] = []
        for part, fields in self._parts(rows, place, forward=forward):
            values = place[-len(fields) :] if place is not None and self._is_of(place, fields) else None
            descending = self.descending == forward
            beyond = part.filter(_beyond(fields, values, descending=descending)) if values is not None else part
            order = [f"-{field}" if descending else field for field in fields]
            found += beyond.order_by(*order)[: size - len(found)]
            if len(found) == size:
                break
        return found

    def _parts(
        self, rows: QuerySet[Any], place: list[Any] | None, *, forward: bool
    ) -> Iterator[tuple[QuerySet[Any], tuple[str, ...]]]:
        """The rows that say something and those that do not, as far as they are not passed, with what sorts them."""
        if self.blank is _EVERY_ROW_SAYS:
            yield rows, self.fields
            return
        first = self.fields[0]
        says_nothing = Q(**{f"{first}__isnull": True} if self.blank is None else {first: self.blank})
        parts = [(rows.filter(~says_nothing), self.fields), (rows.filter(says_nothing), self.fields[1:])]
        passed = place is not None and self._is_of(place, self.fields) != forward
        parts = parts if forward else parts[::-1]
        yield from parts[1:] if passed else parts

    def _is_of(self, place: list[Any], fields: tuple[str, ...]) -> bool:
        """Whether `place` is among the rows that `fields` sort."""
        return (place[0] == self.blank) == (len(fields) < len(self.fields))

    def _place(self, model: type[Model], cursor: str) -> list[Any]:
        try:
            parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            place = [self._read(model, name, part) for name, part in zip(self.fields, parts, strict=True)]
        except (binascii.Error, ValueError, TypeError, KeyError):
            raise BadRequest("This page address is damaged.") from None
        return place

    def _read(self, model: type[Model], name: str, part: Any) -> Any:
        """A value of a cursor. Raises ValueError for what this field never holds."""
        if name == self.fields[0] and part == self.blank:
            return part
        value = _reader(model, name)(part)
        if value is None:
            raise ValueError(name)
        return value


def _beyond(fields: tuple[str, ...], values: list[Any], *, descending: bool) -> Q:
    word = "lt" if descending else "gt"
    *lead, last = zip(fields, values, strict=True)
    condition = Q(**{f"{last[0]}__{word}": last[1]})
    for field, value in reversed(lead):
        # The plain bound is what an index can use, the rest only settles ties.
        condition = Q(**{f"{field}__{word}e": value}) & (Q(**{f"{field}__{word}": value}) | condition)
    return condition


def _reader(model: type[Model], name: str) -> Callable[[Any], Any]:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:  # an expression
        return _text
    if isinstance(field, DateTimeField):
        return lambda part: moment_of(part, offset=True)
    return _id if isinstance(getattr(field, "target_field", field), IntegerField) else _text


def _id(part: Any) -> int | None:
    return row_id(str(part))


def _text(part: Any) -> str | None:
    return part if isinstance(part, str) and "\x00" not in part else None


class KeysetChangeList(ChipChangeList):
    """A change list that pages by the keyset of its order; it has no page numbers, and its total is asked for apart.

    `?o=name_shown` and `?o=-name_shown` sort by a column that `model_admin.get_sorts` names.
    """

    sorts: Mapping[str, Keyset]

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        for name in (AFTER, BEFORE):  # filters and links start over at the first page
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_filters_params(params)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return []  # the keyset sorts

    counts_filters = True  # how many rows other filters would leave can be asked for

    @property
    def sorted_column(self) -> str:
        """The column that the reader chose to sort by; "" for the list's own order."""
        column = str(self.params.get(ORDER_VAR, "")).removeprefix("-")
        return column if column in self.sorts else ""

    @property
    def keyset(self) -> Keyset:
        if not self.sorted_column:
            return self.model_admin.keyset
        chosen = self.sorts[self.sorted_column]
        return chosen.turned(descending=str(self.params[ORDER_VAR]).startswith("-"))

    def get_results(self, request: HttpRequest) -> None:
        self.sorts = self.model_admin.get_sorts(request)
        self.newer_url = self.older_url = self.first_url = ""
        self.result_list: list[Any] = []
        if request.resolver_match is None or request.resolver_match.url_name != count_name(self.opts):
            self._read_page(request)
        self.result_count = self.full_result_count = len(self.result_list)
        self.can_show_all, self.multi_page = False, False
        self.paginator = SimpleNamespace(template_name="includes/keyset_pagination.html", count=self.result_count)

    def _read_page(self, request: HttpRequest) -> None:
        keyset = self.keyset
        self.result_list, newer, older = keyset.page(
            self.model_admin.for_page(request, self.queryset),
            size=self.list_per_page,
            after=request.GET.get(AFTER),
            before=request.GET.get(BEFORE),
        )
        self.model_admin.complete_page(request, self.result_list)
        if newer and self.result_list:
            self.newer_url = self.get_query_string({BEFORE: keyset.cursor(self.result_list[0])})
        if older and self.result_list:
            self.older_url = self.get_query_string({AFTER: keyset.cursor(self.result_list[-1])})
        self.first_url = self.get_query_string() if newer else ""

    @property
    def count_url(self) -> str:
        """Where the number of rows is to be asked for; "" where the page shows all there is."""
        if not (self.newer_url or self.older_url):
            return ""
        return reverse(f"admin:{count_name(self.opts)}") + self.get_query_string()


class KeysetAdminMixin:
    """Put before a ModelAdmin whose list may have millions of rows.

    `sorts` says by which columns readers may sort, and how a first click sorts; an index should have that order.
    """

    keyset = Keyset("id")
    sorts: ClassVar[Mapping[str, Keyset]] = {}
    sortable_by = ()
    change_list_class: type[KeysetChangeList] = KeysetChangeList

    def get_sorts(self, request: HttpRequest) -> Mapping[str, Keyset]:
        """What this list can be sorted by, as it is narrowed now."""
        return self.sorts

    def for_page(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What the rows of one page need besides themselves."""
        return rows

    def complete_page(self, request: HttpRequest, rows: list[Any]) -> None:
        """Say on the rows of a page what is looked up for all of them at once."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return self.change_list_class

    def get_urls(self) -> list[URLPattern]:
        count = self.admin_site.admin_view(self.count_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("count/", count, name=count_name(self.opts)), *urls]  # type: ignore[attr-defined]

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """How many rows the list with these filters has: `count`, in words as `text`, and what a button says."""
        if not self.has_view_or_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        changelist = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        count = changelist.queryset.order_by().count()
        text = counted(count, changelist.opts)
        return JsonResponse({"count": count, "text": text, "show": _("Show %(rows)s") % {"rows": text}})


def count_name(opts: Any) -> str:
    return f"{opts.app_label}_{opts.model_name}_count"
