"""Redis as a wake-up: asked briefly, believed never, missed by nobody.

Nothing here raises or waits longer than `PATIENCE` seconds, and after a failure the next attempts are
skipped for a moment, so that a frozen Redis costs one request a short wait and the others nothing.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PATIENCE = 0.5
COOL_DOWN = 5.0
NUDGE_TTL_MS = 200

log = logging.getLogger(__name__)


class _Breaker:
    """Remembers that Redis did not answer, for `COOL_DOWN` seconds."""

    def __init__(self) -> None:
        self.open_until = 0.0

    def is_open(self) -> bool:
        return time.monotonic() < self.open_until

    def trip(self) -> None:
        self.open_until = time.monotonic() + COOL_DOWN


breaker = _Breaker()


@lru_cache(maxsize=1)
def _redis() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


def win_nudge(lane: str) -> bool:
    """True for the one caller in `NUDGE_TTL_MS` who should publish a task for `lane`."""
    if breaker.is_open():
        return False
    try:
        return bool(_redis().set(f"labelcrm:nudge:{lane}", 1, nx=True, px=NUDGE_TTL_MS))
    except RedisError as error:
        breaker.trip()
        log.warning("Redis does not answer (%s); the sweep will pick up what arrives meanwhile", error)
        return False


def broker_answers() -> bool:
    """True when Redis answers a PING in time."""
    try:
        return bool(_redis().ping())
    except RedisError:
        return False
