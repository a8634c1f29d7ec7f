"""What a WhatsApp name probably means: certain, likely, only a guess, or nothing."""

from __future__ import annotations

import pytest

from labels.rules.naming import normalize
from labels.rules.suggesting import CERTAIN, FAMILIES, GUESS, LIKELY, Suggester, family_of
from labels.rules.taxonomy import LABELS
from webhooks.gateways.label_details import PALETTE

NAMES = [label.name for label in LABELS]
SPELLINGS = [
    (normalize(text), NAMES.index(label.name) + 1)
    for label in LABELS
    for text in filter(None, (label.name, label.name_en, *label.aliases))
]
MEANINGS = {"hot": "Prospek panas", "won": "Selesai", "complaint": "Komplain", "loyal": "Pelanggan loyal"}
SUGGESTER = Suggester(SPELLINGS, meanings={code: NAMES.index(name) + 1 for code, name in MEANINGS.items()})
BLUE, YELLOW, PURPLE = 14, 2, 19


def suggested(name: str, color: int | None = None) -> tuple[str, str] | None:
    found = SUGGESTER.suggest(name, color=color)
    return (NAMES[found.label - 1], found.sure) if found else None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("🔥 HOT!!", "Prospek panas"),
        ("HotLead", "Prospek panas"),
        ("grade-a", "Grade A"),
        ("GradeA", "Grade A"),
        ("Nunggu TF", "Menunggu pembayaran"),
        ("udah byr", "Selesai"),
        ("hot prospek", "Prospek panas"),
    ],
)
def test_what_is_written_the_same_is_certain(name: str, label: str) -> None:
    assert suggested(name) == (label, CERTAIN)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Panas banget", "Prospek panas"),
        ("Cust Hot Lead JKT", "Prospek panas"),
        ("Komplen kirim", "Komplain"),
        ("Kompalin", "Komplain"),
        ("Selesei", "Selesai"),
        ("Grade A plus", "Grade A"),
    ],
)
def test_a_spelling_with_more_around_it_or_a_slip_is_likely(name: str, label: str) -> None:
    assert suggested(name) == (label, LIKELY)


@pytest.mark.parametrize(
    "name",
    ["Reseller", "belum lunas", "not paid", "komplain lunas", "Kelas", "A1", "Deals", "hotel", "🌵", "Tanya stok"],
)
def test_what_may_mean_the_opposite_or_two_things_gets_no_suggestion(name: str) -> None:
    assert suggested(name) is None


def test_the_colour_is_a_guess_where_the_name_says_nothing() -> None:
    assert suggested("Reseller", BLUE) == ("Pelanggan loyal", GUESS)
    assert suggested("Reseller", YELLOW) == ("Prospek panas", GUESS)
    assert suggested("Reseller", PURPLE) is None
    assert suggested("Hot", BLUE) == ("Prospek panas", CERTAIN)


def test_every_colour_of_whatsapp_has_a_family() -> None:
    assert len(FAMILIES) == len(PALETTE)
    assert [family_of(color) for color in (None, -1, 20, 13)] == ["", "", "", "red"]
