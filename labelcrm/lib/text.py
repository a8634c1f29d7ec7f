"""Text from outside, made storable without changing what it says."""

from __future__ import annotations

import re

# In the OpenAPI document as well: something that is neither a blank of any kind nor a control character.
VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
_VISIBLE = re.compile(VISIBLE)


def is_blank(text: str) -> bool:
    """True when nothing of `text` can be seen."""
    return not _VISIBLE.search(text)


def storable(text: str, limit: int | None = None) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD (PostgreSQL refuses both), cut at `limit` characters."""
    if not text.isascii():
        text = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    text = text.replace("\x00", "\ufffd")
    return text if limit is None else text[:limit]
