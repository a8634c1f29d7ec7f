"""Who is asking: `Authorization: Token <40 hex digits>`."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.authentication import TokenAuthentication as RestTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)


class TokenAuthentication(RestTokenAuthentication):
    """DRF's, except that what cannot be a token never reaches the database, which would choke on a NUL."""

    def authenticate_credentials(self, key: str) -> Any:
        if not _KEY.fullmatch(key):
            raise AuthenticationFailed
        return super().authenticate_credentials(key)
