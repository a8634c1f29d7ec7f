"""Bodies of posts: strict JSON (one encoding, bounded depth, no key said twice), and forms that carry it in a field.

It sits on the receiver's hot path.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl, urlencode

MAX_DEPTH = 32
REDACTED = "[redacted]"
MAX_FORM_FIELDS = 20

_BOM = b"\xef\xbb\xbf"
# Always matches once it has seen a quote, closed or not, so that a hostile body cannot make it start over and over.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class BodyError(ValueError):
    """A body that can never become valid. `code` is stable, `sentence` is for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def decode(raw: bytes) -> Any:
    """Return the value of a JSON body.

    UTF-8 only (a byte order mark is accepted), at most `MAX_DEPTH` levels, no duplicate keys, no NaN or Infinity and
    no number beyond Python's digit limit. Raises BodyError with one of the codes `not_utf8`, `not_json`,
    `too_deep`, `duplicate_key`, `bad_number`.
    """
    raw = raw.removeprefix(_BOM)
    # Fewer brackets than levels cannot be too deep; only a bigger body is looked at closely.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise BodyError("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return _DECODER.decode(raw.decode())
    except BodyError:
        raise
    except UnicodeDecodeError:
        raise BodyError("not_utf8", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BodyError("not_json", f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except ValueError:  # Python's limit on the digits of one whole number
        raise BodyError("bad_number", "A whole number in the body has too many digits.") from None


def redact(value: Any, names: Collection[str]) -> Any:
    """Return `value` with what stands under the keys `names` (lower case, at any depth) replaced by REDACTED.

    The very same object comes back when there was nothing to hide, so that the caller can keep the sender's bytes.
    """
    if isinstance(value, dict):
        clean = {key: _hidden(key, item, names) for key, item in value.items()}
        return clean if any(clean[key] is not value[key] for key in value) else value
    if isinstance(value, list):
        items = [redact(item, names) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _hidden(key: str, item: Any, names: Collection[str]) -> Any:
    if key.lower() in names:
        return item if item is None else REDACTED
    return redact(item, names)


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for bracket in _STRINGS.sub(b"", raw).translate(None, _NOT_BRACKETS):
        depth += _STEP[bracket]
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyError("duplicate_key", "A key is written twice in one object of the body.")
    return found


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits  # 1e400 is JSON, but no number we could write down again


def _refuse_constant(name: str) -> None:
    raise BodyError("bad_number", f"{name} is not a JSON number.")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse_constant)


# -- Forms ------------------------------------------------------------------------------------------------------------


def form_field(body: bytes, name: str) -> bytes:
    """Return the value of the one field `name` in a form body. Raises ValueError when there is none or two."""
    found = [value for key, value in _pairs(body) if key == name]
    if len(found) != 1:
        raise ValueError(f"The form has {len(found)} fields “{name}” instead of one.")
    return found[0].encode("utf-8", "surrogateescape")


def form_fields(body: bytes, names: Collection[str]) -> dict[str, str]:
    """Return those of the fields `names` that a form body says something in. Raises ValueError when it is no form."""
    return {key: value for key, value in _pairs(body) if key in names and value}


def sorted_form(body: bytes) -> bytes:
    """Return a form body as Go's `url.Values.Encode` writes it: keys sorted. Raises ValueError when it is no form."""
    fields = sorted(_pairs(body), key=lambda pair: pair[0])
    return urlencode(fields, encoding="utf-8", errors="surrogateescape").encode()


def _pairs(body: bytes) -> list[tuple[str, str]]:
    text = body.decode("ascii")
    return parse_qsl(
        text, keep_blank_values=True, strict_parsing=True, errors="surrogateescape", max_num_fields=MAX_FORM_FIELDS
    )
