"""What the API accepts as a body: strict JSON of a bounded size, and files of one where a file is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser, MultiPartParser

from labelcrm.lib import spreadsheets, strict_json
from labelcrm.lib.numbers import whole_number

MAX_BYTES = 1024 * 1024
MAX_UPLOAD_BYTES = spreadsheets.MAX_BYTES + MAX_BYTES  # what is too large by less is told what is wrong with the file


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The body is larger than 1 MB. Nothing was changed.")
    default_code = "body_too_large"


class UploadTooLarge(BodyTooLarge):
    default_detail = _("The file is larger than 20 MB: split it.")


class StrictMultiPartParser(MultiPartParser):
    """A form with a file, of a bounded size: what says that it is larger is not read."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if whole_number(length, largest=MAX_UPLOAD_BYTES) is None:
            raise UploadTooLarge
        return super().parse(stream, media_type, parser_context)


class StrictJSONParser(BaseParser):
    """JSON in UTF-8: at most 1 MB and 32 levels, no key twice, no NaN, no text that cannot be stored."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = (parser_context or {})["request"].headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise UnsupportedMediaType(encoding)
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise BodyTooLarge
        try:
            return strict_json.loads(raw)
        except strict_json.JSONRefused as refusal:
            raise ParseError(str(refusal), code=refusal.code) from None
