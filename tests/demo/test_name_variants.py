"""The five numbers of the demo call one thing by many names; the naming doctor finds every one of them."""

from __future__ import annotations

from demo.company import NUMBERS
from labels.rules.clustering import KnownName, clusters
from labels.rules.naming import normalize
from tests.labels.test_label_names import NAMES, suggester

STANDARD = {
    "new": "Pertanyaan baru", "hot": "Prospek panas", "grade a": "Grade A", "grade b": "Grade B", "grade c": "Grade C",
    "cold": "Prospek dingin", "waiting": "Menunggu pembayaran", "won": "Selesai", "loyal": "Pelanggan loyal",
    "after sales": "Purna jual", "complaint": "Komplain",
}  # fmt: skip


def found() -> dict[str, set[str]]:
    """The names of all numbers that are put together, by the label that they are to mean."""
    tags = [tag for number in NUMBERS for tag in (*number.tags.values(), *number.unused, number.extra) if tag]
    names = sorted({normalize(tag.name): tag.name for tag in tags}.values())
    groups = clusters([KnownName(name, None, 0) for name in names], suggester())
    return {
        NAMES[group.label] if group.label is not None else "": {names[member.place] for member in group.members}
        for group in groups
    }


def test_every_variant_that_was_planted_is_put_with_its_label() -> None:
    groups = {label: {normalize(name) for name in names} for label, names in found().items()}
    for number in NUMBERS:
        for kind, tag in number.tags.items():
            assert normalize(tag.name) in groups[STANDARD[kind]], (number.key, tag.name)
    assert normalize("Panas bulan ini") in groups["Prospek panas"], "a label that nobody ever put on anybody"
    assert groups[""] == {"batal order", "cancel"}, "a label that nobody has yet"


def test_labels_of_a_cs_own_are_put_with_nothing() -> None:
    together = {name for names in found().values() for name in names}
    own = {number.extra.name for number in NUMBERS if number.extra}
    assert not together & (own | {"VIP???", "jgn dihapus", "test"})
