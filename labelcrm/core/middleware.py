"""What happens around any view: text that no table can hold is refused, the reader's language begins, and what takes
too long is said to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.defaults import bad_request

from labelcrm.core.retries import took_too_long
from labelcrm.lib.strict_json import is_storable

LANGUAGE_COOKIE = settings.LANGUAGE_COOKIE_NAME
API = "/api/"
logger = logging.getLogger(__name__)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def _language_of_cookie(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


class UnstorableTextMiddleware:
    """Answers 400 to an address or a form with a NUL or half a surrogate pair, which PostgreSQL fails on.

    Here, once, and not in every filter. Refused and not stripped: an address without the NUL is another one, and its
    answer would be to a question that nobody asked. A cookie is dropped instead: whoever carries a broken one would
    be refused on every page until they found out how to delete it; without it they log in again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if _all_storable((name, value))}
        try:
            wrong = "path" if not is_storable(request.path_info) else _wrong_name(request.GET)
        except TooManyFieldsSent:
            wrong = "query"
        if wrong is None:
            return self.get_response(request)
        with translation.override(_language_of_cookie(request)):
            return _refuse(request, wrong)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """The same for forms; the API reads its own bodies."""
        if request.content_type not in FORMS or request.path_info.startswith(API):
            return None
        wrong = _wrong_name(request.POST)
        return None if wrong is None else _refuse(request, wrong)


def _all_storable(texts: Iterable[str]) -> bool:
    return all(map(is_storable, texts))


def _wrong_name(query: QueryDict) -> str | None:
    """The name, in ASCII, of the first parameter that cannot be stored."""
    wrong = next((name for name, values in query.lists() if not _all_storable((name, *values))), None)
    return None if wrong is None else ascii(wrong)[1:-1]


def _refuse(request: HttpRequest, name: str) -> HttpResponse:
    if not request.path_info.startswith(API):
        return bad_request(request, BadRequest())
    problem = {"message": _("This cannot be a value."), "code": "invalid"}
    message = f"{name}: {problem['message']}"
    return JsonResponse({"error": {"code": "invalid", "message": message, "fields": {name: [problem]}}}, status=400)


class TooSlowMiddleware:
    """Answers 503 with what to do instead to a page whose question the database gave up, as it took too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not took_too_long(exception):
            return None
        logger.warning("%s took too long and was stopped", request.path)
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "60"})


class UserLanguageMiddleware:
    """Activates the language of the logged-in user, else the one chosen on the login page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = self._language(request)
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    def _language(self, request: HttpRequest) -> str:
        chosen = getattr(request.user, "language", "")
        return chosen if chosen in dict(settings.LANGUAGES) else _language_of_cookie(request)
