"""What the OpenAPI document says of the body of `POST exports/`: each kind with its filters, and nothing else.

The filters are the query parameters of a list or a report, so what a value may be is said as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes

from api.base.filtering import LID_SCHEMA, PHONE_SCHEMA
from api.base.schema import SOME_TEXT
from api.base.serializers import ID_SCHEMA, TIME_SCHEMA
from api.reports import PARAMETERS
from labelcrm.core.fields import MAX_LENGTH
from labels.models import Effect, LabelEvent, Origin
from reports.registry import REPORTS

_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": SOME_TEXT}
_OF_CONTACT = {"contact": ID_SCHEMA, "phone": PHONE_SCHEMA, "lid": LID_SCHEMA, "channel": _TEXT}
_FILTERS: Mapping[str, dict[str, Any]] = {
    "intervals": _OF_CONTACT | {"active": {"type": "boolean"}, "label": _TEXT, "updated_since": TIME_SCHEMA},
    "events": _OF_CONTACT
    | {
        "kind": {"type": "string", "enum": list(LabelEvent.Kind.values)},
        "effect": {"type": "string", "enum": list(Effect.values)},
        "origin": {"type": "string", "enum": list(Origin.values)},
        "since": TIME_SCHEMA,
        "until": TIME_SCHEMA,
    },
}
_OF_TYPE = {OpenApiTypes.BOOL: {"type": "boolean"}, OpenApiTypes.DATE: {"type": "string", "format": "date"}}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    given: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return given | ({"required": list(required)} if required else {})


def _one(value: str) -> dict[str, Any]:
    return {"type": "string", "enum": [value]}


def _parameter(schema: Any, words: str, choices: list[Any] | None) -> dict[str, Any]:
    if choices is not None:
        return {"type": "string", "enum": choices, "description": words}
    found: dict[str, Any] = schema if isinstance(schema, dict) else _OF_TYPE[schema]
    return (_TEXT | found if found.keys() <= {"type", "maxLength"} and "maxLength" in found else found) | {
        "description": words
    }


def _report(name: str) -> dict[str, Any]:
    filters = {each: _parameter(*said) for each, said in PARAMETERS.items() if each in REPORTS[name].parameters}
    return _body("report", filters, {"report": _one(name)}, "report")


def _body(kind: str, filters: dict[str, Any], others: dict[str, Any], *required: str) -> dict[str, Any]:
    file_format = {"type": "string", "enum": ["csv", "xlsx"]}
    properties = {"kind": _one(kind), "format": file_format, "filters": _object(filters), **others}
    return _object(properties, "kind", "format", *required)


_ADDRESSES = {
    "type": "boolean",
    "default": False,
    "description": "With `phone` and `lid`, which stay empty of who opted out.",
}
BODY = {
    "application/json": {
        "oneOf": [
            _body("intervals", _FILTERS["intervals"], {"addresses": _ADDRESSES}),
            _body("events", _FILTERS["events"], {}),
            *map(_report, REPORTS),
        ]
    }
}
