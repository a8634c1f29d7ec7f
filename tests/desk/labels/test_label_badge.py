"""How a label looks: WhatsApp's colour or its family's, readable by day and night, and never without its text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from desk.templatetags.labelcrm import length, phone, tone
from labels.models import Label
from labels.models.canonical import ColorFamily
from tests.desk.conftest import Shop
from webhooks.gateways.label_details import PALETTE

STYLES = (Path(settings.BASE_DIR) / "static/labelcrm/labels.css").read_text()
RULE = re.compile(r"\.(lc-(?:wa|family)-\w+) \{ --lc-ground: #(\w{6}); --lc-ink: #(\w{6}); \}")
COLOURS = {name: (ground, ink) for name, ground, ink in RULE.findall(STYLES)}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_every_badge_is_readable(name: str) -> None:
    ground, ink = COLOURS[name]
    assert contrast(ground, ink) >= 4.5


def test_the_styles_hold_whatsapps_palette_and_every_family() -> None:
    assert [f"#{COLOURS[f'lc-wa-{index}'][0]}" for index in range(len(PALETTE))] == list(PALETTE)
    assert {name for name in COLOURS if "family" in name} == {f"lc-family-{family}" for family in ColorFamily.values}


def draw(thing: object) -> str:
    return Template("{% load labelcrm %}{% label_badge thing %}").render(Context({"thing": thing}))


def test_a_whatsapp_label_has_whatsapps_colour_and_a_canonical_one_its_familys(shop: Shop) -> None:
    row = shop.whatsapp_label("HOT 🔥", label="Prospek panas", color=7)
    assert tone(row.label, row) == "lc-wa-7"
    assert "lc-wa-7" in draw(row)
    assert "HOT 🔥" in draw(row)
    assert "lc-family-yellow" in draw(row.label)
    assert "Prospek panas" in draw(row.label)


def test_a_label_on_a_contact_shows_what_it_means_in_whatsapps_colour(shop: Shop) -> None:
    assignment = shop.put(shop.contact(), shop.whatsapp_label("GRADE A!!", label="Grade A", color=3))
    assert "lc-wa-3" in draw(assignment)
    assert "Grade A" in draw(assignment)
    assert "GRADE A!!" not in draw(assignment)


def test_a_label_whose_name_is_not_known_yet_says_so(shop: Shop) -> None:
    row = shop.whatsapp_label("Label 77 (Number Rina)", label="Grade A", external_id="77", is_placeholder=True)
    assert "Label 77 (nama belum diketahui)" in draw(row)


def test_a_name_cannot_break_out_of_its_badge(db: None) -> None:
    drawn = draw(Label(name='"><script>alert(1)</script>', color="red"))
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_phones_and_durations_are_written_for_people() -> None:
    assert phone("+6281234567890") == "+62 812-3456-7890"
    assert phone("+99912") == "+99912"
    assert phone("") == ""
    assert [length(seconds) for seconds in (5, 300, 7200, 400_000)] == ["5 detik", "5 menit", "2 jam", "4 hari"]
