"""What names a row of a report: written in an address, read from one, and asked for in SQL."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from reports.query import InvalidQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import facts
from reports.selectors.facts import Facts
from reports.selectors.row_keys import CODES, DAYS, IDS, PAIRS, STEPS, KeyType, pair, pair_of

KEYS: list[tuple[KeyType, Any, str]] = [
    (IDS, 12, "12"),
    (IDS, None, "null"),
    (DAYS, date(2026, 3, 2), "2026-03-02"),
    (CODES, "cs-1", "cs-1"),
    (STEPS, 0, "0"),
    (PAIRS, pair(12, 15), "12:15"),
    (PAIRS, pair(None, 12), "null:12"),
    (PAIRS, pair("new", None), "new:null"),
]


@pytest.mark.parametrize(("key_type", "key", "text"), KEYS)
def test_a_key_is_read_as_it_is_written(key_type: KeyType, key: Any, text: str) -> None:
    assert key_type.write(key) == text
    assert key_type.read(text) == key
    assert key_type.plain(key) in (key, text)


@pytest.mark.parametrize(
    ("key_type", "text"),
    [
        (IDS, "0"), (IDS, "x"), (IDS, "9" * 25), (DAYS, "2026-02-30"), (DAYS, "20260302"), (DAYS, "12"), (CODES, ""),
        (CODES, "x" * 101), (CODES, "a\x00b"), (STEPS, "-1"), (STEPS, "40000"), (PAIRS, "12"), (PAIRS, "12:x"),
        (PAIRS, ":"), (PAIRS, "1:2:3"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_key_is_none(key_type: KeyType, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the text is, it is no key
        key_type.read(text)


@pytest.mark.django_db
def test_sql_writes_pairs_as_python_does() -> None:
    pairs = [pair_of("12", "15"), pair_of("NULL", "12"), pair_of("'new'", "NULL")]
    [(both, none, new)] = fetch(f"SELECT {', '.join(pairs)}", [])
    assert [both, none, new] == [pair(12, 15), pair(None, 12), pair("new", None)]


@pytest.mark.django_db
@pytest.mark.parametrize(("key_type", "key"), [(key_type, key) for key_type, key, _text in KEYS])
def test_facts_are_counted_and_listed_by_keys_of_any_kind(key_type: KeyType, key: Any) -> None:
    known = Facts(
        key=key_type,
        query=f"""SELECT who::{key_type.sql}, n::bigint AS contact_id, NULL::bigint AS label_id, now() AS at
                  FROM (VALUES (%(key)s::{key_type.sql}, 1), (%(key)s, 2), (NULL, 3)) AS given (who, n)""",
        counts={"all": "true"},
    )
    values = {"key": key}
    wanted = [1, 2, 3] if key is None else [1, 2]
    assert facts.summarize(known, values)[key]["all"] == len(wanted)
    assert [row.contact_id for row in facts.rows(known, "all", values, who=key, limit=9)] == wanted
    assert facts.count(known, "all", values, who=key) == (len(wanted), len(wanted))
    found = fetch(facts.contacts(known, "all"), {**values, "who": key})
    assert sorted(contact for (contact,) in found) == wanted


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["x", "7"])
def test_a_row_that_is_not_there_is_refused_by_name(text: str) -> None:
    query = parse_query(REPORTS["agents"], {}, viewer=Viewer(everything=True))
    with pytest.raises(InvalidQuery) as refused:
        query.row("added", text)
    assert (refused.value.name, refused.value.code) == ("row", "unknown_value")
    assert query.row("added", "null") is None
