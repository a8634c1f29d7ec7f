"""Who is asking: `Authorization: Token <40 hex digits>`."""

from __future__ import annotations

import re
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.authentication import TokenAuthentication as RestTokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from contacts.selectors.viewing import has_left

_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)


class TokenAuthentication(RestTokenAuthentication):
    """DRF's, except that what cannot be a token never reaches the database, which would choke on a NUL.

    Who comes by a token is known only here, so their language begins here; the middleware ends it.
    """

    def authenticate_credentials(self, key: str) -> Any:
        if not _KEY.fullmatch(key):
            raise AuthenticationFailed
        token = Token.objects.select_related("user__agent").filter(key=key).first()
        if token is None:
            raise AuthenticationFailed(_("Invalid token."))
        if not token.user.is_active or has_left(token.user):
            raise AuthenticationFailed(_("User inactive or deleted."))
        translation.activate(token.user.language)
        return token.user, token
