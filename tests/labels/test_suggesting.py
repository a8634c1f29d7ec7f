"""What a WhatsApp name probably means: certain, likely, only a guess, or nothing."""

from __future__ import annotations

import pytest

from labels.rules.naming import normalize
from labels.rules.suggesting import (
    CERTAIN,
    COLOUR,
    CONTAINS,
    FAMILIES,
    GUESS,
    LIKELY,
    SHORTHAND,
    SIMILAR,
    SPELLING,
    SYNONYM,
    Suggester,
    Suggestion,
    family_of,
)
from labels.rules.taxonomy import LABELS
from webhooks.gateways.label_details import PALETTE

NAMES = [label.name for label in LABELS]
SPELLINGS = [
    (normalize(text), NAMES.index(label.name) + 1)
    for label in LABELS
    for text in filter(None, (label.name, label.name_en, *label.aliases))
]
MEANINGS = {"hot": "Prospek panas", "won": "Selesai", "complaint": "Komplain", "loyal": "Pelanggan loyal"}
BLUE, YELLOW, PURPLE, RED = 14, 2, 19, 0


def suggestion(name: str, color: int | None = None) -> Suggestion | None:
    suggester = Suggester(SPELLINGS, meanings={code: NAMES.index(label) + 1 for code, label in MEANINGS.items()})
    return suggester.suggest(name, color=color)


def suggested(name: str, color: int | None = None) -> tuple[str, str] | None:
    found = suggestion(name, color)
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
        ("Panas banget", "Prospek panas"),
        ("lunass", "Selesai"),
        ("slesai", "Selesai"),
    ],
)
def test_what_is_written_the_same_is_certain(name: str, label: str) -> None:
    assert suggested(name) == (label, CERTAIN)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Panas bulan ini", "Prospek panas"),
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
    [
        "Reseller",
        "blm selesai",
        "not hot",
        "tidak jadi beli",
        "batal lunas",
        "belum prospek panas",
        "komplain lunas",
        "Kelas",
        "A1",
        "Deals",
        "hotel",
        "🌵",
        "Tanya stok",
    ],
)
def test_what_may_mean_the_opposite_or_two_things_gets_no_suggestion(name: str) -> None:
    assert suggested(name) is None


@pytest.mark.parametrize(
    ("name", "color", "why", "word"),
    [
        ("🔥 HOT!!", None, SPELLING, "hot"),
        ("Nunggu TF", None, SHORTHAND, "menunggu transfer"),
        ("blm lunas", None, SYNONYM, "menunggu pembayaran"),
        ("Done (paid)", None, SPELLING, "done"),
        ("Panas bulan ini", None, CONTAINS, "panas"),
        ("Kompalin", None, SIMILAR, "komplain"),
        ("Reseller", BLUE, COLOUR, "blue"),
    ],
)
def test_a_suggestion_says_why_and_which_word_it_goes_by(name: str, color: int | None, why: str, word: str) -> None:
    found = suggestion(name, color)
    assert found is not None
    assert (found.why, found.word) == (why, word)


def test_words_that_mean_the_same_are_certain_where_one_label_has_them() -> None:
    assert suggested("belum bayar") == ("Menunggu pembayaran", CERTAIN)
    assert of({"lunas": 1, "selesai": 2}, "Paid") == 1
    assert of({"lunas": 1, "selesai": 2}, "Beres") == 2, "a shop may tell paid from done"
    assert of({"lunas": 1, "terbayar": 2}, "Paid") is None, "two labels are as good"
    assert of({"baru": 1}, "New") is None, "it may be anything that is new"
    assert of({"panas": 1, "selesai": 2}, "hot / done") is None
    assert of({"grade a": 1}, "Grade A+") is None or suggested("Grade A+") != ("Grade A", CERTAIN)


def of(spellings: dict[str, int], name: str) -> int | None:
    found = Suggester(spellings.items(), meanings={}).suggest(name)
    return found.label if found else None


def test_of_two_spellings_in_a_name_the_longer_one_holds_the_other() -> None:
    assert of({"grade": 1, "grade besar": 2}, "zona grade besar") == 2
    assert of({"zona": 1, "alfa zona": 2}, "x alfa zona") == 2
    assert of({"besar": 1, "grade": 2}, "grade besar") is None
    assert of({"lima": 1}, "lima kotak") == 1
    assert of({"dua": 1}, "dua kotak") is None, "too short to say anything inside a name"


def test_a_slip_is_looked_for_in_names_of_five_letters_and_more() -> None:
    assert of({"lunas": 1}, "lunass") == 1
    assert of({"menunggu": 1}, "me nungguu") == 1, "spaces do not count"
    assert of({}, "lunass") is None
    assert of({"lunass": 1}, "lunas") == 1
    assert of({"luna": 1}, "lunas") is None
    assert of({"lunas": 1}, "luna") is None
    assert of({"bunass": 1}, "lunass") is None, "a first letter is seldom mistyped"
    assert of({"lunasi": 1, "lunasa": 2}, "lunase") is None, "as like the one as the other"


def test_the_colour_is_a_guess_where_the_name_says_nothing() -> None:
    assert suggested("Reseller", BLUE) == ("Pelanggan loyal", GUESS)
    assert suggested("Reseller", YELLOW) == ("Prospek panas", GUESS)
    assert suggested("Reseller", RED) == ("Komplain", GUESS)
    assert suggested("Reseller", PURPLE) is None
    assert suggested("Hot", BLUE) == ("Prospek panas", CERTAIN)


def test_every_colour_of_whatsapp_has_a_family() -> None:
    assert len(FAMILIES) == len(PALETTE)
    assert [family_of(color) for color in (None, -1, 20, 13)] == ["", "", "", "red"]


def test_a_name_of_nothing_but_signs_keeps_them() -> None:
    assert normalize("🌵  🌵") == "🌵 🌵"
