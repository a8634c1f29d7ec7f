"""What people and programs write into the cells and headings of a file."""

from __future__ import annotations

from decimal import Decimal

import pytest

from labelcrm.lib.spreadsheets import UploadedTable, read_csv
from labelcrm.lib.text import legible, trimmed
from transfer.imports import headings, readers
from transfer.imports.files import open_upload
from transfer.imports.templates import COLUMNS

# -- Empty cells ---


@pytest.mark.parametrize(
    "cell",
    ["", "  ", "\u200b", "\ufeff", "\u3164", "-", "–", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!",
     "#NULL!",     "nan", "NaN", "None", "NULL", "n/a", "(blank)", "undefined", "Err:502", " #N/A ", "\u200e-\u200e"],
)  # fmt: skip
def test_what_a_program_writes_where_there_is_nothing_is_empty(cell: str) -> None:
    assert readers.is_empty(cell)


@pytest.mark.parametrize("cell", ["0", "no", "Nana", "Nan Tri", "NA", "#1", "-1", "=1+1", "x"])
def test_what_says_something_is_not_empty(cell: str) -> None:
    assert not readers.is_empty(cell)


# -- Names ---


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("\u200e Budi\u202c ", "Budi"), ("\ufeffSiti\xa0", "Siti"), ("Dewi ❤\ufe0f", "Dewi ❤\ufe0f"),
        ("👨\u200d👩\u200d👧 Keluarga", "👨\u200d👩\u200d👧 Keluarga"), ("ന\u0d4d\u200d", "ന\u0d4d\u200d"),
        ("می\u200cخواهم", "می\u200cخواهم"), ("Toko 24", "Toko 24"), ("007", "007"), ("2026", "2026"),
    ],
)  # fmt: skip
def test_a_name_loses_what_is_invisible_around_it_and_nothing_inside(cell: str, name: str) -> None:
    assert readers.name(cell) == name


@pytest.mark.parametrize(
    "cell",
    ["081234567890", "+62 812-3456-7890", "6281234567890.0", "6.28E+12", "wa.me/6281234567890", "'081234567890",
     "6281234567890@c.us", "\u202a+62 812\u20113456\u20117890\u202c", "081234567890 / 081234567891", "85291234567"],
)  # fmt: skip
def test_a_phone_number_is_no_name(cell: str) -> None:
    with pytest.raises(ValueError, match=r"Nama tetap|The name stays"):
        readers.name(cell)


# -- Times ---


@pytest.mark.parametrize(
    "cell",
    ["2026-12-31 10:30", "2026-12-31T10:30", "2026-12-31 10:30:00", "2026/12/31 10.30", "31/12/2026 10.30",
     "31/12/2026 10:30", "31-12-2026 10:30", "31.12.2026 10:30", "31/12/26 10.30", "31 Desember 2026 10.30",
     "31 Des 2026 10:30", "31 december 2026, 10.30", "Kamis, 31 Desember 2026 pukul 10.30", "31-Des-26 10:30",
     "\u200e31/12/2026\xa010.30", "31 Desember 2026 jam 10.30"],
)  # fmt: skip
def test_times_as_indonesians_and_their_spreadsheets_write_them(cell: str) -> None:
    assert f"{readers.moment(cell):%Y-%m-%d %H:%M %z}" == "2026-12-31 10:30 +0700"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("31/12/2026", "2026-12-31"), ("31-12-2026", "2026-12-31"), ("31/12/26", "2026-12-31"),
        ("31 Desember 2026", "2026-12-31"), ("1 Agt 2026", "2026-08-01"), ("1 Agustus 2026", "2026-08-01"),
        ("17 Mei 2026", "2026-05-17"), ("2 Oktober 26", "2026-10-02"), ("3/4/2026", "2026-04-03"),
        ("5 nop 2026", "2026-11-05"),
        ("Jum'at, 2 Januari 2026", "2026-01-02"), ("2026-03-02", "2026-03-02"), ("9 Peb 2026", "2026-02-09"),
    ],
)  # fmt: skip
def test_days_have_the_day_before_the_month(cell: str, day: str) -> None:
    assert f"{readers.day(cell)}" == day


@pytest.mark.parametrize(
    "cell",
    [
        "12/31/2026",
        "31/02/2026",
        "besok",
        "46387",
        "31/12",
        "1999-01-01",
        "31/12/2026 25.00",
        "31 Foo 2026",
        "²/1/2026",
    ],
)
def test_what_is_no_time_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="2026-03-02"):
        readers.moment(cell)


# -- Money ---


@pytest.mark.parametrize(
    "cell",
    ["1500000", "1.500.000", "1.500.000,00", "Rp1.500.000,-", "Rp 1.500.000", "Rp. 1.500.000,--", "IDR 1,500,000.00",
     "1,500,000", "1500000.0", "1500000,00", "1 500 000", "1,5 jt", "1.5 juta", "1500rb", "1500 ribu", "1.500.000 Rp",
     "\u200eRp\xa01.500.000"],
)  # fmt: skip
def test_rupiah_in_any_spelling_are_the_same_money(cell: str) -> None:
    assert readers.rupiah(cell) == Decimal(1_500_000)


@pytest.mark.parametrize(
    "cell",
    ["lots", "-5", "1.5E+6", "1.500.000,50", "1,5", "1.500 jt", "1.50.000", "²", "1500000000000000", "NaN", "1 2"],
)
def test_what_is_no_whole_rupiah_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="1500000"):
        readers.rupiah(cell)


