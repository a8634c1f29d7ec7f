"""Cases 30, 33-40 and 49: what knocks at the door, in what clothes, and while who is away."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from contacts.models import Contact, Message
from contacts.services.channels import ChannelError, connect
from labels.models import ChannelLabel, LabelEvent
from tests.adversarial.number import BUDI, WITH_LABELS, Number, crossed, minutes, reasons, states
from tests.webhooks.gateways.payloads import Account, Post, WahaPayloads, WuzapiFormPayloads
from tests.webhooks.posting import request
from webhooks.drain import inbox, lanes
from webhooks.models import InboundEvent, PostCounter, UnknownChannel
from webhooks.receiver import store

pytestmark = pytest.mark.django_db


def nothing_happened() -> bool:
    return not (InboundEvent.objects.exists() or LabelEvent.objects.exists() or Contact.all_objects.exists())


def counted() -> dict[str, int]:
    return dict(PostCounter.objects.values_list("outcome", "count"))


@pytest.mark.parametrize("many", [True, False])
def test_case_30_evolution_tells_one_thing_or_a_list_of_them(many: bool) -> None:
    number = Number("evolution")
    changes = [
        {"instance": "cs1", "type": "add", "chatId": f"{BUDI}@s.whatsapp.net", "labelId": str(n)}
        for n in range(3 if many else 1)
    ]
    number.take(number.say.event("labels.association", changes if many else changes[0], at=minutes(1)))
    assert number.spans() == [(minutes(1), None)] * len(changes)


def test_case_30_one_unreadable_item_does_not_take_the_others_with_it() -> None:
    number = Number("evolution")
    good = {"type": "add", "chatId": f"{BUDI}@s.whatsapp.net", "labelId": "7"}
    number.take(number.say.event("labels.association", [good, {"type": "add"}, 7, None, {**good, "chatId": "x@g.us"}]))
    assert len(number.spans()) == 1
    assert reasons() == [("applied", "The post has no readable label id.")], "what was left out is not hidden"


@pytest.mark.parametrize("data", [None, "x", 7, [], [None], {}])
def test_case_30_data_that_says_nothing_is_kept_and_stops_nobody(data: Any) -> None:
    number = Number("evolution")
    number.take(number.say.event("labels.association", data, at=minutes(1)))
    number.label(BUDI, "7", minutes(2))
    number.drain()
    assert states() == ["parked", "applied"]


@pytest.mark.parametrize("gateway", [*WITH_LABELS, "cloudapi"])
def test_case_30_an_event_nobody_heard_of_is_parked_and_unknown_keys_change_nothing(gateway: str) -> None:
    number = Number(gateway)
    number.take(number.say.unheard_of())
    assert states() == ["parked"]
    if gateway != "cloudapi":
        said = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
        if gateway != "wuzapi-form":
            said = number.edited(said, lambda content: content.update(sparkles={"deep": [1, {"er": None}]}))
        number.take(said)
        assert states() == ["parked", "applied"]


def signature_of(post: Post) -> tuple[str, str]:
    return next((name, value) for name, value in post.headers.items() if name != "content-type")


BAD_SIGNATURES = {
    "wrong": lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
    "cut": lambda value: value[:-2],
    "empty": lambda value: "",
    "of another secret": lambda value: signature_of(WahaPayloads(Account(secret="lain")).post({}))[1],
    "doubled": lambda value: f"{value},{value}",
    "not ascii": lambda value: "ä" + value[1:],
}  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "gateway"), crossed(BAD_SIGNATURES, ("waha", "gowa", "wuzapi", "wuzapi-form", "cloudapi"))
)
def test_case_33_a_bad_signature_leaves_only_a_counter(bad: str, gateway: str) -> None:
    number = Number(gateway)
    post = number.say.message(BUDI)
    name, value = signature_of(post)
    answer = number.send(Post({**post.headers, name: BAD_SIGNATURES[bad](value)}, post.body))
    assert (answer.status, answer.code) == (401, "not_authentic")
    assert nothing_happened()
    assert sum(counted().values()) == 1


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "cloudapi"])
def test_case_33_a_missing_signature_is_refused_when_a_secret_is_set(gateway: str) -> None:
    number = Number(gateway)
    post = number.say.message(BUDI)
    assert number.send(Post({"content-type": "application/json"}, post.body)).status == 401
    assert counted() == {"no_signature": 1}


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "wuzapi-form"])
def test_case_33_hex_in_capitals_is_as_good(gateway: str) -> None:
    number = Number(gateway)
    post = number.say.message(BUDI)
    name, value = signature_of(post)
    prefix, _, digest = value.rpartition("=")
    upper = f"{prefix}={digest.upper()}" if prefix else digest.upper()
    assert number.send(Post({**post.headers, name: upper}, post.body)).status == 202


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "none", "SHA512", "sha256"])
def test_case_33_the_senders_algorithm_header_chooses_nothing(algorithm: str) -> None:
    number = Number("waha")
    post = number.say.message(BUDI)
    told = {**post.headers, "x-webhook-hmac-algorithm": algorithm}
    assert number.send(Post(told, post.body)).status == 202


def test_case_33_wahas_own_test_vector_is_accepted() -> None:
    """The documentation's: key my-secret-key, and the digest they print."""
    done = connect(gateway="waha", key="default", name="W", secret="my-secret-key", actor=None)
    body = b'{"event":"message","session":"default","engine":"WEBJS"}'
    digest = (
        "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
        "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
    )
    assert request(done.path, body, x_webhook_hmac=digest).status == 202


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "cloudapi"])
def test_case_34_a_body_that_a_proxy_wrote_anew_is_refused(gateway: str) -> None:
    number = Number(gateway)
    post = number.say.message(BUDI, text="Halo kak 🙏")
    anew = json.dumps(json.loads(post.body), indent=1).encode()
    assert number.send(Post(post.headers, anew)).status == 401
    assert counted() == {"wrong_signature": 1}


