"""What drf-spectacular cannot see by itself: errors look the same everywhere, ids are numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labelcrm.core.fields import MAX_LENGTH
from labelcrm.lib.text import VISIBLE

_ANY_TEXT = r"^[^\x00]*$"
SOME_TEXT = rf"^[^\x00]*{VISIBLE}[^\x00]*$"
_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "Stable; for programs."},
                "message": {"type": "string", "description": "For people, in their language."},
                "fields": {
                    "type": "object",
                    "description": "With `invalid` and `conflict`: what is wrong, by field or parameter.",
                    "additionalProperties": {"type": "array", "items": _PROBLEM},
                },
            },
        }
    },
}
_ID = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}

# Status: what it means, and which operations may answer it ("" = all of them).
ANSWERS = {
    400: ("A parameter or a field is unknown, or cannot have this value.", ""),
    401: ("No token, or none that is known.", ""),
    403: ("Not for this user's role, or more than it may read.", ""),
    404: ("There is no such row, or not for this user.", "id"),
    405: ("No such method here.", ""),
    406: ("Only JSON is answered.", ""),
    409: ("A rule refuses it as things are, such as a name that is taken. Nothing was changed.", "write"),
    413: ("The body is larger than 1 MB, or a file than 20 MB.", "write"),
    415: ("The body is not JSON, or where a file is asked for no `multipart/form-data`.", "write"),
    429: ("More than 1,200 requests in a minute; `Retry-After` says how long to wait.", ""),
    503: ("Our own trouble, such as a database that is away; worth another try after `Retry-After`.", ""),
}


def describe_what_is_refused(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's post-processing hook."""
    schemas = result["components"]["schemas"]
    schemas["Error"] = ERROR
    for name, schema in schemas.items():
        if name.endswith("Request") and "properties" in schema:
            schema["additionalProperties"] = False
            _say_texts(schema["properties"].values(), longest=None)
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            operation["responses"] |= dict(_answers(path, method))
            _describe_parameters(operation.get("parameters", ()))
    return result


def _answers(path: str, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    kinds = {"", "id" if "{id}" in path else "", "write" if method != "get" else ""}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for status, (words, kind) in ANSWERS.items():
        if kind in kinds:
            yield str(status), {"description": words, "content": content}


def _describe_parameters(parameters: Any) -> None:
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"] == "id":
            parameter["schema"] = _ID
        elif parameter["in"] == "query":
            _ask_for_a_value(parameter["schema"])
    _say_texts((each["schema"] for each in parameters if each["in"] == "query"), longest=MAX_LENGTH)


def _ask_for_a_value(schema: dict[str, Any]) -> None:
    if schema.get("type") == "string" and "enum" not in schema:
        schema.setdefault("minLength", 1)


def _say_texts(schemas: Any, *, longest: int | None) -> None:
    """Of texts that may be anything: how long, no NUL, and where they may not be empty something that is seen."""
    for schema in schemas:
        if schema.get("type") != "string" or {"pattern", "enum", "format"} & schema.keys():
            continue
        schema["pattern"] = SOME_TEXT if schema.get("minLength") else _ANY_TEXT
        if longest is not None:
            schema.setdefault("maxLength", longest)
