"""What each gateway is told, to the byte, and what becomes of its answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.webhooks.gateways.sending import SENT, FakeGateway, answers_as, fake_gateway
from webhooks.gateways import GATEWAYS, sending
from webhooks.gateways.clients import CLIENTS
from webhooks.gateways.sending import GatewayAccess, SendAnswer, SendOutcome, send_text

PHONE = "+628123456789"
TEXT = 'Pagi ☀️ *3* menunggu\nlihat "hari ini": https://crm.example/?a=1&b=2'
IN_JSON = rb'"Pagi '.decode() + '☀️ *3* menunggu\\nlihat \\"hari ini\\": https://crm.example/?a=1&b=2"'
KEY = "user:r4hasia"
# Request line, headers besides those of every JSON post, body.
EXPECTED: dict[str, tuple[str, dict[str, str], str]] = {
    "waha": (
        "POST /api/sendText HTTP/1.1",
        {"x-api-key": KEY},
        f'{{"session":"toko 1/a","chatId":"628123456789@c.us","text":{IN_JSON},"linkPreview":false}}',
    ),
    "gowa": (
        "POST /send/message HTTP/1.1",
        {"authorization": "Basic dXNlcjpyNGhhc2lh", "x-device-id": "toko 1/a"},
        f'{{"phone":"628123456789@s.whatsapp.net","message":{IN_JSON}}}',
    ),
    "wuzapi": (
        "POST /chat/send/text HTTP/1.1", {"token": KEY}, f'{{"Phone":"628123456789","Body":{IN_JSON}}}',
    ),
    "evolution": (
        "POST /message/sendText/toko%201%2Fa HTTP/1.1",
        {"apikey": KEY},
        f'{{"number":"628123456789","text":{IN_JSON},"linkPreview":false}}',
    ),
    "wppconnect": (
        "POST /api/toko%201%2Fa/send-message HTTP/1.1",
        {"authorization": f"Bearer {KEY}"},
        '{"phone":"628123456789","isGroup":false,"isNewsletter":false,"isLid":false,"message":' + IN_JSON + "}",
    ),
}  # fmt: skip
EVERY_POST = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length"}


@pytest.fixture(params=sorted(CLIENTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gateway(name: str) -> Iterator[FakeGateway]:
    with fake_gateway(answers_as(name)) as found:
        yield found


def access(address: str) -> GatewayAccess:
    return GatewayAccess(base_url=address, api_key=KEY, session="toko 1/a")


def send(name: str, address: str, *, allowed: bool = True) -> SendAnswer:
    return send_text(CLIENTS[name], access(address), phone=PHONE, text=TEXT, is_allowed=lambda _url: allowed)


def test_each_gateway_is_told_exactly_what_it_documents(name: str, gateway: FakeGateway) -> None:
    assert send(name, gateway.address + "/") == SendAnswer(SendOutcome.SENT, "", SENT[name][0])
    [received] = gateway.received
    line, headers, body = EXPECTED[name]
    assert received.line == line
    assert {key: value for key, value in received.headers.items() if key not in EVERY_POST} == headers
    assert received.headers["content-type"] == "application/json"
    assert received.body == body.encode()


def test_every_client_belongs_to_a_gateway_that_can_be_heard() -> None:
    assert CLIENTS.keys() <= GATEWAYS.keys()
    assert CLIENTS.keys() == EXPECTED.keys() == SENT.keys()


def test_nothing_leaves_for_a_host_that_is_not_allowed(name: str, gateway: FakeGateway) -> None:
    assert send(name, gateway.address, allowed=False) == SendAnswer(SendOutcome.REFUSED, "host_not_allowed")
    assert gateway.received == []


def test_the_address_that_is_asked_about_is_the_one_that_is_called(name: str, gateway: FakeGateway) -> None:
    asked: list[str] = []
    send_text(
        CLIENTS[name], access(gateway.address), phone=PHONE, text=TEXT, is_allowed=lambda url: bool(asked.append(url))
    )
    assert asked == [gateway.address + EXPECTED[name][0].split()[1]]


def test_no_redirect_is_followed(name: str, gateway: FakeGateway) -> None:
    gateway.answer, gateway.headers = lambda _: (302, {}), {"Location": f"{gateway.address}/elsewhere"}
    assert send(name, gateway.address) == SendAnswer(SendOutcome.REFUSED, "redirected", 302)
    assert len(gateway.received) == 1


def test_the_key_is_in_no_representation() -> None:
    assert KEY not in repr(access("http://x"))
    assert not [name for name, client in CLIENTS.items() if KEY in repr(client.call(access("http://x"), "62", "x"))]


LATER, REFUSED, UNKNOWN = SendOutcome.LATER, SendOutcome.REFUSED, SendOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "content", "outcome", "code"),
    [
        (400, {"error": "x"}, REFUSED, "refused"),
        (401, b"Unauthorized", REFUSED, "not_let_in"),
        (403, {}, REFUSED, "not_let_in"),
        (404, b"<html>", REFUSED, "not_found"),
        (429, {}, LATER, "busy"),
        (500, {"message": "boom"}, LATER, "gateway_error"),
        (503, b"", LATER, "gateway_error"),
        (500, {"message": "server returned error 463"}, LATER, "new_chat_limit"),
        (500, {"error": "error sending message: timed out waiting for the server"}, UNKNOWN, "too_slow"),
        (502, b"Bad Gateway", UNKNOWN, "too_slow"),
        (504, b"", UNKNOWN, "too_slow"),
        (500, b'["' + b"x" * 100_000, LATER, "gateway_error"),
        (500, b"[" * 50_000, LATER, "gateway_error"),
        (400, b"\xff\xfe\x00", REFUSED, "refused"),
    ],
)
def test_what_any_gateways_answer_means(
    name: str, gateway: FakeGateway, status: int, content: Any, outcome: SendOutcome, code: str
) -> None:
    gateway.answer = lambda _: (status, content)
    assert send(name, gateway.address) == SendAnswer(outcome, code, status)


@pytest.mark.parametrize(
    ("name", "status", "content", "outcome", "code"),
    [
        ("waha", 422, {"error": "Session status is not as expected.", "session": "default", "status": "STARTING",
                       "expected": ["WORKING"]}, LATER, "not_connected"),
        ("waha", 422, {"message": "chatId is wrong"}, REFUSED, "refused"),
        ("gowa", 400, {"status": 400, "code": "INVALID_JID", "message": "user is not registered"}, REFUSED,
         "bad_number"),
        ("gowa", 500, {"status": 500, "code": "INVALID_WA_CLI", "message": "…"}, LATER, "not_connected"),
        ("gowa", 401, {"status": 401, "code": "AUTHENTICATION_ERROR", "message": "…"}, LATER, "not_connected"),
        ("gowa", 429, {"status": 429, "code": "WA_REACHOUT_TIMELOCK", "message": "…"}, LATER, "new_chat_limit"),
        ("gowa", 404, {"status": 404, "code": "DEVICE_NOT_FOUND", "message": "…"}, REFUSED, "not_found"),
        ("wuzapi", 500, {"code": 500, "error": "no session", "success": False}, LATER, "not_connected"),
        ("wuzapi", 200, {"code": 200, "success": False}, REFUSED, "refused"),
        ("evolution", 400, {"status": 400, "error": "Bad Request", "response": {"message": [
            {"jid": "628123456789@s.whatsapp.net", "exists": False, "number": "628123456789"}]}}, REFUSED,
         "bad_number"),
        ("evolution", 500, {"status": 500, "response": {"message": ["Error: Connection Closed"]}}, LATER,
         "not_connected"),
        ("wppconnect", 404, {"response": None, "status": "Disconnected", "message": "…"}, LATER, "not_connected"),
        ("wppconnect", 400, {"response": None, "status": "Connected", "message": "…"}, REFUSED, "bad_number"),
    ],
)  # fmt: skip
def test_what_a_gateway_says_in_its_own_way(
    name: str, gateway: FakeGateway, status: int, content: Any, outcome: SendOutcome, code: str
) -> None:
    gateway.answer = lambda _: (status, content)
    assert send(name, gateway.address) == SendAnswer(outcome, code, status)


@pytest.mark.parametrize("name", ["waha"])
def test_a_gateway_that_is_not_there_may_be_asked_again(name: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert send(name, address) == SendAnswer(LATER, "unreachable")


@pytest.mark.parametrize("name", ["waha"])
def test_a_gateway_that_took_the_text_and_says_nothing_is_never_asked_again(
    name: str, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answer = lambda _: None
    assert send(name, gateway.address) == SendAnswer(UNKNOWN, "broken_off")
    monkeypatch.setattr(sending, "SECONDS", 0.2)
    gateway.delay = 1.0
    assert send(name, gateway.address) == SendAnswer(UNKNOWN, "too_slow")


@pytest.mark.parametrize("name", ["waha"])
@pytest.mark.parametrize("address", ["", "gopher://127.0.0.1", "http://", "http://[::1", "http://a b/"])
def test_an_address_that_is_none_is_refused(name: str, address: str) -> None:
    assert send(name, address).outcome in (REFUSED, LATER)
