"""Form-encoded bodies: the one JSON field that counts, and the spelling a Go sender signs."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

_MOST_FIELDS = 20


def field(body: bytes, name: str) -> bytes:
    """Return the value of the one field `name` in a form body. Raises ValueError when there is none or two."""
    found = [value for key, value in _fields(body) if key == name]
    if len(found) != 1:
        raise ValueError(f"The form has {len(found)} fields “{name}” instead of one.")
    return found[0].encode("utf-8", "surrogateescape")


def beside(body: bytes, names: Collection[str]) -> dict[str, str]:
    """Return those of the fields `names` that a form body says something in. Raises ValueError when it is no form."""
    return {key: value for key, value in _fields(body) if key in names and value}


def sorted_by_key(body: bytes) -> bytes:
    """Return a form body as Go's `url.Values.Encode` writes it: keys sorted. Raises ValueError when it is no form."""
    fields = sorted(_fields(body), key=lambda pair: pair[0])
    return urlencode(fields, encoding="utf-8", errors="surrogateescape").encode()


def _fields(body: bytes) -> list[tuple[str, str]]:
    text = body.decode("ascii")
    return parse_qsl(
        text, keep_blank_values=True, strict_parsing=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS
    )
