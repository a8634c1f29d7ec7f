"""Broken posts, made from sound ones: the same seed makes the same ones."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from typing import Any

COUNT = 10_000 if os.environ.get("LABELCRM_TEST_FULL") == "1" else 500

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 25, 2**31, 2**63, 10**25, -(10**25), 0.5, 1e308, "", " ", "0",
    "021", "NaN", "abc", "null", "true",
    "x" * 10_000, "\x00", "a\x00b", "\ud83d", "🔥" * 50, "\u202e", "<script>alert(1)</script>", "=1+1", "a\r\nb",
    "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-07:00", "2026-02-30T00:00:00Z", 4292849392, "#ff0000", "#xyz",
    "6281290001111@s.whatsapp.net", "210987654321098@lid", "120363000000000001@g.us", "status@broadcast", "0@c.us",
    "@", "@lid", "a@b@c", "6281290001111:12@s.whatsapp.net", "true_@_", "true_x_y_z", "_".join("abcdefg"),
    [], {}, [[]], [{}], [None], {"": None}, {"id": {"id": {"id": 1}}}, [1, "two", {"three": []}], [[[[[[[[]]]]]]]],
)  # fmt: skip


def mutated(contents: list[Any], *, seed: int, count: int = COUNT) -> Iterator[Any]:
    """Yield `count` JSON values, each one of `contents` with one to three things wrong in it."""
    chance = random.Random(seed)
    for _ in range(count):
        broken = copy.deepcopy(chance.choice(contents))
        for _ in range(chance.randint(1, 3)):
            broken = _broken(broken, chance)
        yield broken


def damaged(bodies: list[bytes], *, seed: int, count: int = COUNT) -> Iterator[bytes]:
    """Yield `count` byte strings, each one of `bodies` cut, flipped, doubled or interrupted."""
    chance = random.Random(seed)
    for _ in range(count):
        body = bytearray(chance.choice(bodies))
        at = chance.randrange(len(body))
        match chance.randrange(5):
            case 0:
                del body[at:]
            case 1:
                body[at] = chance.randrange(256)
            case 2:
                body[at:at] = bytes(chance.randrange(256) for _ in range(3))
            case 3:
                body *= 2
            case _:
                body[at:at] = b"[" * chance.randint(1, 3000)
        yield bytes(body)


def written(value: Any) -> bytes:
    """JSON of a value that may hold half a surrogate pair."""
    return json.dumps(value).encode()


def shuffled(value: Any, *, seed: int) -> Any:
    """The same JSON value with the keys of all its objects in another order."""
    chance = random.Random(seed)
    if isinstance(value, dict):
        items = [(key, shuffled(item, seed=seed)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(item, seed=seed) for item in value] if isinstance(value, list) else value


def _broken(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return copy.deepcopy(chance.choice(ODD_VALUES))
    key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    what = chance.randrange(5)
    if what == 0:
        del value[key]
    elif what == 1:
        value[key] = [value[key], value[key]]
    else:
        value[key] = _broken(value[key], chance)
    return value
