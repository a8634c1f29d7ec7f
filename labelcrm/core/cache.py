"""A cache that may be away: Redis holds nothing that must not be lost, so its absence is a miss."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError


def _forgiving(name: str, fallback: Any) -> Any:
    def method(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except RedisError:
            return args[1] if name == "get" and len(args) > 1 else kwargs.get("default", fallback)

    method.__name__ = name
    return method


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, except that a Redis that does not answer looks empty."""

    get = _forgiving("get", None)
    set = _forgiving("set", None)
    add = _forgiving("add", True)
    delete = _forgiving("delete", False)
    touch = _forgiving("touch", False)
    incr = _forgiving("incr", 1)
    has_key = _forgiving("has_key", False)
    get_many = _forgiving("get_many", {})
    set_many = _forgiving("set_many", [])
