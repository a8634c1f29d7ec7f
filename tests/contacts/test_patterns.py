"""Patterns of campaign rules: what is kept finds what it says, and cannot run away on any text."""

from __future__ import annotations

import time

import pytest

from contacts.rules import patterns
from contacts.rules.patterns import LONGEST_TEXT, PatternRefused
from labelcrm.lib.text import folded


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("(a+)+b", "runaway"),
        ("(a|a)*b", "runaway"),
        ("(a|ab)(c|bcd)(d*)*", "runaway"),
        ("(.*)(.*)(.*)x", "runaway"),
        ("a?" * 20 + "a" * 20, "runaway"),
        ("((a|b|c|d){1,9}){1,9}", "runaway"),
        ("(a{1,1000}){1,1000}", "runaway"),
        ("(?:a|a){15}(?:((((((((a))))))))){60}x", "runaway"),  # each of few ways is long
        ("(?:a|a){15}" + "a" * 150 + "x", "runaway"),
        ("(?=a)a", "feature"),
        (r"(a)\1", "feature"),
        ("(?i:a)b", "feature"),
        ("(a*+)b", "feature"),
        ("(?i)a", "broken"),
        ("a(", "broken"),
        ("a)(b", "broken"),
        ("[z-a]", "broken"),
        ("a{99999999999}", "broken"),
        (".*", "empty"),
        ("x?", "empty"),
        ("a" * 201, "long"),
    ],
)
def test_what_is_broken_or_could_run_away_is_refused(pattern: str, code: str) -> None:
    with pytest.raises(PatternRefused) as refused:
        patterns.check(pattern)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (".*a.*b", "a" * 1000),
        (r"\w+a\w+b", "a" * 1000),
        ("(?:a|a){1,14}b", "a" * 1000),
        ("a{0,200}a{0,200}b", "a" * 1000),
        ("(?:(?:a|a)){15}(?:a){14}(?:[ab]){15}x", "a" * 1000),
        (".*kode promo lebaran.*kaos polos hitam", "kode promo lebaran" * 50),
    ],
)
def test_the_worst_patterns_that_are_kept_end_soon(pattern: str, text: str) -> None:
    patterns.check(pattern)
    before = time.process_time()
    assert patterns.find(pattern, text, whole_words=False) is None
    assert time.process_time() - before < 6, "at most two where nothing else is at work"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"kaos ?\d{1,3}", "Halo, mau KAOS 25 dong", "kaos 25"),
        (r"kaos\d", "mau kaos25", None),
        ("(lbr|gajian)26", "promo_LBR26_ya", "lbr26"),
        ("#kaos-[0-9]+", "kode #KAOS-2!", "#kaos-2"),
        ("🔥{2,}", "mau🔥🔥🔥", "🔥🔥🔥"),
        ("^halo", "kak halo", None),
        (r"promo.*kaos", "promo lebaran kaos", "promo lebaran kaos"),
    ],
)
def test_a_pattern_finds_whole_words_in_any_case(pattern: str, text: str, found: str | None) -> None:
    patterns.check(pattern)
    assert patterns.find(pattern, folded(text), whole_words=True) == found


def test_a_pattern_may_find_a_part_of_a_word() -> None:
    assert patterns.find(r"kaos\d", "mau kaos25", whole_words=False) == "kaos2"


def test_only_the_beginning_of_a_long_message_is_looked_at() -> None:
    assert patterns.find("promo", "x " * LONGEST_TEXT + "promo", whole_words=True) is None
