"""Waking the workers through Redis, which may be away: the inbox in PostgreSQL is the queue, and is swept anyway.

Nothing here raises or waits longer than `TIMEOUT` seconds. After a failure nothing is sent for `PAUSE` seconds, so
that a Redis that hangs costs one request a short wait and the others nothing.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Any

from celery import current_app
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

TIMEOUT = 0.5  # seconds
PAUSE = 5.0  # seconds


class _Breaker:
    """Remembers that Redis did not answer, for `PAUSE` seconds."""

    def __init__(self) -> None:
        self.open_until = 0.0

    def is_open(self) -> bool:
        return time.monotonic() < self.open_until

    def trip(self) -> None:
        self.open_until = time.monotonic() + PAUSE


breaker = _Breaker()


@lru_cache(maxsize=1)
def _redis() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


def broker_answers() -> bool:
    """True when Redis answers a PING in time."""
    try:
        return bool(_redis().ping())
    except RedisError:
        return False


def publish(task: str, *args: Any, expires: float = 60) -> None:
    """Ask a worker to run the task of that name; dropped when Redis is away, so only for what is swept up anyway."""
    if breaker.is_open():
        return
    try:
        current_app.send_task(task, args=args, retry=False, expires=expires)
    except Exception as error:  # noqa: BLE001 - kombu lets several libraries' errors through; none may hurt the caller
        breaker.trip()
        log.warning("could not wake the workers (%s); the sweep will", error)
