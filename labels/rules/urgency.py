"""How urgent a stale label is, and when "still right" asks for a reason. Pure: no models, no settings.

Source: docs/metrics.md, "Stale and contradictions", Urgency.
"""

from __future__ import annotations

WAITS_FOR_HELP = frozenset({"complaint", "urgent"})
VALUE_OF_HELP = 4  # as much as who is about to pay


def value(*, step: int | None, high_quality: bool, low_quality: bool, meaning: str) -> int:
    """What a day over the limit costs: more the nearer the contact is to buying, twice that for high quality.

    >>> value(step=2, high_quality=True, low_quality=False, meaning="hot")
    6
    """
    if meaning in WAITS_FOR_HELP:
        return VALUE_OF_HELP
    if low_quality:
        return 1
    worth = 1 + (step or 0)
    return worth * 2 if high_quality else worth


def needs_reason(*, high_quality: bool, said_before: int) -> bool:
    """Whether "still right" must say why: for what is worth most, and for whatever was said to be right before."""
    return high_quality or said_before > 0
