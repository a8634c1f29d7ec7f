"""Cells that no program runs, and that come back as what they were."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labelcrm.lib.cells import MAX_LENGTH, are_plain, cleaned, for_csv, for_xlsx, from_csv, restored

HOSTILE = [
    "=1+1", "==1+1", "+62812", "-1", "@SUM(A1)", "\t=1", "\rx", "\nx", "\x00=1", "＝1+1", "＋1", "－1", "＠x", "  =1",
    "'=1", '"=1"', "''=1", "“=1", "\u200b=1", "\ufeff=1", "\u00a0=1", "\u2212 1", "=HYPERLINK(\"http://x\")", "|'=1",
]  # fmt: skip
ODD = st.text(alphabet=st.sampled_from("=+-@'\"\t\r\n \x00\u200b＝＋－＠a1"), max_size=8)


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_a_formula_gets_an_apostrophe_before_it(text: str) -> None:
    assert cleaned(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["Budi", "", "'", "'Budi'", "62812345", "a=b", "1+1", "“halo” kak", "|'=1", "Jl. Mawar 5-7"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cleaned(text) == text


@given(st.text() | ODD)
@example("'\tabc")
def test_what_is_cleaned_comes_back(text: str) -> None:
    assert restored(cleaned(text)) == text


PARTED = st.text(alphabet=st.sampled_from("=+-@'\"\t\r\n \x00;,＝a1/.|"), max_size=10)


@given(st.text() | ODD | PARTED, st.sampled_from(",;\t"))
@example(";'\t=1", ",")
def test_what_is_cleaned_for_csv_comes_back(text: str, delimiter: str) -> None:
    assert from_csv(for_csv(text, delimiter), delimiter) == cleaned(text)
    assert restored(from_csv(for_csv(text, delimiter), delimiter)) == text


@given(st.lists(st.text() | ODD | PARTED, min_size=1, max_size=3), st.sampled_from(",;"))
@example(["62812", "a;=1+cmd|'/C calc'!A0;b"], ",")
@example(["62812", "a,=1+1"], ";")
@example(["62812", "a\n=1+1"], ",")
def test_no_cell_of_a_csv_file_is_run_however_a_program_parts_it(cells: list[str], delimiter: str) -> None:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter=delimiter).writerow([for_csv(cell, delimiter) for cell in cells])
    for apart in ",;\t\r\n".replace(delimiter, ""):
        for part in line.getvalue().split(apart)[1:]:
            assert not re.match(r"[\s'\"]*[=+\-@＝]\s*[\w(]", part) or part.lstrip('" ').startswith("'"), part


@pytest.mark.parametrize("text", ["Rp500.000,-", "2.000,-/pcs; grosir", "Budi; Ani", "10.30, 31/12", "a;\tb", "7.7; -"])
def test_what_people_write_behind_a_comma_stays_as_it_is(text: str) -> None:
    assert for_csv(text) == text


@given(st.text() | ODD)
def test_no_cleaned_cell_begins_like_a_formula(text: str) -> None:
    first = cleaned(text)[:1]
    assert unicodedata.normalize("NFKC", first)[:1] not in set("=+-@\t\r\n\x00") or not first


@given(st.text() | ODD)
def test_xlsx_cells_are_xml_and_of_bounded_length(text: str) -> None:
    cell = for_xlsx(text)
    assert len(cell) <= MAX_LENGTH
    assert all(char in "\t\n\r" or char >= " " for char in cell)


def test_every_character_that_normalises_to_the_start_of_a_formula_is_known() -> None:
    for code in range(0x20, 0x10000):
        if 0xD800 <= code < 0xE000:
            continue
        if unicodedata.normalize("NFKC", chr(code))[:1] in set("=+-@"):
            assert cleaned(chr(code)) != chr(code), hex(code)


@given(st.lists((st.text(min_size=1) | ODD.filter(bool) | st.just("Budi")), min_size=1, max_size=4))
@example(["Budi", "<b>", "Siti"])
@example(["Budi", "=1"])
@example(["Budi |", "=1"])
@example(["a ", "b"])
def test_plain_cells_need_nothing_done_to_them(cells: list[str]) -> None:
    if are_plain(cells):
        assert [escape(for_xlsx(cell)) for cell in cells] == cells
        assert [cell.strip() for cell in cells] == cells


def test_what_people_write_is_plain_and_numbers_are_none() -> None:
    assert are_plain(["6281234567890", "Bu Siti 🌸 (Bandung)", "Grade A; Menunggu pembayaran", "2026-03-02 14:05"])
    assert not are_plain(["x" * MAX_LENGTH])
    with pytest.raises(TypeError):
        are_plain(["Budi", 3])  # type: ignore[list-item]
