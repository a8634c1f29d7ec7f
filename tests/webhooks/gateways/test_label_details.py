"""WhatsApp's label colours."""

from __future__ import annotations

from typing import Any

import pytest

from webhooks.gateways import label_details


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (0, 0), (13, 13), (19, 19), ("13", 13), (" 13 ", 13), ("0", 0), (13.0, 13), ("#f74848", 13), ("#F74848", 13),
        ("f74848", 13), ("#ff0000", 13), ("#ffd42a", 2), (4292849392, 3), (0xFFF74848, 13), ("#ffffff", 17),
    ],
)  # fmt: skip
def test_a_colour_is_its_index_in_the_palette(value: Any, index: int) -> None:
    assert label_details.color_index(value) == index


@pytest.mark.parametrize(
    "value",
    [None, True, False, 20, 25, -1, "25", "-1", "", "merah", "#xyz", "#fff", "#000000", 1.5, 2**40, 2**63, float("nan"),
     float("inf"), [], {}, 0xFF000000, "١٣"],
)  # fmt: skip
def test_what_is_no_colour_of_the_palette_is_none(value: Any) -> None:
    assert label_details.color_index(value) is None


def test_every_hex_of_the_palette_finds_its_own_index() -> None:
    assert [label_details.color_index(value) for value in label_details.PALETTE] == list(range(20))


def test_the_first_told_colour_counts() -> None:
    assert label_details.first_color_index(None, 25, "#f74848", 1) == 13
    assert label_details.first_color_index(None, "") is None
