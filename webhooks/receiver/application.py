"""The front door: verify a webhook post, store it, answer. Milliseconds, and nothing else.

A WSGI callable in front of Django, because reading headers and body through Django's request costs more than
everything done here. A 2xx means that the raw event is committed in PostgreSQL; our own troubles are always
503, because some gateways never retry a 4xx. Redis is not asked: a nudge is left with a thread of its own.

| answer | when |
|---|---|
| 202 / 200 | stored / a repeat of something stored |
| 404, 405, 415, 413 | no such gateway; method; content type or encoding; size |
| 503 | unknown or unfinished channel, database away, overload: come again |
| 401 | wrong or missing signature or token |
| 400 | authentic, but not JSON within the limits |
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from psycopg import Error as DatabaseError

from labelcrm.lib.numbers import whole_number
from labelcrm.lib.text import storable
from webhooks.gateways import GATEWAYS, bodies
from webhooks.gateways.base import Gateway
from webhooks.gateways.bodies import BodyError, decode, redact
from webhooks.receiver import store
from webhooks.receiver.nudging import nudge
from webhooks.receiver.store import ChannelRow, Overload

log = logging.getLogger(__name__)

PREFIX = "/hooks/"
FORM = "application/x-www-form-urlencoded"
Environ = dict[str, Any]
StartResponse = Callable[..., Any]

REASONS = {
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Content Too Large", 415: "Unsupported Media Type", 503: "Service Unavailable",
}  # fmt: skip


class Refused(Exception):
    """A post that is not accepted. `code` is stable, `sentence` for people, `retry_after` in seconds for 503."""

    def __init__(self, status: int, code: str, sentence: str, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence, self.retry_after = status, code, sentence, retry_after


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One request to a hook address. `is_form` is True for a form body the gateway may send."""

    gateway: Gateway
    key: str
    token: str | None
    environ: Environ

    @property
    def is_form(self) -> bool:
        return bool(self.gateway.form_field) and _media_type(self.environ) == FORM


class Receiver:
    """WSGI: posts below `/hooks/` are received, everything else goes to `django`."""

    def __init__(self, django: Callable[..., Iterable[bytes]]) -> None:
        self.django = django

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(PREFIX):
            return self.django(environ, start_response)
        try:
            status, body, kind = answer(environ)
            return _respond(start_response, status, body, kind)
        except Refused as refused:
            return _refuse(start_response, refused)
        except (DatabaseError, Overload) as error:
            log.warning("webhook not stored, the gateway is asked to come again: %s", error)
            return _refuse(start_response, Refused(503, "try_again", "Not stored: send it again.", retry_after=5))
        except Exception:
            log.exception("webhook not stored because of a fault of ours, the gateway is asked to come again")
            return _refuse(start_response, Refused(503, "try_again", "Not stored: send it again.", retry_after=30))


def answer(environ: Environ) -> tuple[int, bytes, str]:
    """Status, body and content type for one request below `/hooks/`; raises Refused, DatabaseError or Overload."""
    request = _address(environ)
    if environ["REQUEST_METHOD"] == "GET" and request.gateway.name == "cloudapi" and request.token is None:
        return 200, _challenge(request), "text/plain; charset=utf-8"
    if environ["REQUEST_METHOD"] != "POST":
        raise Refused(405, "method_not_allowed", "Webhooks are posted.")
    _check_content_type(request)
    raw = _read(request)
    channel = _channel(request)
    headers = _headers(environ)
    _authenticate(request, channel, raw, headers)
    return *_store(request, channel, raw, headers), "application/json"


def _address(environ: Environ) -> HookRequest:
    path = environ["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace")
    parts = path.removeprefix(PREFIX).rstrip("/").split("/")
    gateway = GATEWAYS.get(parts[0])
    if gateway is not None and gateway.event_in_url:
        parts = parts[:3]  # the body names the event as well
    if gateway is None or not 2 <= len(parts) <= 3 or (len(parts) == 3 and not gateway.token_in_url):
        raise Refused(404, "no_such_hook", "There is no such webhook address.")
    return HookRequest(gateway, parts[1], parts[2] if len(parts) == 3 else None, environ)