# -- Headings ---


@pytest.mark.parametrize(
    ("found", "phone", "name"),
    [
        (["Name", "Given Name", "Phone 1 - Type", "Phone 1 - Value", "Phone 2 - Value"], 3, 0),  # Google, until 2024
        (["First Name", "Middle Name", "Last Name", "E-mail 1 - Value", "Phone 1 - Label", "Phone 1 - Value"], 5, None),
        (["First Name", "Last Name", "Home Phone", "Business Phone", "Mobile Phone"], 4, None),  # Outlook
        (["id", "name", "email", "phone_number", "identifier"], 3, 1),  # Chatwoot
        (["No", "Nama Lengkap", "No. HP / WA", "Alamat"], 2, 1),
        (["NAMA PELANGGAN", "Nomor WhatsApp"], 1, 0),
        (["\ufeffNo_HP", "\u200eNama"], 0, 1),
        (["Telepon", "WA", "Nama"], 1, 2),
        (["Nomor\nHP:", "nama"], 0, 1),
    ],
)
def test_headings_of_other_programs_and_shops_are_known(found: list[str], phone: int, name: int | None) -> None:
    named = headings.our_names(found)
    assert named.index("phone") == phone
    assert ("name" in named and named.index("name")) == (False if name is None else name)
    assert len(set(named)) == len(named)
    assert "id" not in named


def test_an_id_is_ours_only_in_our_own_export() -> None:
    assert "id" in headings.our_names(["id", "phone", "lids", "name"])
    assert "id" in headings.our_names(["name", "id", "phone", "opted_out", "assigned_to"])
    assert "id" not in headings.our_names(["id", "phone", "name", "labels"])
    assert "id" not in headings.our_names(["ID", "Phone", "LIDs"])


def opened(text: str) -> list[dict[str, str]]:
    """The rows of a file of contacts, as they are understood."""
    upload = open_upload(text.encode(), headings.CONTACTS)
    return [dict(zip(upload.names, row, strict=True)) for row in upload.rows]


def test_first_and_last_names_are_joined() -> None:
    rows = opened("First Name,Middle Name,Last Name,Mobile Phone\nSiti,,Aminah,0812\n,,,0813\n")
    assert [row["name"] for row in rows] == ["Siti Aminah", ""]


def test_another_column_with_numbers_counts_where_the_first_is_empty() -> None:
    rows = opened("Nama,Telepon,WA,HP\nA,1,2,3\nB,1,,3\nC,1,,\n")
    assert [row["phone"] for row in rows] == ["2", "3", "1"]


def test_a_label_of_google_contacts_is_none_of_ours() -> None:
    assert "labels" in headings.our_names(["Name", "Labels", "Phone"])
    assert "labels" not in headings.our_names(["Name", "Labels", "Phone 1 - Value"])


@pytest.mark.parametrize("kind", headings.KINDS)
@pytest.mark.parametrize("place", [0, 1])
def test_every_heading_of_a_template_is_known(kind: str, place: int) -> None:
    columns = [column for column in COLUMNS[kind] if column.heads[place]]
    named = headings.our_names([column.heads[place] for column in columns], kind)
    assert named == [column.name for column in columns]


# -- Tables ---


def read(text: str) -> UploadedTable:
    return read_csv(text.encode(), is_heading=headings.is_known)


@pytest.mark.parametrize(
    "text",
    [
        "phone;name\n0812;Budi, S.E., M.M.\n",
        "phone;name\r\n0812;Budi, S.E., M.M.\r\n",
        "sep=;\nphone;name\n0812;Budi, S.E., M.M.\n",
        '"sep=;"\r\nphone;name\r\n0812;Budi, S.E., M.M.\r\n',
        "\ufeffsep=;\nphone;name\n0812;Budi, S.E., M.M.\n",
        "phone\tname\n0812\tBudi, S.E., M.M.\n",
        "phone|name\n0812|Budi, S.E., M.M.\n",
        'phone,name\n0812,"Budi, S.E., M.M."\n',
        '"phone","name"\n"0812","Budi, S.E., M.M."\n',
        'phone,name,"a;b;c;d"\n0812,"Budi, S.E., M.M.",\n',
        "Daftar pelanggan, cabang Jakarta, 2026\n\nphone;name\n0812;Budi, S.E., M.M.\n",
        'Daftar pelanggan,,\nper 31/12/2026,,\nphone,name,x\n0812,"Budi, S.E., M.M.",\n',
    ],
)
def test_separators_are_told_by_the_cells_that_they_make(text: str) -> None:
    table = read(text)
    assert table.headers[:2] == ["phone", "name"]
    assert [row[:2] for row in table.rows] == [["0812", "Budi, S.E., M.M."]]
    assert table.numbers == [text.replace("\r", "").rstrip("\n").count("\n") + 1]


def test_a_row_that_repeats_a_heading_does_not_become_the_header() -> None:
    assert read("phone,name\n0812,agent\n0813,CS\n").rows == [["0812", "agent"], ["0813", "CS"]]
    assert read("a,b\nc,d\n").headers == ["a", "b"]


# -- Text ---


def test_legible_text_is_what_an_eye_reads() -> None:
    assert legible("\u202a＋６２\xa0 812\ufeff\ufe0f\u200d\t9\r\n8") == "+62 812 9\n8"
    assert trimmed("\u200f\u202eX\u202c") == "X"
