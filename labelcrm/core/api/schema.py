"""What drf-spectacular cannot see by itself: errors look the same everywhere, and ids are numbers."""

from __future__ import annotations

from typing import Any

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
                    "description": "With the code `invalid`: what is wrong, by field or parameter.",
                    "additionalProperties": {"type": "array", "items": _PROBLEM},
                },
            },
        }
    },
}
_RESPONSE = {
    "description": "Any answer from 400 on.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_ID = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}


def describe_errors_and_ids(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's post-processing hook: one `default` answer for every operation, integer ids in paths."""
    result["components"]["schemas"]["Error"] = ERROR
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = _RESPONSE
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] == "id":
                    parameter["schema"] = _ID
    return result
