"""Pages by key: the cursor remembers the last row, so no page is counted, skipped or shown twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, status
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from api.base.errors import InvalidParameter
from labelcrm.core.fields import MAX_LENGTH
from labelcrm.lib.numbers import whole_number

CURSOR = "cursor"
PAGE_SIZE = "page_size"
DEFAULT_SIZE = 100
MAX_SIZE = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class InvalidCursor(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = gettext_lazy("The cursor is not one that this list gave; begin again without it.")
    default_code = "invalid_cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: after (`forward`) or before the row whose key is `position`.

    Written as `n` or `p` and whole numbers, times in microseconds since 1970, so that the OpenAPI document can say by
    a pattern which cursors there are.
    """

    position: tuple[Any, ...]
    forward: bool = True

    def encode(self) -> str:
        numbers = (_microseconds(value) if isinstance(value, datetime) else value for value in self.position)
        return ("n" if self.forward else "p") + ".".join(map(str, numbers))

    @classmethod
    def decode(cls, text: str, fields: Sequence[Any]) -> Cursor:
        """The cursor of a list whose cursors hold `fields`. Raises InvalidCursor."""
        if not re.fullmatch(pattern_of(fields), text):
            raise InvalidCursor
        numbers = zip(map(int, text[1:].split(".")), fields, strict=True)
        position = tuple(_moment(number) if _is_time(field) else number for number, field in numbers)
        return cls(position, text[0] == "n")


def pattern_of(fields: Sequence[Any]) -> str:
    """The regular expression that every cursor of `fields` matches, and nothing that is none."""
    numbers = ("[0-9]{1,17}" if _is_time(field) else "[0-9]{1,18}" for field in fields)
    return "[np]" + r"\.".join(numbers)


def _is_time(field: Any) -> bool:
    return isinstance(field, models.DateTimeField)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _fields(model: type[models.Model], view: Any) -> list[Any]:
    return [model._meta.get_field(name) for name in getattr(view, "cursor_fields", ("id",))]


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`.

    A view may name its order by `keyset(request)`, fields that together are unique and not null; all ascending or
    all with a minus. Without it a list is ordered by id. An index on the fields makes every page as cheap as the first.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        names: Sequence[str] = view.keyset(request) if hasattr(view, "keyset") else ("id",)
        self.names = [name.removeprefix("-") for name in names]
        descending = names[0].startswith("-")
        self.begin(request, _fields(queryset.model, view))
        upwards = self.forward != descending
        queryset = queryset.order_by(*(name if upwards else f"-{name}" for name in self.names))
        if self.cursor is not None:
            queryset = queryset.filter(self._beyond(self.cursor, upwards))
        return self.keep(list(queryset[: self.size + 1]))

    def begin(self, request: Request, fields: Sequence[Any]) -> None:
        """Read where the page begins, in which direction it goes (`forward`) and how many rows it has (`size`)."""
        self.request = request
        self.size = self._size(request)
        self.fields = fields
        self.cursor = self._cursor(request)
        self.forward = self.cursor is None or self.cursor.forward

    def keep(self, rows: list[Any]) -> list[Any]:
        """The page, of the rows from its beginning on in its direction: one more than `size` where there are more."""
        self.more = len(rows) > self.size
        self.page = rows[: self.size] if self.forward else rows[: self.size][::-1]
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next(), "previous": self._previous(), "results": data})

    def _beyond(self, cursor: Cursor, upwards: bool) -> Any:
        # A row comparison is what PostgreSQL can walk an index by; `a > x OR a = x AND b > y` is not.
        lookup = TupleGreaterThan if upwards else TupleLessThan
        values = {field.name: value for field, value in zip(self.fields, cursor.position, strict=True)}
        return lookup(tuple(models.F(name) for name in self.names), tuple(values[name] for name in self.names))

    def _next(self) -> str | None:
        backward = self.cursor is not None and not self.cursor.forward
        return self._link(self.page[-1], forward=True) if self.page and (self.more or backward) else None

    def _previous(self) -> str | None:
        backward = self.cursor is not None and not self.cursor.forward
        exists = self.more if backward else self.cursor is not None
        return self._link(self.page[0], forward=False) if self.page and exists else None

    def _link(self, row: Any, *, forward: bool) -> str:
        cursor = Cursor(self.position(row), forward)
        url = remove_query_param(self.request.build_absolute_uri(), CURSOR)
        return replace_query_param(url, CURSOR, cursor.encode())

    def position(self, row: Any) -> tuple[Any, ...]:
        """What a cursor remembers of a row."""
        return tuple(getattr(row, field.name) for field in self.fields)

    def _cursor(self, request: Request) -> Cursor | None:
        text = request.query_params.get(CURSOR)
        return None if text is None else Cursor.decode(text, self.fields)

    def _size(self, request: Request) -> int:
        text = request.query_params.get(PAGE_SIZE)
        if text is None:
            return DEFAULT_SIZE
        size = whole_number(text, largest=10**MAX_LENGTH)
        if not size:
            raise InvalidParameter(PAGE_SIZE, _("Must be a whole number from 1 on."), code="invalid")
        return min(size, MAX_SIZE)

    # -- What the OpenAPI document says about it -------------------------------------------------------------------

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return self.parameters_of(_fields(view.queryset.model, view))

    @staticmethod
    def parameters_of(fields: Sequence[Any]) -> list[dict[str, Any]]:
        """The parameters of a list whose cursors hold `fields`."""
        size = {"type": "integer", "minimum": 1, "default": DEFAULT_SIZE}
        cursor = {"type": "string", "pattern": f"^{pattern_of(fields)}$"}
        return [
            _parameter(CURSOR, "A place in the list, as `next` and `previous` name it.", cursor),
            _parameter(PAGE_SIZE, f"Rows per page; more than {MAX_SIZE} counts as {MAX_SIZE}.", size),
        ]


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
