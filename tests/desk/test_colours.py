"""The colours of buttons and links: readable by day and night, and neither green nor red, which mean good and bad."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.desk.contrast import DAY, NIGHT, contrast

PRIMARY = settings.UNFOLD["COLORS"]["primary"]
STYLES = Path(settings.BASE_DIR) / "static"


def hue(colour: str) -> float:
    """From 0 to 360; red is at both ends, green at 120."""
    return 360 * colorsys.rgb_to_hsv(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0]


@pytest.mark.parametrize("weight", sorted(PRIMARY, key=int))
def test_buttons_and_links_say_neither_good_nor_bad(weight: str) -> None:
    assert 180 < hue(PRIMARY[weight]) < 270


def test_buttons_and_links_are_readable_by_day_and_by_night() -> None:
    assert contrast(PRIMARY["600"], "#ffffff") >= 4.5, "white text on a button"
    assert contrast(PRIMARY["700"], PRIMARY["100"]) >= 4.5, "a pill of the menu"
    assert min(contrast(PRIMARY["600"], ground) for ground in DAY) >= 4.5
    assert min(contrast(PRIMARY["500"], ground) for ground in NIGHT) >= 4.5
    assert contrast(PRIMARY["800"], "#e9edef") >= 4.5, "what we wrote in a chat"


@pytest.mark.parametrize("name", ["lc-plus", "lc-minus"])
def test_a_label_that_came_or_went_is_neither_good_nor_bad(name: str) -> None:
    rules = [rule for path in STYLES.rglob("*.css") for rule in re.findall(rf"\.{name} \{{[^}}]*\}}", path.read_text())]
    assert rules
    assert all("color: var(--lc-" in rule for rule in rules)
