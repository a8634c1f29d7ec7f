"""Whose address a request has: that of the connection, or the one that proxies of ours wrote down.

Every proxy adds the address it was called from at the right end of `X-Forwarded-For`. With n proxies of ours the n-th
entry from the right was written by the outermost of them; all that stands before it came from outside and is
anybody's word.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

log = logging.getLogger(__name__)

HEADER = "HTTP_X_FORWARDED_FOR"
# An address with what some proxies put around it: [2001:db8::1]:443, 192.0.2.1:443, fe80::1%eth0
_ENTRY = re.compile(
    r"\[(?P<bracketed>[^\]]{1,60})\](:[0-9]{1,5})?|(?P<v4>[0-9.]{7,15})(:[0-9]{1,5})?|(?P<bare>[^\[\]]{1,60})"
)
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host", "Via")


def client_address(request: HttpRequest) -> str | None:
    """The address of who asks, as `ipaddress` writes it; None when nothing says it (a socket without a proxy).

    `TRUSTED_PROXIES` = n takes the n-th entry from the right of `X-Forwarded-For`. A request with fewer entries, or
    with something else in that place, did not come through all the proxies: it has the address of its connection.
    """
    own = parsed(request.META.get("REMOTE_ADDR", ""))
    said = request.META.get(HEADER, "")
    if said and not settings.TRUSTED_PROXIES:
        _warn_once()
    address = _told_by_proxies(said, settings.TRUSTED_PROXIES) or own
    return str(address) if address is not None else None


def is_from_this_machine(request: HttpRequest) -> bool:
    """Whether the request comes from this machine itself, and not from a proxy on it."""
    own = parsed(request.META.get("REMOTE_ADDR", ""))
    return own is not None and own.is_loopback and not any(name in request.headers for name in _FORWARDED)


def parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in an entry, without port, brackets and zone; an IPv4 address in IPv6's clothes is IPv4."""
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        return None
    bare = match["bracketed"] or match["v4"] or match["bare"]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _told_by_proxies(said: str, count: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    entries = said.split(",")  # repeated headers arrive joined, in their order
    return parsed(entries[-count]) if 0 < count <= len(entries) else None


@lru_cache(maxsize=1)
def _warn_once() -> None:
    log.warning(
        "A request came with X-Forwarded-For, and TRUSTED_PROXIES is 0: behind a proxy everybody has its address, and"
        " who guesses passwords locks out others. Set TRUSTED_PROXIES to the number of your proxies (docs/deploy.md)."
    )
