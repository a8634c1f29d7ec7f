"""Keys by which a repeated delivery is told from a new truth."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from webhooks.gateways.events import AdReferral
from webhooks.gateways.kinds import Verdict

MAX_KEY = 200


def key(*parts: Any) -> str:
    """Return a hash of JSON values that does not depend on the order of their keys."""
    written = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(written.encode()).hexdigest()


def own_id(value: Any) -> str | None:
    """Return the sender's own delivery id, hashed where it is too long or not printable; None when it has none."""
    if not isinstance(value, str) or not (found := value.strip()):
        return None
    return found if len(found) <= MAX_KEY and found.isprintable() else key(found)


def fullness(said: Verdict | None, *, text: str, ad: AdReferral | None) -> list[Any]:
    """How much a telling of a message says: part of the key where a message is known by its id alone.

    A placeholder, the same with its words and the same with its ad differ; a repeat of any of them does not.
    """
    return [said.kind or said.notice if said else "", bool(text), ad is not None]


def without(value: Any, *names: str) -> Any:
    """Return an object without the keys `names`; any other value as it is."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name not in names}
