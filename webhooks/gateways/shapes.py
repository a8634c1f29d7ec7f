"""Reading JSON of which nothing is certain. Every function here takes any value and never raises."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

MAX_ID = 200
MAX_LABEL_ID = 100
MAX_TEXT = 65_536

# PostgreSQL's text knows neither NUL nor half a surrogate pair; both become the replacement character.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Evolution's word for the account itself; a name for none of its contacts.
_NO_NAMES = frozenset({"você", "voce"})
_NUMBER_LIKE = re.compile(r"[\d\s()+.\-]*")
_SERIALIZED = re.compile(r"(?:true|false)_[^_]+_([^_]+)(?:_.*)?", re.DOTALL)


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list, or the one object that stands where a list could."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def inside(value: Any, *path: str) -> Any:
    """Return what lies under the keys `path`, None where one is missing."""
    for key in path:
        value = mapping(value).get(key)
    return value


def text(value: Any) -> str:
    """Return a text that PostgreSQL can store, "" for anything that is not a text."""
    return _UNSTORABLE.sub("\ufffd", value[:MAX_TEXT]) if isinstance(value, str) else ""


def name(value: Any) -> str | None:
    """Return a name exactly as it was written, None when there is none: partial edits leave it out or empty."""
    found = text(value)
    return found if found.strip() else None


def person(*values: Any) -> str | None:
    """Return the first of `values` that is a person's name: not empty, not a number, not a JID, not "Você"."""
    return next((found for value in values if (found := name(value)) and _names_somebody(found.strip())), None)


def identifier(value: Any, *, longest: int = MAX_ID) -> str | None:
    """Return an id as text, spaces around it stripped; whole numbers are written out, all else is None."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    found = text(value).strip()
    return found if 0 < len(found) <= longest else None


def boolean(value: Any) -> bool | None:
    """Return a yes or no told as true, 1 or "true"; None when it is neither."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def message_id(value: Any) -> str | None:
    """Return WhatsApp's bare message id from "true_<chat>_<id>_<participant>", its object form, or the id itself."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("_serialized")
    found = identifier(value)
    match = _SERIALIZED.fullmatch(found) if found else None
    return match[1] if match else found


def chat_of_message_id(value: Any) -> str | None:
    """Return the chat that a serialized message id names, else None."""
    found = text(value.get("_serialized") if isinstance(value, dict) else value)
    return found.split("_", 2)[1] if _SERIALIZED.fullmatch(found) else None


def address(value: Any) -> Any:
    """Return an address as WhatsApp Web writes it, whether as a text or as an object {server, user, _serialized}."""
    if not isinstance(value, dict):
        return value
    user, server = identifier(value.get("user")), text(value.get("server"))
    return value.get("_serialized") or (f"{user}@{server}" if user and server else None)


def keys_folded(value: Any) -> dict[str, Any]:
    """Return an object with its keys in lower case without underscores: Baileys, Go and Meta differ only there."""
    return {_folded(key): item for key, item in value.items()} if isinstance(value, dict) else {}


@lru_cache(maxsize=2048)  # the same few names in every post
def _folded(key: str) -> str:
    return key.replace("_", "").lower()


def _names_somebody(found: str) -> bool:
    if _NUMBER_LIKE.fullmatch(found) or found.lower() in _NO_NAMES:
        return False
    return not found.endswith(("@lid", "@s.whatsapp.net", "@c.us"))
