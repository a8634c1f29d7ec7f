"""JSON that means one thing."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcrm.lib.strict_json import MAX_DEPTH, JSONRefused, is_storable, loads

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


@given(values, st.booleans())
def test_ordinary_json_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(JSONRefused):
        loads(raw)


def test_depth_is_counted_outside_strings() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert loads(json.dumps(["[" * 100, '"{' * 100]).encode())
    with pytest.raises(JSONRefused, match="deeper"):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_an_escaped_backslash_is_no_nul() -> None:
    assert loads(rb'"\\u0000"') == r"\u0000"


def test_what_postgresql_cannot_keep() -> None:
    assert is_storable("Budi 💐")
    assert not is_storable("a\x00")
    assert not is_storable("\ud83d")