@pytest.mark.parametrize("secret", ["secret", "1234567", ""])
def test_case_35_gowas_default_secret_and_short_ones_cannot_be_set(secret: str) -> None:
    with pytest.raises(ChannelError):
        connect(gateway="gowa", key="cs1", name="G", secret=secret, actor=None)
    assert len(connect(gateway="gowa", key="cs1", name="G", actor=None).secret or "") > 30


@pytest.mark.parametrize("gateway", ["evolution", "wppconnect", "generic"])
def test_case_35_a_gateway_that_does_not_sign_needs_the_token_in_its_address(gateway: str) -> None:
    number = Number(gateway)
    post = number.say.label_on_chat(BUDI, "7", on=True)
    bare = f"/hooks/{gateway}/cs1/"
    for path in (bare, f"{bare}salah/", f"{bare}{'x' * 500}/", f"{bare}rahasia-cs/"):
        assert number.send(post, path=path).status == 401
    assert nothing_happened()
    assert counted() == {"no_token": 1, "wrong_token": 3}
    assert number.send(post).status == 202


def test_case_35_evolution_may_write_the_event_behind_its_address() -> None:
    """`webhookByEvents`: without this it would be told 404, which it never tries again."""
    number = Number("evolution")
    post = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    assert number.send(post, path=f"{number.connected.path}labels-association").status == 202
    number.drain()
    assert states() == ["applied"]


def test_case_36_a_retry_much_later_is_known_by_its_content() -> None:
    """We ask for no expiring token, so a retry proves itself as the first try did."""
    number = Number("evolution")
    post = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    number.take(post)
    InboundEvent.objects.update(received_at=minutes(1))
    assert number.send(post).status == 200
    number.drain()
    assert states() == ["applied"]


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "wuzapi-form", "evolution", "wppconnect"])
def test_case_37_an_event_of_another_session_waits_until_the_channel_takes_it(gateway: str) -> None:
    number = Number(gateway)
    stranger = type(number.say)(Account(session="cs9", secret=number.say.account.secret))
    number.take(stranger.label_on_chat(BUDI, "7", on=True, at=minutes(1)))
    assert reasons() == [("parked", "session:cs9")]
    assert not Contact.all_objects.exists()
    connect(gateway=number.gateway, key="cs1", name="Number cs1", session="cs9", actor=None)
    assert inbox.replay(InboundEvent.objects.filter(state="parked"), actor=None) == 1
    number.drain()
    assert states() == ["applied"]
    assert len(number.spans()) == 1


