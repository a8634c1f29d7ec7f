"""The rows of a list: a table, and on a phone cards of two lines.

It shows what Django's change list shows. unfold's own templates write half a kilobyte of class names into every cell
and work out the heads of the columns once per row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ManyToOneRel
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.utils import display_for_field, display_for_value

PICK = "action_checkbox"
# Where the cells of a phone's card stand, in the order in which `card` names their columns.
PLACES = ("title", "aside", "line", "end")
NUMBER = re.compile(r"(<[^>]*>)*\d[\d.,]*(<[^>]*>)*")


@dataclass(slots=True)
class ListColumn:
    """A column that the page shows; `url` sorts by it, `direction` is how it is sorted now."""

    name: str
    title: Any
    place: str = ""
    url: str = ""
    direction: str = ""


@dataclass(slots=True)
class ListCell:
    column: ListColumn
    html: Any
    is_head: bool = False

    @property
    def is_bare_number(self) -> bool:
        """Whether a phone's card, which has no heads, must say what this counts."""
        return bool(self.column.place and not self.is_head and NUMBER.fullmatch(str(self.html)))


@dataclass(slots=True)
class ListRow:
    """One row; its key stands in the box that picks it."""

    pk: Any
    name: str
    cells: list[ListCell]


@dataclass(slots=True)
class ResultList:
    """What the template draws."""

    columns: list[ListColumn]
    rows: list[ListRow] = field(default_factory=list)
    pickable: bool = False


def result_list(cl: Any) -> ResultList:
    """The rows of a change list, without the columns that say nothing on this page."""
    names = [name for name in cl.list_display if name != PICK]
    columns = _columns(cl, names)
    rows = [_row(cl, obj, columns) for obj in cl.result_list]
    hidden = set(_silent(columns, rows, cl.model_admin.get_empty_value_display()))
    for row in rows:
        row.cells = [cell for cell in row.cells if cell.column.name not in hidden]
    shown = [column for column in columns if column.name not in hidden]
    return ResultList(shown, rows, pickable=PICK in cl.list_display)


def _silent(columns: Sequence[ListColumn], rows: Sequence[ListRow], nothing: Any) -> Iterator[str]:
    """The columns in which no row says anything. The first, which leads to the row, and the sorted one stay."""
    for position, column in enumerate(columns):
        if rows and position and not column.direction and all(r.cells[position].html in ("", nothing) for r in rows):
            yield column.name


# -- Columns ----------------------------------------------------------------------------------------------------------


def _columns(cl: Any, names: Sequence[str]) -> list[ListColumn]:
    card = dict(zip(getattr(cl.model_admin, "card", ()) or names, PLACES, strict=False))
    heads = dict(zip(cl.list_display, result_headers(cl), strict=True))
    sorts = getattr(cl, "sorts", {})
    columns = []
    for name in names:
        column = ListColumn(name, capfirst(str(heads[name]["text"])), card.get(name, ""))
        if name in sorts:
            _sort_by_keyset(column, cl)
        elif heads[name]["sortable"]:
            _sort_by_django(column, heads[name])
        columns.append(column)
    return columns


def _sort_by_keyset(column: ListColumn, cl: Any) -> None:
    sort = cl.sorts[column.name]
    is_sorted = cl.sorted_column == column.name or (not cl.sorted_column and sort.fields == cl.keyset.fields)
    descending = cl.keyset.descending if is_sorted else None
    column.direction = "" if descending is None else "descending" if descending else "ascending"
    next_is_descending = sort.descending if descending is None else not descending
    column.url = cl.get_query_string({ORDER_VAR: f"{'-' if next_is_descending else ''}{column.name}"})


def _sort_by_django(column: ListColumn, head: Any) -> None:
    column.url = head["url_primary"]
    column.direction = ("ascending" if head["ascending"] else "descending") if head["sorted"] else ""


def label_of(model_admin: Any, name: str) -> str:
    """What the head of a column says."""
    return str(capfirst(str(label_for_field(name, model_admin.model, model_admin=model_admin))))


# -- Rows -------------------------------------------------------------------------------------------------------------


def _row(cl: Any, obj: Any, columns: Sequence[ListColumn]) -> ListRow:
    links = cl.list_display_links or [columns[0].name]
    cells = []
    for column in columns:
        html = _value(cl, obj, column.name)
        if column.name in links and cl.list_display_links is not None:
            html = _linked(cl, obj, html)
        cells.append(ListCell(column, html, is_head=column is columns[0]))
    return ListRow(obj.pk, str(obj), cells)


def _value(cl: Any, obj: Any, name: str) -> Any:
    nothing = cl.model_admin.get_empty_value_display()
    try:
        column, attribute, value = lookup_field(name, obj, cl.model_admin)
    except ObjectDoesNotExist:
        return nothing
    nothing = getattr(attribute, "empty_value_display", nothing)
    if column is None or column.auto_created:
        return display_for_value(value, nothing, getattr(attribute, "boolean", False))
    if isinstance(column.remote_field, ManyToOneRel):
        other = getattr(obj, column.name)
        return nothing if other is None else other
    return display_for_field(value, column, nothing)


def _linked(cl: Any, obj: Any, html: Any) -> Any:
    try:
        url = cl.url_for_result(obj)
    except NoReverseMatch:
        return html
    if getattr(cl, "row_leads_back", True):
        url = add_preserved_filters({"preserved_filters": cl.preserved_filters, "opts": cl.opts}, url)
    opener = format_html(' data-popup-opener="{}"', _key(cl, obj)) if cl.is_popup else ""
    return format_html('<a href="{}"{}>{}</a>', url, opener, html)


def _key(cl: Any, obj: Any) -> Any:
    return obj.serializable_value(str(cl.to_field) if cl.to_field else cl.lookup_opts.pk.attname)
