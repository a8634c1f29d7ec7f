"""How the API says that something went wrong: `{"error": {"code", "message", "fields"?}}`, codes are stable.

| status | code |
|---|---|
| 400 | `invalid`, with `fields: {name: [{"code", "message"}]}`; `invalid_cursor`; those of labelcrm.lib.strict_json |
| 401 | `not_authenticated`, `authentication_failed` |
| 403 | `permission_denied`; `export_right_required` (api.base.bulk_reading) |
| 404, 405, 406 | `not_found`, `method_not_allowed`, `not_acceptable` |
| 409 | `conflict`: a rule refused what alone would be right, such as a name that is taken; with `fields` |
| 413, 415 | `body_too_large`, `unsupported_media_type` |
| 429, 503 | `throttled`; `unavailable`, `too_slow`; all with Retry-After |
"""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.exceptions import ValidationError as RuleBroken
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from labelcrm.core.retries import took_too_long

RETRY_SECONDS, SLOW_SECONDS = 5, 60


class Conflict(exceptions.APIException):
    """The request is understood, but the present state of the data does not allow it."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = _("The present state of the data does not allow this. Nothing was changed.")
    default_code = "conflict"


class Unavailable(exceptions.APIException):
    """The database is away: our own trouble, and a passing one."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The database cannot be reached. Nothing was changed; please try again.")
    default_code = "unavailable"


class TooSlow(Unavailable):
    """The database gave the question up: the same again would most likely take as long."""

    default_detail = _(
        "This took longer than a page may take and was stopped. Nothing was changed. Ask for a shorter period or fewer "
        "rows, or have a file made by `exports/`."
    )
    default_code = "too_slow"


class InvalidParameter(exceptions.ValidationError):
    """A query parameter that is unknown or has a value that it cannot have."""

    def __init__(self, name: str, message: Any, *, code: str) -> None:
        super().__init__({name: [exceptions.ErrorDetail(str(message), code=code)]})


class RuleRefused(exceptions.ValidationError):
    """What a service refused: every value is right by itself, but not beside the others or with what there is."""

    status_code = status.HTTP_409_CONFLICT


def explain_exception(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None (a bug of ours) leaves it to Django's 500 page and the log.

    Nothing is rolled back here: services change things in transactions of their own.
    """
    known = _known(exception)
    if known is None:
        return None
    return Response({"error": _error(known)}, status=known.status_code, headers=_headers(known))


def _known(exception: Exception) -> exceptions.APIException | None:
    if isinstance(exception, exceptions.APIException):
        return exception
    if isinstance(exception, Http404):
        return exceptions.NotFound()
    if isinstance(exception, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exception, RuleBroken):
        return _refused(exception)
    if took_too_long(exception):
        return TooSlow()
    if isinstance(exception, (OperationalError, InterfaceError)):
        return Unavailable()
    return None


def _refused(broken: RuleBroken) -> RuleRefused:
    """What a service refused, by field as a serializer would."""
    by_field = broken.error_dict if hasattr(broken, "error_dict") else {NON_FIELD_ERRORS: broken.error_list}
    return RuleRefused(
        {
            "non_field_errors" if name == NON_FIELD_ERRORS else name: [
                exceptions.ErrorDetail(message, code=error.code or "invalid")
                for error in errors
                for message in error.messages
            ]
            for name, errors in by_field.items()
        }
    )


def _error(exception: exceptions.APIException) -> dict[str, Any]:
    if isinstance(exception, exceptions.ValidationError):
        details: Any = exception.get_full_details()
        fields = details if isinstance(details, dict) else {"non_field_errors": details}
        said = Conflict.default_code if isinstance(exception, RuleRefused) else "invalid"
        return {"code": said, "message": _first_sentence(fields), "fields": fields}
    code = exception.get_codes()
    return {"code": code if isinstance(code, str) else exception.default_code, "message": str(exception.detail)}


def _first_sentence(fields: dict[str, Any]) -> str:
    """`name: what is wrong with it` of the first field, for people who read one line."""
    name, problem = next(iter(fields.items()))
    while isinstance(problem, list) and problem:
        problem = next(filter(None, problem))
    if isinstance(problem, dict) and "message" not in problem:
        return f"{name}.{_first_sentence(problem)}"
    sentence = str(problem["message"]) if isinstance(problem, dict) else str(problem)
    return sentence if name == "non_field_errors" else f"{name}: {sentence}"


def _headers(exception: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(exception, Unavailable):
        headers["Retry-After"] = str(SLOW_SECONDS if isinstance(exception, TooSlow) else RETRY_SECONDS)
    elif wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return headers
