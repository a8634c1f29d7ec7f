"""docs/phone-numbers.md: every example of its table is read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labelcrm.lib import phones

PAGE = Path(__file__).resolve().parents[2] / "docs" / "phone-numbers.md"
ROWS = re.findall(r"^\| `(?P<text>[^`]+)` \| (?P<read>[^|]+) \| (?P<why>[^|]+) \|$", PAGE.read_text(), re.MULTILINE)


def test_the_page_has_more_than_thirty_examples() -> None:
    assert len(ROWS) > 30
    assert len({text for text, _read, _why in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("text", "read", "why"), ROWS)
def test_a_number_is_read_as_the_page_says(text: str, read: str, why: str) -> None:
    found = phones.readings(text, region="ID")
    refused, _, numbers = read.partition(": ") if read.startswith("refused") else ("", "", read)
    assert found.number == (None if refused else read)
    if numbers:
        assert list(found.numbers[: 2 if refused else 1]) == numbers.split(" or ")
    if found.problem == phones.FOLLOWED and "“" in why:
        assert f"“{found.rest}”" in why
    assert why