def _media_type(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()


def _check_content_type(request: HookRequest) -> None:
    media_type = _media_type(request.environ)
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json and not request.is_form:
        raise Refused(415, "unsupported_media_type", "Send application/json.")
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Refused(415, "unsupported_encoding", "Send the body without content encoding.")


def _read(request: HookRequest) -> bytes:
    limit = settings.WEBHOOK_MAX_BYTES
    length = str(request.environ.get("CONTENT_LENGTH") or "")
    stream = request.environ["wsgi.input"]
    announced = whole_number(length)  # none, or one that is no number: what comes is measured
    raw = b"" if announced and announced > limit else stream.read(limit + 1 if announced is None else announced)
    if (announced or 0) > limit or len(raw) > limit:
        _count(request, "too_large")
        raise Refused(413, "too_large", f"A body has at most {limit} bytes.")
    return bytes(raw)


def _count(request: HookRequest, outcome: str) -> None:
    """Count a refusal where the channel is known; what could not be counted is refused all the same."""
    with suppress(DatabaseError, Overload):
        channel = store.find_channel(request.gateway.name, request.key)
        if channel is not None:
            store.count(channel.id, outcome)


def _channel(request: HookRequest) -> ChannelRow:
    channel = store.find_channel(request.gateway.name, request.key)
    if channel is None:
        store.remember_unknown(request.gateway.name, request.key)
        raise Refused(503, "unknown_channel", "No such channel is set up here yet; kept in mind.", retry_after=60)
    if not channel.secrets:
        raise Refused(503, "no_secret", "This channel has no secret yet.", retry_after=60)
    return channel


def _headers(environ: Environ) -> dict[str, str]:
    return {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}


def _authenticate(request: HookRequest, channel: ChannelRow, raw: bytes, headers: dict[str, str]) -> None:
    def authentic(secrets: Iterable[str]) -> bool:
        return request.gateway.is_authentic(body=raw, headers=headers, token=request.token, secrets=secrets)

    if authentic(channel.secrets):
        return
    # The secret may have been changed a moment ago: what is remembered is asked once more before refusing.
    fresh = store.find_channel(request.gateway.name, request.key, fresh=True)
    if fresh is not None and fresh.secrets != channel.secrets and authentic(fresh.secrets):
        return
    store.count(channel.id, _why_not_authentic(request, headers))
    raise Refused(401, "not_authentic", "The signature or token does not match this channel's secret.")


def _why_not_authentic(request: HookRequest, headers: dict[str, str]) -> str:
    if request.gateway.signature is None:
        return "wrong_token" if request.token else "no_token"
    return "wrong_signature" if headers.get(request.gateway.signature.header) else "no_signature"


def _store(request: HookRequest, channel: ChannelRow, raw: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    gateway = request.gateway
    try:
        body, decoded = _from_form(gateway, raw) if request.is_form else (raw, decode(raw))
    except BodyError as error:
        store.count(channel.id, "not_json")
        raise Refused(400, error.code, error.sentence) from error
    except ValueError as error:
        store.count(channel.id, "not_json")
        raise Refused(400, "not_a_form", str(error)) from error
    clean = redact(decoded, gateway.secret_fields) if gateway.secret_fields else decoded
    stored = store.insert(
        channel_id=channel.id,
        dedupe_key=_storable_key(gateway.dedupe_key(headers, decoded)),
        headers={name: storable(headers[name], 500) for name in gateway.kept_headers if name in headers},
        body=body if clean is decoded else json.dumps(clean, ensure_ascii=True).encode(),
    )
    if not stored:
        store.count(channel.id, "duplicate")
        return 200, b'{"status": "duplicate"}\n'
    nudge(channel.id)
    return 202, b'{"status": "stored"}\n'


def _from_form(gateway: Gateway, raw: bytes) -> tuple[bytes, Any]:
    """The JSON in a form and its value, with the fields beside it that a JSON body would carry inside."""
    body = bodies.form_field(raw, str(gateway.form_field))
    decoded, beside = decode(body), bodies.form_fields(raw, gateway.form_beside)
    if not beside or not isinstance(decoded, dict):
        return body, decoded
    whole = {**beside, **decoded}
    return json.dumps(whole, ensure_ascii=True).encode(), whole


def _storable_key(key: str | None) -> str | None:
    """The dedupe key as it is, or its hash where a sender made it longer or stranger than the column takes."""
    if key is None or (len(key) <= 200 and key.isprintable()):
        return key
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _challenge(request: HookRequest) -> bytes:
    """Meta's handshake: the challenge comes back when the verify token is the channel's."""
    query = parse_qs(request.environ.get("QUERY_STRING", ""))
    token = query.get("hub.verify_token", [""])[0]
    channel = store.find_channel(request.gateway.name, request.key, fresh=True)
    expected = channel.verify_token if channel is not None else ""
    if not expected or not compare_digest(token.encode("utf-8", "replace"), expected.encode()):
        raise Refused(403, "wrong_verify_token", "The verify token is not this channel's.")
    return query.get("hub.challenge", [""])[0].encode()


def _respond(start_response: StartResponse, status: int, body: bytes, kind: str) -> list[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
    start_response(f"{status} {REASONS[status]}", headers)
    return [body]


def _refuse(start_response: StartResponse, refused: Refused) -> list[bytes]:
    body = json.dumps({"error": {"code": refused.code, "message": refused.sentence}}).encode() + b"\n"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if refused.retry_after is not None:
        headers.append(("Retry-After", str(refused.retry_after)))
    if refused.status == 405:
        headers.append(("Allow", "POST"))
    start_response(f"{refused.status} {REASONS[refused.status]}", headers)
    return [body]