def test_case_37_gowa_without_a_session_name_is_the_channels_own() -> None:
    number = Number("gowa")
    post = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    number.take(number.edited(post, lambda content: content.pop("session_id")))
    assert number.spans() == [(minutes(1), None)]


def test_case_37_a_channel_nobody_set_up_is_asked_to_come_again_and_remembered() -> None:
    number = Number("evolution")
    post = number.say.label_on_chat(BUDI, "7", on=True)
    for _ in range(3):
        answer = number.send(post, path="/hooks/evolution/cs7/rahasia-cs1/")
        assert (answer.status, answer.code) == (503, "unknown_channel")
        assert int(answer.headers["Retry-After"]) > 0
    assert UnknownChannel.objects.get().count == 3
    assert nothing_happened()


class Gone:
    """The receiver's connections while there is no database."""

    def connection(self) -> Any:
        raise psycopg.OperationalError("connection refused")


def test_case_38_without_a_database_what_is_too_large_stays_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number("waha")
    monkeypatch.setattr(store, "pool", Gone())
    store.forget_channels()
    assert number.send(number.say.sealed(b'"' + b"A" * 5_000_000 + b'"')).status == 413


def test_case_38_without_a_database_the_gateway_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number("waha")
    with monkeypatch.context() as patch:
        patch.setattr(store, "pool", Gone())
        answer = number.send(number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1)))
    assert (answer.status, answer.code) == (503, "try_again")
    assert answer.headers["Retry-After"]
    assert nothing_happened()
    number.take(number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1)))
    assert number.spans() == [(minutes(1), None)]


def test_case_39_while_the_lane_is_busy_posts_are_only_stored() -> None:
    number = Number("gowa")
    with psycopg.connect(**_parameters()) as busy:
        busy.execute("SELECT pg_advisory_lock(%s, %s)", [lanes.LANE_LOCK, number.channel.pk])
        number.label(BUDI, "7", minutes(1))
        number.drain()
        assert states() == ["pending"]
    number.drain()
    assert states() == ["applied"]


def _parameters() -> dict[str, Any]:
    told = connection.get_connection_params()
    return {name: value for name, value in told.items() if name not in ("context", "cursor_factory")}


@pytest.mark.parametrize("gateway", ["waha", "gowa", "evolution", "wppconnect", "generic", "cloudapi"])
def test_case_40_a_form_is_wuzapis_alone(gateway: str) -> None:
    number = Number(gateway)
    form = WuzapiFormPayloads(number.say.account).label_on_chat(BUDI, "7", on=True)
    assert number.send(form).status == 415
    assert nothing_happened()


FORMS = {
    "no field": b"instanceName=cs1&userID=7",
    "two fields": b"jsonData=%7B%7D&jsonData=%7B%7D",
    "no json": b"jsonData=halo",
    "empty": b"",
    "not utf-8": b"jsonData=%7B%22a%22%3A%22%ff%22%7D",
    "not ascii": "jsonData={\"a\": \"ä\"}".encode(),
    "json instead": b'{"type": "Message"}',
    "many": b"&".join(b"f%d=1" % n for n in range(500)),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS)
def test_case_40_a_form_that_is_none_is_a_400(kind: str) -> None:
    number = Number("wuzapi-form")
    post = number.say.sealed(FORMS[kind], **{"content-type": "application/x-www-form-urlencoded"})
    assert number.send(post).status == 400
    assert counted() == {"not_json": 1}
    assert not InboundEvent.objects.exists()


