"""How often a token may ask: 1,200 times in any minute, counted in Redis; without Redis nobody is throttled."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from labelcrm.core.addresses import client_address

WINDOW = 60  # seconds


class TokenThrottle(BaseThrottle):
    """A sliding minute of one counter per second, so that requests of parallel clients are all counted.

    The current second and the 59 before it: never more than a minute, so whoever stays below the rate is never
    refused. Refused requests do not count. Counted per user: a user has one token, and no token is put in Redis.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return True
        self.now, who = int(time.time()), f"throttle:{request.user.pk}"
        keys = {f"{who}:{second}": second for second in range(self.now - WINDOW + 1, self.now + 1)}
        self.counts = {keys[key]: count for key, count in cache.get_many(list(keys)).items()}
        if sum(self.counts.values()) >= self.limit:
            return False
        self._count(f"{who}:{self.now}")
        return True

    def wait(self) -> float:
        """Seconds until the oldest requests have left the window."""
        surplus = sum(self.counts.values()) - self.limit + 1
        for second in sorted(self.counts):
            surplus -= self.counts[second]
            if surplus <= 0:
                return max(1, second + WINDOW - self.now)
        return WINDOW

    def get_ident(self, request: Request) -> str:
        """Who asks without a name: their address, as far as `TRUSTED_PROXIES` lets it be known."""
        return client_address(request._request) or ""

    @property
    def limit(self) -> int:
        return int(str(api_settings.DEFAULT_THROTTLE_RATES["token"]).partition("/")[0])

    def _count(self, key: str) -> None:
        cache.add(key, 0, timeout=WINDOW + 5)
        with suppress(ValueError):  # evicted between the two calls
            cache.incr(key)
