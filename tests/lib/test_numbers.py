"""Ids and whole numbers from outside are read in one place."""

from __future__ import annotations

import re

import pytest

from labelcrm.env import BASE_DIR
from labelcrm.lib.numbers import LARGEST_ID, row_id, whole_number

# The reader itself; phones, whose digits are any script's; nothing else asks a text whether it is a number.
READERS = ("labelcrm/lib/numbers.py", "labelcrm/lib/phones.py")


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", "-1", "1.0", "1_000", "²", "①", "١٢", "１２", "\x00", "9" * 25, str(2**63), None, 1, b"1"],
)
def test_what_is_no_number_in_ascii_digits_is_none(text: object) -> None:
    assert whole_number(text) is None
    assert row_id(text) is None


def test_a_number_is_read_up_to_what_the_column_holds() -> None:
    assert (whole_number("0"), row_id("0")) == (0, None)
    assert whole_number(str(LARGEST_ID)) == row_id(str(LARGEST_ID)) == LARGEST_ID
    assert (whole_number("10", largest=9), whole_number("9", largest=9)) == (None, 9)


def test_nothing_else_decides_what_a_digit_is() -> None:
    packages = {path.parent for path in BASE_DIR.glob("*/__init__.py")} - {BASE_DIR / "tests", BASE_DIR / "benchmarks"}
    files = [path for package in packages for path in package.rglob("*.py")]
    asks = re.compile(r"\.(isdigit|isdecimal|isnumeric)\b")
    found = {str(path.relative_to(BASE_DIR)) for path in files if asks.search(path.read_text())}
    assert len(files) > 100
    assert found == set(READERS)
