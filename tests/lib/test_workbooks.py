"""Workbooks that are small and take for ever: what they claim is counted while it is read."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from time import monotonic

import pytest
from openpyxl import Workbook

from labelcrm.lib.spreadsheets import UploadRefused, open_table, read_xlsx
from transfer import import_job

ROWS = [["phone", "name"], ["081234567890", "Budi"]]
SHEET, STYLES, BOOK, STRINGS = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml", "xl/sharedStrings.xml"
SECONDS = 20  # that no other file takes even where the computer is busy


def plain() -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in ROWS:
        book.worksheets[0].append(row)
    book.save(out)
    return out.getvalue()


def rewritten(changes: Mapping[str, tuple[str, str]], members: Mapping[str, bytes] | None = None) -> bytes:
    """A plain workbook; in the parts of `changes` the one text stands for the other, and there are `members` more."""
    source, out = zipfile.ZipFile(io.BytesIO(plain())), io.BytesIO()
    assert changes.keys() <= set(source.namelist())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            text = source.read(name).decode()
            old, new = changes.get(name, ("", ""))
            assert old in text
            archive.writestr(name, text.replace(old, new) if old else text)
        for name, body in (members or {}).items():
            archive.writestr(name, body)
    return out.getvalue()


def noise(size: int) -> str:
    """A comment that does not compress, so that the ratio of the part tells nothing."""
    return f"<!--{os.urandom(size // 2).hex()}-->"


def refused(raw: bytes) -> str:
    """Why a file is not read, which must be known soon."""
    begun = monotonic()
    with pytest.raises(UploadRefused) as told:
        read_xlsx(raw)
    assert monotonic() - begun < SECONDS
    return told.value.code


@pytest.mark.parametrize("row", ["1", "2"])
def test_a_row_beyond_the_last_of_a_sheet_is_one_too_many(row: str) -> None:
    assert refused(rewritten({SHEET: (f'<row r="{row}"', f'<row r="{10**15}"')})) == "too_many_rows"


def test_blank_rows_are_counted() -> None:
    blank = "<row/>" * 1_200_000 + noise(400_000)
    assert refused(rewritten({SHEET: ("</sheetData>", blank + "</sheetData>")})) == "too_many_rows"


def test_600000_styles_are_not_read() -> None:
    styles = "<xf/>" * 600_000 + noise(400_000) + "</cellXfs>"
    assert refused(rewritten({STYLES: ("</cellXfs>", styles)})) == "bomb"


def test_many_small_styles_are_not_read() -> None:
    styles = "<xf/>" * 300_000 + noise(400_000) + "</cellXfs>"
    assert refused(rewritten({STYLES: ("</cellXfs>", styles)})) == "bomb"


def test_a_sheet_that_is_named_a_thousand_times_is_not_read() -> None:
    sheet = zipfile.ZipFile(io.BytesIO(plain())).read(BOOK).decode().partition("<sheets>")[2].partition("</sheets>")[0]
    assert refused(rewritten({BOOK: (sheet, sheet * 1000)})) == "bomb"


@pytest.mark.parametrize("cells", ["<c/>", "<c><row/></c>", "<!--</row><row>--><c/>"])
def test_a_row_of_a_million_cells_is_not_read(cells: str) -> None:
    row = '<row r="1">' + cells * 1_000_000 + noise(800_000)
    assert refused(rewritten({SHEET: ('<row r="1">', row)})) == "bomb"


def test_a_text_of_a_million_pieces_is_not_read() -> None:
    head = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si>'
    texts = head + "<r/>" * 1_000_000 + "</si>" + noise(400_000) + "</sst>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    told = f'<Override PartName="/{STRINGS}" ContentType="{kind}"/></Types>'
    assert refused(rewritten({"[Content_Types].xml": ("</Types>", told)}, {STRINGS: texts.encode()})) == "bomb"


def test_entities_are_not_declared_far_behind_the_beginning() -> None:
    declared = noise(100_000) + '<!DOCTYPE worksheet [<!ENTITY a "aaaaaaaa">]><worksheet'
    assert refused(rewritten({SHEET: ("<worksheet", declared)})) == "bomb"


def test_a_workbook_with_a_large_picture_and_many_links_opens() -> None:
    """A link for each number is a relation of the sheet, of which no table has need."""
    link = '<Relationship Id="rId{}" Type="hyperlink" Target="https://wa.me/62812{}" TargetMode="External"/>'
    links = "<Relationships>" + "".join(link.format(n, 10**7 + n) for n in range(60_000)) + "</Relationships>"
    raw = rewritten(
        {},
        {
            "xl/media/image1.png": os.urandom(6_000_000),
            "xl/worksheets/_rels/sheet1.xml.rels": links.encode(),
            "xl/drawings/drawing1.xml": b"<a/>" * 1_000_000 + noise(400_000).encode(),
        },
    )
    table = open_table(raw)
    assert [table.headers, *(row for _number, row in table.rows)] == ROWS
    assert import_job.check_upload(raw, import_job.CONTACTS) == "xlsx"


def test_a_sheet_that_is_a_chart_is_passed_over() -> None:
    book, out = Workbook(), io.BytesIO()
    book.create_chartsheet("Chart", 0)
    for row in ROWS:
        book.worksheets[0].append(row)
    book.active = 0
    book.save(out)
    assert read_xlsx(out.getvalue()).rows == ROWS[1:]


def inflating() -> bytes:
    """A small workbook that unpacks to more than eight megabytes."""
    return rewritten({SHEET: ("</sheetData>", "</sheetData>" + noise(200_000) + " " * 8_400_000)})


def test_a_request_opens_no_workbook_that_unpacks_to_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the import waits for the request; the job has more time."""
    opened: list[bytes] = []
    monkeypatch.setattr(import_job, "open_upload", lambda raw, kind: opened.append(raw))
    assert import_job.check_upload(inflating(), import_job.CONTACTS) == "xlsx"
    assert not opened