BODIES = {
    "not json": (b"halo", "not_json"),
    "empty": (b"", "not_json"),
    "cut": (b'{"event": "message"', "not_json"),
    "not utf-8": (b'{"event": "\xff"}', "not_utf8"),
    "utf-16": ('{"event": "x"}'.encode("utf-16"), "not_utf8"),
    "twice the same key": (b'{"id": "1", "id": "2"}', "duplicate_key"),
    "deep": (b'{"a":' * 100 + b"1" + b"}" * 100, "too_deep"),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    "NaN": (b'{"timestamp": NaN}', "bad_number"),
    "digits": (b'{"timestamp": ' + b"9" * 10_000 + b"}", "bad_number"),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("gateway", ["waha", "evolution"])
def test_case_40_a_body_that_is_no_json_within_limits_is_a_400(gateway: str, kind: str) -> None:
    number = Number(gateway)
    body, code = BODIES[kind]
    answer = number.send(number.say.sealed(body))
    assert (answer.status, answer.code) == (400, code)
    assert nothing_happened()


SAYING_NOTHING = (b"null", b"[]", b"{}", b'"x"', b"7", b"true", b'\xef\xbb\xbf{"event": "x"}')
TAKING_JSON = (*(name for name in WITH_LABELS if name != "wuzapi-form"), "cloudapi")


@pytest.mark.parametrize(("body", "gateway"), crossed(SAYING_NOTHING, TAKING_JSON), ids=repr)
def test_case_40_json_that_says_nothing_is_kept_and_stops_nobody(body: bytes, gateway: str) -> None:
    number = Number(gateway)
    assert number.send(number.say.sealed(body)).status == 202
    number.drain()
    assert states() in (["parked"], ["ignored"])


def test_case_40_gzip_and_five_megabytes_are_refused_before_anything_is_read() -> None:
    number = Number("waha")
    post = number.say.message(BUDI)
    packed = number.say.sealed(gzip.compress(post.body), **{"content-encoding": "gzip"})
    assert number.send(packed).status == 415
    huge = number.say.sealed(b'{"payload": {"media": "' + b"A" * 5_000_000 + b'"}}')
    assert number.send(huge).status == 413
    assert counted() == {"too_large": 1}
    assert not InboundEvent.objects.exists()


def test_case_40_text_that_postgresql_cannot_store_is_made_storable() -> None:
    number = Number("waha")
    nasty = "a\x00b\ud800c"
    for post in (
        number.say.message(BUDI, text=nasty, name=nasty, message_id="A\x001", at=minutes(1)),
        number.say.label_saved("7\x00", name=nasty, color=1, at=minutes(1)),
        number.say.label_on_chat(BUDI, "7\x00", on=True, at=minutes(2)),
    ):
        content = json.loads(post.body.decode("utf-8", "surrogatepass"))
        number.hear(number.say.sealed(json.dumps(content, ensure_ascii=True).encode()))
    number.drain()
    assert states() == ["applied"] * 3
    assert Message.objects.get().text == "a\ufffdb\ufffdc"
    assert ChannelLabel.objects.get().name == "a\ufffdb\ufffdc"


def test_case_49_credentials_are_neither_stored_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    evolution = Number("evolution", "cs1")
    evolution.take(evolution.say.label_on_chat(BUDI, "7", on=True, at=minutes(1)))
    wuzapi = Number("wuzapi-form", "cs2")
    told = wuzapi.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    content = json.loads(json.loads(json.dumps(_form(told)))["jsonData"])
    wuzapi.take(wuzapi.say.post({**content, "token": "KUNCI-WUZAPI"}))
    bodies = b"".join(bytes(body) for body in InboundEvent.objects.values_list("body", flat=True))
    for secret in ("KUNCI-INSTANSI", "KUNCI-WUZAPI"):
        assert secret.encode() not in bodies
        assert secret not in caplog.text
    assert bodies.count(b"[redacted]") == 2
    assert states() == ["applied"] * 2


def _form(post: Post) -> dict[str, str]:
    from urllib.parse import parse_qs

    return {name: values[0] for name, values in parse_qs(post.body.decode()).items()}


def test_case_49_two_posts_that_differ_in_their_key_alone_are_one() -> None:
    number = Number("evolution")
    post = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    number.hear(post)
    other = number.edited(post, lambda content: content.update(apikey=None, server_url="https://lain.example"))
    assert number.send(other).status == 200
    assert InboundEvent.objects.count() == 1
    assert InboundEvent.objects.get().received_at - minutes(0) > timedelta(0)
