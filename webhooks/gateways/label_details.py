"""What a gateway tells of a label beside its name: the colour and the list type.

Colours are a palette of twenty, told by index, hex or ARGB number. Source: WAHA documentation, labels page, which
warns that the map may change; so the index is what we keep. WhatsApp's "lists" (favourites, unread, ...) travel as
labels, and only some are labels. Source: WAProto LabelEditAction.ListType; Go gateways send the name, others the
number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from webhooks.gateways import shapes

PALETTE: tuple[str, ...] = (
    "#ff9485", "#64c4ff", "#ffd429", "#dfaef0", "#99b6c1", "#55ccb3", "#ff9dff", "#d3a91d", "#6d7cce", "#d7e752",
    "#00d0e2", "#ffc5c7", "#93ceac", "#f74848", "#00a0f2", "#83e422", "#ffaf04", "#b5ebff", "#9ba6ff", "#9368cf",
)  # fmt: skip

LIST_TYPES = (
    "none", "unread", "groups", "favorites", "predefined", "custom", "community", "server_assigned", "drafted",
    "ai_handoff", "channels", "ai_responding", "archived", "locked", "invites", "third_party", "lead",
    "mentions_and_replies",
)  # fmt: skip

_OPAQUE = 0xFF000000  # wa-js counts colours as unsigned ARGB with full alpha
_INDEX = re.compile(r"\d{1,2}", re.ASCII)
_HEX = re.compile(r"#?([0-9a-f]{6})", re.ASCII)
_UNKNOWN = 0x000000  # WAHA writes black for an index it does not know


def color_index(value: Any) -> int | None:
    """Return the palette index 0-19 of a colour told as index, "13", "#rrggbb" or ARGB number; None when unknown.

    A hex colour that is not in the palette gets the index of the nearest one.
    """
    if isinstance(value, str):
        return _index_of_text(value.strip().lower())
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    if _OPAQUE <= value <= 0xFFFFFFFF:
        return _nearest(int(value) - _OPAQUE)
    return int(value) if 0 <= value < len(PALETTE) else None


def first_color_index(*values: Any) -> int | None:
    """Return the index of the first of `values` that names a colour."""
    for value in values:
        found = color_index(value)
        if found is not None:
            return found
    return None


def list_type(value: Any) -> str | None:
    """Return the list type of a name or number in lower case; a name we never heard of too, so that it shows."""
    if isinstance(value, int) and not isinstance(value, bool):
        return LIST_TYPES[value] if 0 <= value < len(LIST_TYPES) else None
    word = shapes.text(value).strip().lower()
    return word if 0 < len(word) <= 30 else None


@lru_cache(maxsize=256)
def _index_of_text(text: str) -> int | None:
    if _INDEX.fullmatch(text):
        return color_index(int(text))
    match = _HEX.fullmatch(text)
    return _nearest(int(match[1], 16)) if match else None


@lru_cache(maxsize=256)
def _nearest(rgb: int) -> int | None:
    if rgb == _UNKNOWN:
        return None
    return min(range(len(PALETTE)), key=lambda at: (_distance(rgb, int(PALETTE[at][1:], 16)), at))


def _distance(one: int, other: int) -> int:
    return sum(((one >> shift & 0xFF) - (other >> shift & 0xFF)) ** 2 for shift in (16, 8, 0))
