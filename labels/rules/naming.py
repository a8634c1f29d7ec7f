"""When are two label names the same? Pure: no models, no settings."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 200
# Joiners and variation selectors glue emoji together; they are no letters of a name.
_INVISIBLE = {"Cf", "Mn", "Me"}
_BETTER = re.compile(r"(?<=\b[a-z])\s?\+(?=\W|$)")


def normalize(name: str) -> str:
    """`name` without case, emoji, punctuation and surplus spaces; at most 200 characters.

    >>> normalize("🔥 HOT!! ") == normalize("hot")
    True

    A plus behind a letter of its own is one, in letters: "Grade A+" is better than "Grade A".

    A name of nothing but emoji or signs keeps them, so that two different ones stay different.
    """
    text = _BETTER.sub(" plus ", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(char if char.isalnum() else " " for char in text if unicodedata.category(char) not in _INVISIBLE)
    return (" ".join(kept.split()) or " ".join(text.split()))[:MAX_NAME]
