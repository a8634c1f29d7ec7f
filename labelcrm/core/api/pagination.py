"""Pages by key: the cursor remembers the last row, so no page is counted, skipped or shown twice."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, status
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from labelcrm.lib.numbers import row_id

from .errors import InvalidParameter

CURSOR = "cursor"
PAGE_SIZE = "page_size"
DEFAULT_SIZE = 100
MAX_SIZE = 1000
MAX_CURSOR_LENGTH = 300
BIGINT = 2**63


class InvalidCursor(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = gettext_lazy("The cursor is not one that this list gave; begin again without it.")
    default_code = "invalid_cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: after (`forward`) or before the row whose key is `position`."""

    position: tuple[Any, ...]
    forward: bool = True

    def encode(self) -> str:
        values = [value.isoformat() if isinstance(value, datetime) else value for value in self.position]
        return base64.urlsafe_b64encode(json.dumps([int(self.forward), *values]).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, fields: Sequence[Any]) -> Cursor:
        """The cursor of a list ordered by `fields`. Raises InvalidCursor."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            direction, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            position = tuple(_read(value, field) for value, field in zip(values, fields, strict=True))
        except (ValueError, TypeError, RecursionError, binascii.Error):
            raise InvalidCursor from None
        if direction not in (0, 1):
            raise InvalidCursor
        return cls(position, bool(direction))


def _read(value: Any, field: Any) -> Any:
    if isinstance(field, models.DateTimeField):
        moment = parse_datetime(value)
        if moment is None or moment.tzinfo is None:
            raise ValueError
        return moment
    if isinstance(value, bool) or not isinstance(value, int) or not -BIGINT <= value < BIGINT:
        raise ValueError
    return value


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`.

    A view may name its order by `keyset(request)`, fields that together are unique and not null; all ascending or
    all with a minus. Without it a list is ordered by id. An index on the fields makes every page as cheap as the first.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.size = self._size(request)
        names: Sequence[str] = view.keyset(request) if hasattr(view, "keyset") else ("id",)
        self.names = [name.removeprefix("-") for name in names]
        descending = names[0].startswith("-")
        self.cursor = self._cursor(request, queryset.model)
        forward = self.cursor is None or self.cursor.forward
        upwards = forward != descending
        queryset = queryset.order_by(*(name if upwards else f"-{name}" for name in self.names))
        if self.cursor is not None:
            queryset = queryset.filter(self._beyond(self.cursor.position, upwards))
        rows = list(queryset[: self.size + 1])
        self.more = len(rows) > self.size
        self.page = rows[: self.size] if forward else rows[: self.size][::-1]
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next(), "previous": self._previous(), "results": data})

    def _beyond(self, position: tuple[Any, ...], upwards: bool) -> Any:
        # A row comparison is what PostgreSQL can walk an index by; `a > x OR a = x AND b > y` is not.
        lookup = TupleGreaterThan if upwards else TupleLessThan
        return lookup(tuple(models.F(name) for name in self.names), position)

    def _next(self) -> str | None:
        backward = self.cursor is not None and not self.cursor.forward
        return self._link(self.page[-1], forward=True) if self.page and (self.more or backward) else None

    def _previous(self) -> str | None:
        backward = self.cursor is not None and not self.cursor.forward
        exists = self.more if backward else self.cursor is not None
        return self._link(self.page[0], forward=False) if self.page and exists else None

    def _link(self, row: Any, *, forward: bool) -> str:
        cursor = Cursor(tuple(getattr(row, name) for name in self.names), forward)
        url = remove_query_param(self.request.build_absolute_uri(), CURSOR)
        return replace_query_param(url, CURSOR, cursor.encode())

    def _cursor(self, request: Request, model: type[models.Model]) -> Cursor | None:
        text = request.query_params.get(CURSOR)
        if text is None:
            return None
        if len(text) > MAX_CURSOR_LENGTH:
            raise InvalidCursor
        return Cursor.decode(text, [model._meta.get_field(name) for name in self.names])

    def _size(self, request: Request) -> int:
        text = request.query_params.get(PAGE_SIZE)
        if text is None:
            return DEFAULT_SIZE
        size = row_id(text)
        if size is None:
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
        size = {"type": "integer", "minimum": 1, "default": DEFAULT_SIZE}
        return [
            _parameter(CURSOR, "A place in the list, as `next` and `previous` name it.", {"type": "string"}),
            _parameter(PAGE_SIZE, f"Rows per page; more than {MAX_SIZE} counts as {MAX_SIZE}.", size),
        ]


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
