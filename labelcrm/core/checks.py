"""What `manage.py check --deploy` says about settings that do not go together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning


@register(Tags.security, deploy=True)
def check_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warns of a TLS proxy that is not counted as trusted: every request then has the proxy's address."""
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None) and not settings.TRUSTED_PROXIES:
        return [
            CheckWarning(
                "BEHIND_TLS_PROXY is true and TRUSTED_PROXIES is 0: everybody has the proxy's address.",
                hint="Set TRUSTED_PROXIES to the number of proxies in front that add to X-Forwarded-For.",
                id="labelcrm.W001",
            )
        ]
    return []
