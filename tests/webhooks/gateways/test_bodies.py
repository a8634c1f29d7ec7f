"""Strict JSON and hidden credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webhooks.gateways import bodies


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b' \n{"a": [1, 2.5, true, null, "x"]}\n', {"a": [1, 2.5, True, None, "x"]}),
        ('"🔥"'.encode(), "🔥"),
        (b'"\\ud83d\\udd25"', "🔥"),
        (b'"\\ud83d"', "\ud83d"),
        (b'{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
        (b"1e400", "1e400"),
        (b"9223372036854775808", 2**63),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert bodies.decode(raw) == value


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b"{", "not_json"),
        (b'{"a": 1} {}', "not_json"),
        (b'{"a": 1,}', "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'"\x00"', "not_json"),
        (b"\xff", "not_utf8"),
        (b'{"a": "\xed\xa0\xbd"}', "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16-le"), "not_json"),
        (b'{"a": NaN}', "bad_number"),
        (b'{"a": -Infinity}', "bad_number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bad_number"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"x": [{"a": 1, "b": 2, "\\u0061": 3}]}', "duplicate_key"),
        (nested(33), "too_deep"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a": "' + b"]" * 40 + b'", "b": ' + nested(40) + b"}", "too_deep"),
    ],
)
def test_what_is_no_json_of_ours_is_refused_with_a_code_and_a_sentence(raw: bytes, code: str) -> None:
    with pytest.raises(bodies.BodyError) as refused:
        bodies.decode(raw)
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")


def test_32_levels_are_allowed() -> None:
    bodies.decode(nested(32))


def test_many_shallow_brackets_are_not_deep() -> None:
    assert len(bodies.decode(b"[" + b",".join([b"[{}]"] * 500) + b"]")) == 500


@pytest.mark.parametrize(
    "text", ["[" * 100, "{" * 100, 'a "quoted" [[[[' * 20, "\\" * 99 + "[" * 50, '\\"' * 50 + "{" * 40]
)
def test_brackets_inside_a_text_are_not_depth(text: str) -> None:
    assert bodies.decode(json.dumps({"a": text}).encode()) == {"a": text}


def test_a_body_of_nothing_but_open_quotes_is_refused_in_no_time() -> None:
    with pytest.raises(bodies.BodyError):
        bodies.decode(b"[" * 40 + b'"' + b'\\"' * 400_000)


def test_credentials_are_hidden_at_any_depth_in_any_case() -> None:
    body = {"ApiKey": "k", "data": [{"token": {"deep": 1}}, {"apikey": ""}], "name": "token"}
    assert bodies.redact(body, {"apikey", "token"}) == {
        "ApiKey": bodies.REDACTED,
        "data": [{"token": bodies.REDACTED}, {"apikey": bodies.REDACTED}],
        "name": "token",
    }


def test_a_body_without_credentials_comes_back_as_the_same_object() -> None:
    body = {"data": [{"id": "1"}], "apikey": None}
    assert bodies.redact(body, {"apikey"}) is body
    assert bodies.redact(body, ()) is body


def test_hiding_leaves_the_original_alone() -> None:
    body = {"data": {"token": "t"}}
    bodies.redact(body, {"token"})
    assert body == {"data": {"token": "t"}}
