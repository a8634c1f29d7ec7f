"""Times as gateways write them: seconds, milliseconds, fractions, texts, RFC 3339 and the false Z."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from webhooks.gateways.events import Clock, Moment, Wall

# WhatsApp's first day. whatsmeow says 1970 where WhatsApp sent no time, and no label is older than this.
EARLIEST = datetime(2009, 2, 1, tzinfo=UTC)

_MILLISECONDS_FROM = 1e11  # seconds reach this in the year 5138, milliseconds passed it in 1973
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def epoch(value: Any) -> datetime | None:
    """Return the UTC time of a Unix time in seconds or milliseconds, number or text; None when it is neither.

    The unit is told by size. Fractions are kept to the microsecond; times before WhatsApp existed are None.
    """
    number = _number(value)
    if number is None:
        return None
    if number >= _MILLISECONDS_FROM:
        number /= 1000
    try:
        return _plausible(datetime.fromtimestamp(number, UTC))
    except (OverflowError, ValueError, OSError):
        return None


def iso(value: Any) -> datetime | None:
    """Return the time of an RFC 3339 text: aware in UTC where it names an offset, else naive; None when unreadable."""
    match = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    date, clock, fraction, offset = match.groups()
    text = f"{date}T{clock}" + (f".{fraction[:6]:0<6}" if fraction and len(clock) == 8 else "")
    try:
        moment = datetime.fromisoformat(text + (offset or "").upper())
        return _plausible(moment.astimezone(UTC) if offset else moment)
    except (OverflowError, ValueError):
        return None


def told(value: Any, clock: Clock) -> Moment | None:
    """Return the Moment of a number or RFC 3339 text on `clock`; None when it names no offset or cannot be read."""
    moment = iso(value) or epoch(value)
    return Moment(value=moment, clock=clock) if moment and moment.tzinfo else None


def told_by_bridge(value: Any) -> Moment | None:
    """Like `told`, but a text without an offset is the business's local time (INTERFACE: generic bridge)."""
    moment = iso(value) or epoch(value)
    if moment is None:
        return None
    return Moment(value=moment, clock=Clock.GATEWAY, wall=None if moment.tzinfo else Wall.BUSINESS)


def told_with_false_z(value: Any) -> Moment | None:
    """Return the gateway machine's wall time of a text whose Z is not true (Evolution's `date_time`).

    Any other offset is believed.
    """
    if isinstance(value, str) and value.strip()[-1:] in ("Z", "z"):
        value = value.strip()[:-1]
    moment = iso(value)
    if moment is None:
        return None
    return Moment(value=moment, clock=Clock.GATEWAY, wall=None if moment.tzinfo else Wall.CHANNEL)


def _number(value: Any) -> float | None:
    if isinstance(value, dict):  # a 64-bit number as JavaScript's long.js writes it
        value = value.get("low") if value.get("high") == 0 else None
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value := value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -1e18 < value < 1e18 or not math.isfinite(value):
        return None
    return float(value)


def _plausible(moment: datetime) -> datetime | None:
    return moment if moment.replace(tzinfo=UTC) >= EARLIEST else None
