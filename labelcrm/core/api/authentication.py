"""Who is asking: `Authorization: Token <40 hex digits>`."""

from __future__ import annotations

import re
from typing import Any

from django.utils import translation
from rest_framework.authentication import TokenAuthentication as RestTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)


class TokenAuthentication(RestTokenAuthentication):
    """DRF's, except that what cannot be a token never reaches the database, which would choke on a NUL.

    Who comes by a token is known only here, so their language begins here; the middleware ends it.
    """

    def authenticate_credentials(self, key: str) -> Any:
        if not _KEY.fullmatch(key):
            raise AuthenticationFailed
        user, token = super().authenticate_credentials(key)
        translation.activate(user.language)
        return user, token
