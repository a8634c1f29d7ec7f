"""How a label looks: our colour of it everywhere, readable by day and night, and never without its text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from desk.templatetags.labelcrm import badge, badges, length, phone, tone, whatsapp_label
from labels.models import Label
from labels.models.canonical import ColorFamily
from tests.desk.conftest import Shop
from tests.desk.contrast import SURFACES, contrast
from webhooks.gateways.label_details import PALETTE

BASE_DIR = Path(settings.BASE_DIR)
STYLES = BASE_DIR / "static/labelcrm/labels.css"
FAMILY = re.compile(r"\.lc-family-(\w+) \{ --lc-ground: (#\w{6}); --lc-ink: (#\w{6}); --lc-edge: (#\w{6}); \}")
FAMILIES = {name: colours for name, *colours in FAMILY.findall(STYLES.read_text())}
# The only code that names the classes of label colours: what draws, what colours.
OF_COLOURS = {"desk/templatetags/labelcrm.py", "static/labelcrm/labels.css", "static/labelcrm/charts.js"}
CONVENTION = {
    "new": "neutral", "cold": "neutral", "hot": "yellow", "waiting": "neutral", "won": "green",
    "after_sales": "neutral", "complaint": "red", "urgent": "red", "loyal": "blue",
}  # fmt: skip


@pytest.mark.parametrize("name", ColorFamily.values)
def test_every_badge_is_readable_and_every_edge_is_seen(name: str) -> None:
    ground, ink, edge = FAMILIES[name]
    assert contrast(ground, ink) >= 4.5
    assert min(contrast(edge, surface) for surface in SURFACES) >= 3


def test_the_dots_are_whatsapps_palette() -> None:
    dots = re.findall(r"\.lc-wa-(\d+) \{ --lc-ground: (#\w{6}); \}", STYLES.read_text())
    assert dots == [(str(index), colour) for index, colour in enumerate(PALETTE)]


def test_nothing_else_maps_labels_to_colours() -> None:
    """A template or page that named a class of its own would soon show another colour than the rest."""
    folders = ("desk", "reports", "transfer", "api", "templates", "static/labelcrm", "static/reports")
    files = [path for folder in folders for path in sorted((BASE_DIR / folder).rglob("*.*"))]
    files = [path for path in files if path.suffix in {".py", ".html", ".css", ".js"}]
    named = {str(path.relative_to(BASE_DIR)) for path in files if re.search(r"lc-(family|wa)-", path.read_text())}
    assert named == OF_COLOURS


@pytest.mark.django_db
def test_the_standard_labels_keep_the_convention() -> None:
    found = {label.meaning: label.color for label in Label.objects.exclude(meaning="grade")}
    assert found == CONVENTION
    grades = dict(Label.objects.filter(meaning="grade").values_list("name", "color"))
    assert grades == {"Grade A": "yellow", "Grade B": "neutral", "Grade C": "neutral"}, "only A is a warm prospect"


@pytest.mark.parametrize("name", ColorFamily.values)
def test_a_label_has_the_colour_that_people_gave_it(name: str) -> None:
    assert tone(Label(name="x", color=name)) == f"lc-family-{name}"


def draw(thing: object) -> str:
    return Template("{% load labelcrm %}{% label_badge thing %}").render(Context({"thing": thing}))


def test_a_label_on_a_contact_is_ours_whatever_colour_whatsapp_gives_it(shop: Shop) -> None:
    row = shop.whatsapp_label("HOT 🔥", label="Prospek panas", color=13)
    for drawn in (draw(shop.put(shop.contact(), row)), draw(row.label)):
        assert drawn == '<span class="lc-badge lc-family-yellow">Prospek panas</span>'


def test_where_labels_are_mapped_whatsapps_colour_is_a_dot_beside_its_name(shop: Shop) -> None:
    row = shop.whatsapp_label("HOT 🔥", label="Prospek panas", color=7)
    assert (
        whatsapp_label(row)
        == '<span class="lc-in-whatsapp"><i class="lc-dot lc-wa-7" aria-hidden="true"></i>HOT 🔥</span>'
    )
    row.color = 99
    assert "lc-wa-" not in whatsapp_label(row)


def test_a_label_that_nobody_has_mapped_is_neutral_and_says_so() -> None:
    label = Label(name="Promo Lebaran", color="red", reviewed=False)
    drawn = draw(label)
    assert 'class="lc-badge lc-family-neutral lc-badge--unmapped"' in drawn
    assert 'title="Belum diberi arti"' in drawn
    assert ".lc-badge--unmapped::after" in STYLES.read_text(), "and not by a dashed line alone"


def test_a_label_whose_name_is_not_known_yet_says_so(shop: Shop) -> None:
    row = shop.whatsapp_label("Label 77 (Number Rina)", label="Grade A", external_id="77", is_placeholder=True)
    assert "Label 77 (nama belum diketahui)" in whatsapp_label(row)


def test_a_badge_says_more_on_hover_only_where_there_is_more() -> None:
    short, long = Label(name="Grade A"), Label(name="Menunggu pembayaran kedua dan ketiga")
    assert "title" not in draw(short)
    assert f'title="{long.name}"' in draw(long), "it may be cut short"
    assert badges([badge(short, hint="sejak 3 Mar")]).count("title") == 1


def test_a_list_of_badges_is_light() -> None:
    """Fifty rows of three: what a list shows of labels stays far below the 150 KB that its page may weigh."""
    drawn = badges(badge(Label(name="Grade A", color="yellow")) for _ in range(150))
    assert len(drawn.encode()) < 150 * 64


def test_a_name_cannot_break_out_of_its_badge(db: None) -> None:
    drawn = draw(Label(name='"><script>alert(1)</script>', color="red"))
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_phones_and_durations_are_written_for_people() -> None:
    assert phone("+6281234567890") == "+62 812-3456-7890"
    assert phone("+99912") == "+99912"
    assert phone("") == ""
    assert [length(seconds) for seconds in (5, 300, 7200, 400_000)] == ["5 detik", "5 menit", "2 jam", "4 hari"]
