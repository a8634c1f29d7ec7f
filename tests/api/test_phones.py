"""Every spelling of a phone, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcrm.lib.phones import lid_address, lid_digits, to_e164


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
