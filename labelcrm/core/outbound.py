"""Where calls out of the house may go: to the hosts that `GATEWAY_HOSTS` lists and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

PORTS = {"http": 80, "https": 443}
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def is_allowed(address: str) -> bool:
    """Whether a call may go to this address: its host is listed, by https unless it is this machine's own.

    A listed `host` stands for every port of it, `host:port` for this one. An address with a user in it is refused.

    >>> is_allowed("https://localhost/x"), is_allowed("ftp://localhost/"), is_allowed("https://example.com/")
    (True, False, False)
    """
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme)
    except ValueError:  # a port that is none
        return False
    if not host or port is None or "@" in parts.netloc or (parts.scheme == "http" and host not in THIS_MACHINE):
        return False
    written = f"[{host}]" if ":" in host else host
    return parts.scheme in PORTS and not {written, f"{written}:{port}"}.isdisjoint(settings.GATEWAY_HOSTS)
