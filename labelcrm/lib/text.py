"""Text from outside, made storable without changing what it says."""

from __future__ import annotations


def storable(text: str, limit: int | None = None) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD (PostgreSQL refuses both), cut at `limit` characters."""
    if not text.isascii():
        text = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    text = text.replace("\x00", "\ufffd")
    return text if limit is None else text[:limit]
