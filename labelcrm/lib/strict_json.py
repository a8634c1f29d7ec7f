"""JSON that means one thing: UTF-8, bounded depth, no key twice, nothing that PostgreSQL could not keep."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32

# Closed or not, a string swallows its brackets; possessive, so that a hostile body cannot make it start over.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_SURROGATE = re.compile("[\ud800-\udfff]")


class JSONRefused(ValueError):
    """A text that is not the JSON we take. `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def loads(raw: bytes) -> Any:
    """The value of `raw`.

    Raises JSONRefused with one of the codes `not_utf8`, `not_json`, `too_deep`, `duplicate_key`, `bad_number`,
    `bad_text` (NUL or half a surrogate pair).
    """
    if _depth(raw) > MAX_DEPTH:
        raise JSONRefused("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = _DECODER.decode(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise JSONRefused("not_utf8", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise JSONRefused("not_json", f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except JSONRefused:
        raise
    except ValueError:  # Python's limit on the digits of a whole number
        raise JSONRefused("bad_number", "A number in the body has too many digits.") from None
    _check_texts(value)
    return value


def is_storable(text: str) -> bool:
    """True when PostgreSQL can keep `text`: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or not _SURROGATE.search(text))


def _depth(raw: bytes) -> int:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", raw):
        depth += _STEPS.get(byte, 0)
        deepest = max(deepest, depth)
    return deepest


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if not is_storable(value):
            raise JSONRefused("bad_text", "A text in the body holds a NUL or half a surrogate pair.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JSONRefused("duplicate_key", "A key is written twice in one object of the body.")
    return found


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JSONRefused("bad_number", "A number in the body is too large.")
    return number


def _constant(name: str) -> NoReturn:
    raise JSONRefused("bad_number", f"{name} is not a JSON number.")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)
