"""Every spelling of a phone, and what is none."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcrm.lib import phones
from labelcrm.lib.phones import (
    AMBIGUOUS,
    FOLLOWED,
    SEVERAL,
    SHORTENED,
    TOO_LONG,
    UNREADABLE,
    lid_address,
    lid_digits,
    readings,
    to_e164,
)
from tests.numbers import mobiles


@pytest.mark.parametrize(
    ("spelling", "phone"),
    [
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("+62 (0)812 3456 7890", "+6281234567890"),
        ("620812 3456 7890", "+6281234567890"),
        ("62812.3456.7890", "+6281234567890"),
        ("006281234567890", "+6281234567890"),
        ("81234567890", "+6281234567890"),
        ("٠٨١٢٣٤٥٦٧٨٩٠", "+6281234567890"),
        ("+62\u00a0812\u20113456\u20117890", "+6281234567890"),
        ("(021) 555-1234", "+62215551234"),
        ("+65 9123 4567", "+6591234567"),
        ("14155552671", "+14155552671"),
        ("6281234567890@s.whatsapp.net", "+6281234567890"),
        ("6281234567890.0:12@s.whatsapp.net", "+6281234567890"),
        ("6281234567890@C.US", "+6281234567890"),
        ("6281100001", "+6281100001"),  # as a gateway tells it, whatever the numbering plan says
    ],
)
def test_any_spelling_becomes_e164(spelling: str, phone: str) -> None:
    assert to_e164(spelling, region="ID") == phone


@pytest.mark.parametrize(
    "text",
    ["", "+", "0", "628", "halo", "0812½", "1@lid", "6281234567890@g.us", "9" * 40, "0" * 70, "\x00"],
)
def test_what_is_no_phone_is_none(text: str) -> None:
    assert to_e164(text, region="ID") is None


def test_the_region_reads_national_numbers() -> None:
    assert to_e164("020 7946 0958", region="GB") == "+442079460958"


@given(st.text(max_size=80))
def test_no_text_breaks_it_and_what_it_returns_stays_the_same(text: str) -> None:
    phone = to_e164(text, region="ID")
    assert phone is None or to_e164(phone, region="ID") == phone
    lid_digits(text)


def test_lids_in_either_form() -> None:
    assert lid_digits("123456789@lid") == lid_digits("123456789") == lid_digits("123456789:4@lid") == "123456789"
    assert lid_digits("0123") is lid_digits("x@lid") is lid_digits("62812@c.us") is None
    assert (lid_address("123456789"), lid_address("")) == ("123456789@lid", None)


# -- What a cell may hold besides a number ---


@pytest.mark.parametrize(
    "cell",
    [
        "6281234500001.0", "6281234500001.00", "6281234500001,0", "6.281234500001E+12", "6,281234500001e12",
        '="081234500001"', "'081234500001", "\u2019081234500001", "tel:+62-812-3450-0001", "wa.me/6281234500001",
        "https://wa.me/+6281234500001?text=Halo%20kak%2C%20saya%20mau%20tanya", "whatsapp:+6281234500001",
        "https://api.whatsapp.com/send?phone=6281234500001&text=halo", "http://wa.me/081234500001/",
        "https://api.whatsapp.com/send/?text=a&phone=%2B62%20812-3450-0001", "WA: 0812 3450 0001",
        "No. HP 081234500001",
        "\u202a+62 812\u20113450\u20110001\u202c", "\ufeff0812\xa03450\u200b0001", "0\ufe0f\u20e381234500001",
        "\u260e\ufe0f 0812 3450 0001", "０８１２３４５００００１", "＋62 812 3450 0001", "(0812-3450-0001)",
        "081234500001,", "081234500001 / 0812-3450-0001",
    ],
)  # fmt: skip
def test_what_stands_around_a_number_is_no_part_of_it(cell: str) -> None:
    assert to_e164(cell, region="ID") == "+6281234500001"


@pytest.mark.parametrize(
    ("cell", "rest"),
    [
        ("6281234500001 (2)", "(2)"), ("6281234500001 / 2", "2"), ("6281234500001/2", "2"),
        ("081234500001 ext 2", "ext 2"),
        ("081234500001.5", ".5"), ("0812 3450 0001 2", "2"), ("081234500001 (Budi)", "(Budi)"),
        ("081234500001x2", "x2"),
        ("tel:+6281234500001;ext=2", "ext=2"), ("081234500001#2", "#2"), ("081234500001, 2", "2"),
    ],
)  # fmt: skip
def test_whatever_follows_a_complete_number_refuses_it(cell: str, rest: str) -> None:
    found = readings(cell, region="ID")
    assert (found.problem, found.numbers, found.rest) == (FOLLOWED, ("+6281234500001",), rest)
    assert found.number is None


@pytest.mark.parametrize(
    "between", ["/", " / ", ", ", ";", "\n", " ", "  ", " dan ", " atau ", " ::: ", " & ", " | ", " +"]
)
def test_two_numbers_are_two_readings_and_never_one_long_number(between: str) -> None:
    second = "6281234500002" if between.endswith("+") else "081234500002"
    found = readings(f"081234500001{between}{second}", region="ID")
    assert (found.problem, found.numbers) == (SEVERAL, ("+6281234500001", "+6281234500002"))


@pytest.mark.parametrize("cell", ["6.28E+12", "6,2812345E+12", "6.2812345000011E+12"])
def test_a_number_that_lost_digits_is_not_read(cell: str) -> None:
    assert readings(cell, region="ID").problem == SHORTENED


@pytest.mark.parametrize("cell", ["+628123450000100", "628123450000100", "00628123450000100", "+659123456789"])
def test_no_number_is_longer_than_its_countrys_plan(cell: str) -> None:
    assert readings(cell, region="ID").problem == TOO_LONG


def test_a_slash_behind_an_area_code_is_part_of_the_number() -> None:
    assert to_e164("021/5551234", region="ID") == "+62215551234"
    assert to_e164("0171/1234567", region="DE") == "+491711234567"


@pytest.mark.parametrize("cell", ["0812²", "½", "12345", "+999123456789", "wa.me/message/ABC", "nan", "-"])
def test_what_is_no_number_says_so(cell: str) -> None:
    assert readings(cell, region="ID") == phones.Readings(problem=UNREADABLE)


# -- Numbers of other countries ---


@pytest.mark.parametrize(
    ("digits", "numbers"),
    [
        ("85291234567", ("+85291234567", "+6285291234567")),
        ("818012345678", ("+818012345678", "+62818012345678")),
        ("821012345678", ("+821012345678", "+62821012345678")),
        ("886912345678", ("+886912345678", "+62886912345678")),
    ],
)
def test_digits_of_two_mobiles_are_ambiguous_and_both_are_named(digits: str, numbers: tuple[str, ...]) -> None:
    found = readings(digits, region="ID")
    assert (found.problem, found.numbers, found.number) == (AMBIGUOUS, numbers, None)


def test_a_mobile_goes_before_a_line_with_the_same_digits() -> None:
    assert to_e164("6591234567", region="ID") == "+6591234567"  # not +62 659-1234567
    assert to_e164("81234567890", region="ID") == "+6281234567890"  # not +81 23-456-7890


def test_no_mobile_without_its_plus_becomes_somebody_at_home() -> None:
    assert mobiles()
    for e164 in mobiles():
        found = readings(e164[1:], region="ID")
        assert found.number in (None, e164)
        assert e164 in found.numbers
        assert e164 in phones.lookups(e164[1:], region="ID")
        for spelled in (e164, f"00{e164[1:]}", f"wa.me/{e164[1:]}", f"{e164[1:]}@c.us"):
            assert to_e164(spelled, region="ID") == e164
        assert phones.as_written_by_us(e164[1:]) == phones.as_written_by_us(f"{e164[1:]}.0") == e164


@given(st.integers(10**8, 10**12 - 1).map(str), st.sampled_from(["0", "62", "+62", "0062", ""]))
def test_an_indonesian_mobile_is_read_with_any_beginning(rest: str, before: str) -> None:
    number = phonenumbers.parse(f"+62{rest}")
    if phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE:
        found = readings(before + rest, region="ID")
        assert f"+62{rest}" in found.numbers
        assert found.number == f"+62{rest}" or (not before and found.problem == AMBIGUOUS)


@given(st.text(alphabet="0123456789+-()./ \nEex,=\"'", max_size=40))
def test_no_cell_becomes_a_number_longer_than_its_plan(cell: str) -> None:
    found = readings(cell, region="ID")
    for e164 in found.numbers:
        assert phonenumbers.parse(e164)
        assert len(e164) <= 16
        assert e164[0] == "+"
        assert e164[1:].isdecimal()
    if found.number and found.number.startswith("+62"):
        assert len(found.number) <= 3 + 13
