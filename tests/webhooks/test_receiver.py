"""Every line of the receiver's table, and of the bad-input table that concerns webhooks: never a 5xx but 503."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Channel
from contacts.services.channels import connect, set_secret
from tests.webhooks.generic import Bridge
from tests.webhooks.posting import Answer, request
from webhooks.drain import lanes
from webhooks.models import InboundEvent, PostCounter, UnknownChannel
from webhooks.receiver import store

pytestmark = pytest.mark.django_db
SECRET = "rahasia-waha-satu"


@pytest.fixture
def waha() -> Channel:
    return connect(gateway="waha", key="cs1", name="CS Rina", secret=SECRET, actor=None).channel


def signed(body: bytes, *, secret: str = SECRET, **options: Any) -> Answer:
    digest = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    options.setdefault("x_webhook_hmac", digest)
    return request("/hooks/waha/cs1/", body, **options)


def event(**fields: Any) -> bytes:
    return json.dumps({"id": "evt_1", "event": "session.status", "session": "cs1", "payload": {}, **fields}).encode()


def stored() -> int:
    return InboundEvent.objects.count()


def counted(outcome: str) -> int:
    return sum(PostCounter.objects.filter(outcome=outcome).values_list("count", flat=True))


@pytest.mark.usefixtures("waha")
class TestSigned:
    def test_a_signed_event_is_stored_before_it_is_answered_202(self) -> None:
        assert signed(event()).status == 202
        assert stored() == 1

    def test_a_signature_in_upper_case_is_as_good(self) -> None:
        body = event()
        digest = hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest().upper()
        assert signed(body, x_webhook_hmac=digest).status == 202

    @pytest.mark.parametrize("signature", ["", "abc", "0" * 128, "é" * 64, "\xff\xfe", "sha512=" + "0" * 128])
    def test_a_wrong_signature_leaves_nothing_but_a_counter(self, signature: str) -> None:
        assert signed(event(), x_webhook_hmac=signature).status == 401
        assert stored() == 0
        assert counted("wrong_signature") + counted("no_signature") == 1

    def test_the_senders_algorithm_header_chooses_nothing(self) -> None:
        body = event()
        weak = hmac.new(SECRET.encode(), body, hashlib.md5).hexdigest()
        assert signed(body, x_webhook_hmac=weak, x_webhook_hmac_algorithm="md5").status == 401

    def test_a_reserialised_body_is_refused(self) -> None:
        digest = hmac.new(SECRET.encode(), event(), hashlib.sha512).hexdigest()
        assert request("/hooks/waha/cs1/", event() + b" ", x_webhook_hmac=digest).status == 401

    def test_the_signature_of_another_channel_is_refused(self) -> None:
        connect(gateway="waha", key="cs2", name="CS Budi", secret="rahasia-waha-dua", actor=None)
        assert signed(event(), secret="rahasia-waha-dua").status == 401

    def test_both_secrets_are_good_during_a_rotation_and_only_the_new_one_after(self, waha: Channel) -> None:
        from datetime import timedelta

        set_secret(waha, "rahasia-baru-sekali", actor=None, overlap=timedelta(hours=1))
        assert signed(event(id="evt_a")).status == 202
        assert signed(event(id="evt_b"), secret="rahasia-baru-sekali").status == 202
        waha.secrets.filter(expires_at__isnull=False).delete()
        store.forget_channels()
        assert signed(event(id="evt_c")).status == 401

    def test_a_secret_changed_a_moment_ago_is_known_at_once(self, waha: Channel) -> None:
        signed(event(id="evt_a"))
        set_secret(waha, "rahasia-baru-sekali", actor=None)
        assert signed(event(id="evt_b"), secret="rahasia-baru-sekali").status == 202

    def test_a_refused_post_counts_on_the_day_of_the_business(self) -> None:
        with time_machine.travel(datetime(2026, 3, 8, 23, 30, tzinfo=UTC), tick=False):  # Monday 06:30 in Jakarta
            signed(event(), x_webhook_hmac="0" * 128)
        assert PostCounter.objects.get().day == date(2026, 3, 9)

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
    def test_only_posts_are_received(self, method: str) -> None:
        assert request("/hooks/waha/cs1/", event(), method=method).status == 405

    @pytest.mark.parametrize(
        "kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", None, ""]
    )
    def test_other_content_types_are_refused(self, kind: str | None) -> None:
        assert signed(event(), content_type=kind).status == 415

    @pytest.mark.parametrize(
        "kind", ["application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json"]
    )
    def test_json_by_any_name_is_received(self, kind: str) -> None:
        assert signed(event(), content_type=kind).status == 202

    def test_a_content_encoding_is_refused(self) -> None:
        assert signed(event(), content_encoding="gzip").status == 415

    @pytest.mark.parametrize("length", ["\u00b2", "", "-1", "1e3", "0x10", "9" * 25])
    def test_a_length_that_is_no_number_is_no_length(self, length: str) -> None:
        assert signed(event(), length=length).status == 202

    @pytest.mark.parametrize("length", ["\u00b2", "", "9" * 25])
    def test_without_a_length_what_comes_is_measured(self, length: str) -> None:
        assert signed(event(pad="x" * (1024 * 1024)), length=length).status == 413

    def test_a_body_beyond_the_limit_is_refused_and_counted(self) -> None:
        assert signed(event(pad="x" * (1024 * 1024))).status == 413
        assert signed(event(), length=5_000_000_000).status == 413
        assert (stored(), counted("too_large")) == (0, 2)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "not_json"),
            (b"hello", "not_json"),
            (b"\xff\xfe{}", "not_utf8"),
            ('{"id": "x"}'.encode("utf-16"), "not_utf8"),
            (b'{"id": "a", "id": "b"}', "duplicate_key"),
            (b'{"a":' * 900 + b"1" + b"}" * 900, "too_deep"),
            (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
            (b'{"ts": NaN}', "bad_number"),
            (b'{"ts": ' + b"9" * 5000 + b"}", "bad_number"),
        ],
    )
    def test_what_is_not_json_within_the_limits_is_400(self, body: bytes, code: str) -> None:
        answer = signed(body)
        assert (answer.status, answer.code, stored()) == (400, code, 0)

    @pytest.mark.parametrize(
        "body",
        [
            b"null", b"[]", b'"x"', b"3", b"{}", b'{"id": 5}', b'{"id": {"a": 1}}', b'{"event": "label.chat.added"}',
            b'{"id": "a", "event": "label.chat.added", "session": "cs1", "payload": null}',
            b'{"id": "b", "event": "label.chat.added", "session": "cs1", "payload": {"labelId": 1e400, "chatId": []}}',
            b'{"id": "c\\u0000d", "event": "label.upsert", "session": "cs1", "payload": {"id": "1", "name": "\\u0000"}}',  # noqa: E501
            b'{"id": "\\ud83d", "event": "label.upsert", "session": "cs1", "payload": {"id": "1", "name": "\\ud83d"}}',
            b'{"id": "d", "timestamp": true, "event": "label.upsert", "session": "cs1", "payload": {"id": "1"}}',
            b"\xef\xbb\xbf" + event(),
        ],
    )  # fmt: skip
    def test_strange_but_well_formed_json_is_kept_and_settled(self, waha: Channel, body: bytes) -> None:
        assert signed(body).status == 202
        lanes.drain(waha.pk)
        assert InboundEvent.objects.exclude(state="pending").count() == 1

    def test_a_name_of_three_hundred_families_is_cut_not_refused(self, waha: Channel) -> None:
        family = "\U0001f468‍\U0001f469‍\U0001f467"
        signed(event(event="label.upsert", payload={"id": "1", "name": family * 300, "color": 1}))
        lanes.drain(waha.pk)
        assert waha.labels.get().name.startswith(family)

    def test_the_same_delivery_in_parallel_words_is_stored_once(self) -> None:
        assert [signed(event()).status for _ in range(5)] == [202, 200, 200, 200, 200]
        assert (stored(), counted("duplicate")) == (1, 4)

    def test_another_session_in_the_body_is_parked_with_its_reason(self, waha: Channel) -> None:
        signed(event(session="lain"))
        lanes.drain(waha.pk)
        row = InboundEvent.objects.get()
        assert (row.state, row.reason) == ("parked", "session:lain")


class TestAddresses:
    def test_an_unknown_channel_is_503_and_remembered_without_its_body(self) -> None:
        for _ in range(3):
            answer = request("/hooks/waha/nobody/", event())
            assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
        row = UnknownChannel.objects.get()
        assert (row.gateway, row.key, row.count) == ("waha", "nobody", 3)

    def test_no_more_than_a_hundred_unknown_channels_are_remembered(self) -> None:
        for n in range(120):
            request(f"/hooks/waha/nobody{n}/", event())
        assert UnknownChannel.objects.count() == 100
        assert UnknownChannel.objects.filter(key="nobody119").exists(), "whoever knocks now is seen after any flood"

    @pytest.mark.usefixtures("waha")
    def test_a_key_of_another_gateway_is_an_unknown_channel(self) -> None:
        assert request("/hooks/gowa/cs1/", event()).status == 503

    @pytest.mark.parametrize(
        "path", ["/hooks/", "/hooks/waha/", "/hooks/nosuch/cs1/", "/hooks/waha/cs1/x/y/", "/hooks/é/é/"]
    )
    def test_other_addresses_do_not_exist(self, path: str) -> None:
        assert request(path, event()).status == 404

    def test_strange_keys_are_unknown_channels(self) -> None:
        for key in ("\x00", "é" * 50, "x" * 500, "..", "%00"):
            assert request(f"/hooks/waha/{key}/", event()).status == 503

    def test_a_token_address_without_or_with_a_wrong_token_is_401(self) -> None:
        bridge = Bridge("b1")
        assert request("/hooks/generic/b1/", b"{}").status == 401
        assert request("/hooks/generic/b1/wrong/", b"{}").status == 401
        assert request(bridge.connected.path, b"{}").status == 202

    def test_faults_are_judged_in_the_agreed_order(self) -> None:
        assert request("/hooks/waha/nobody/", b"x", method="GET", content_type="text/plain").status == 405
        assert request("/hooks/waha/nobody/", b"x", content_type="text/plain", length=9_999_999).status == 415
        assert request("/hooks/waha/nobody/", b"x", length=9_999_999).status == 413
        assert request("/hooks/waha/nobody/", b"x").status == 503

    def test_metas_handshake_answers_the_challenge_only_for_the_right_token(self) -> None:
        done = connect(gateway="cloudapi", key="meta", name="Meta", secret="app-secret-1", actor=None)
        good = f"hub.mode=subscribe&hub.verify_token={done.verify_token}&hub.challenge=12345"
        answer = request("/hooks/cloudapi/meta/", method="GET", query=good)
        assert (answer.status, answer.body) == (200, b"12345")
        assert request("/hooks/cloudapi/meta/", method="GET", query="hub.verify_token=x&hub.challenge=1").status == 403
        assert request("/hooks/cloudapi/none/", method="GET", query=good).status == 403


def test_a_credential_in_the_body_is_never_stored() -> None:
    done = connect(gateway="evolution", key="evo", name="Evo", actor=None)
    body = {"event": "labels.edit", "instance": "evo", "apikey": "KUNCI-RAHASIA", "data": {"id": "1", "name": "A"}}
    assert request(done.path, json.dumps(body).encode()).status == 202
    assert b"KUNCI-RAHASIA" not in bytes(InboundEvent.objects.get().body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["label.added", "label.removed", "label.saved", "label.deleted", "message", "status", "x"])


@given(
    body=st.fixed_dictionaries(
        {"id": JSON, "type": KINDS | JSON},
        optional={"at": JSON, "chat": JSON, "label": JSON, "message": JSON, "status": JSON, "phone": JSON},
    )
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_whatever_stops_the_lane(bridge_once: Bridge, body: dict[str, Any]) -> None:
    assert request(bridge_once.connected.path, json.dumps(body).encode()).status in (200, 202)
    bridge_once.drain()
    assert not InboundEvent.objects.filter(state="pending").exists()
    assert not InboundEvent.objects.filter(reason__contains="Error").exists()


@pytest.fixture
def bridge_once() -> Bridge:
    return Bridge("fuzz")
