"""Which of the times that are told do we believe?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from webhooks.gateways.events import Moment, Wall

# WhatsApp was founded in 2009: an earlier time is a missing one (whatsmeow sends 1970 for "not said").
EARLIEST = datetime(2009, 2, 1, tzinfo=UTC)
RECEIVED = "received"


class Believed(NamedTuple):
    """A time in UTC, its source ("whatsapp", "gateway" or "received"), and whether it had to be capped."""

    at: datetime
    source: str
    capped: bool = False


def believe(moment: Moment | None, *, received_at: datetime, channel_zone: str, business_zone: str) -> Believed:
    """The time that counts for an event.

    Believed from 2009-02-01 up to receipt; a later one counts as receipt and is flagged, a missing or earlier
    one is receipt. A local time of the gateway needs `channel_zone` (IANA name, "" = not known).
    """
    given = _aware(moment, channel_zone=channel_zone, business_zone=business_zone) if moment is not None else None
    if moment is None or given is None or given < EARLIEST:
        return Believed(received_at, RECEIVED)
    if given > received_at:
        return Believed(received_at, RECEIVED, capped=True)
    return Believed(given, str(moment.clock))


def _aware(moment: Moment, *, channel_zone: str, business_zone: str) -> datetime | None:
    if moment.wall is None:
        return moment.value.astimezone(UTC) if moment.value.tzinfo is not None else None
    zone = business_zone if moment.wall is Wall.BUSINESS else channel_zone
    if not zone:
        return None
    try:
        return moment.value.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:  # year 1 or 9999 pushed over the edge of the calendar
        return None
