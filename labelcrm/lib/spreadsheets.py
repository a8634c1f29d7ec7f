"""Reading the tables that people upload, and refusing files that would hurt. Pure.

A few hundred kilobytes of XLSX can inflate to gigabytes, and one cell may claim to lie in row 1,048,576 of column
16,384. So the archive is looked at before anything is inflated (OWASP ASVS 5.0, 5.2.3), and rows and columns are
counted while they are read. Python's zipfile never inflates a member beyond the size its header declares, so a
header that lies only makes a broken file.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

MAX_BYTES = 20 * 1024 * 1024
MAX_INFLATED = 50 * 1024 * 1024
MAX_MEMBERS = 1_000
MAX_RATIO = 100
MAX_ROWS = 50_000  # as many contacts as one request writes within seconds
MAX_COLUMNS = 100
SMALL = 64 * 1024  # an empty sheet compresses better than any ratio says
OLD_EXCEL = b"\xd0\xcf\x11\xe0"


class UploadRefused(ValueError):
    """A file that is not taken. `code` is stable: not_csv, not_xlsx, old_excel, bomb, not_utf8, broken, too_large,
    too_many_rows, too_many_columns, empty, gone (the upload was cleared away)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Table:
    """A header and rows of text, each as wide as the header. Blank rows are left out, `numbers` says where each was."""

    headers: list[str]
    rows: list[list[str]]
    numbers: list[int]


def read_csv(raw: bytes) -> Table:
    """The table in a CSV file: UTF-8 (or UTF-16 with its mark), separated by comma, semicolon or tab.

    Raises UploadRefused.
    """
    _bounded(raw)
    if raw[:4] in (b"PK\x03\x04", OLD_EXCEL):
        raise UploadRefused("not_csv")
    text = _text(raw)
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _table(enumerate(lines, start=1))
    except csv.Error:
        raise UploadRefused("broken") from None


def read_xlsx(raw: bytes) -> Table:
    """The table on the active sheet of an XLSX file. Numbers are read as people see them, never as 6.28E+12.

    Raises UploadRefused.
    """
    from openpyxl import load_workbook

    _bounded(raw)
    _check_archive(raw)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        sheet = book.active
        sheet.reset_dimensions()  # what the file says of its size is not believed
        found = enumerate(sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True), start=1)
        return _table((number, [_cell(value) for value in row]) for number, row in found if any(row))
    except UploadRefused:
        raise
    except Exception:  # noqa: BLE001 - openpyxl lets a dozen kinds through for a damaged file
        raise UploadRefused("broken") from None


def _bounded(raw: bytes) -> None:
    if len(raw) > MAX_BYTES:
        raise UploadRefused("too_large")
    if not raw.strip():
        raise UploadRefused("empty")


def _check_archive(raw: bytes) -> None:
    if raw[:4] == OLD_EXCEL:
        raise UploadRefused("old_excel")
    if raw[:4] != b"PK\x03\x04":
        raise UploadRefused("not_xlsx")
    try:
        members = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UploadRefused("broken") from None
    if "xl/workbook.xml" not in {member.filename for member in members}:
        raise UploadRefused("not_xlsx")
    swollen = (m for m in members if m.file_size > SMALL and m.file_size > MAX_RATIO * max(m.compress_size, 1))
    if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_INFLATED or any(swollen):
        raise UploadRefused("bomb")


def _text(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise UploadRefused("not_utf8") from None


def _table(lines: Iterable[tuple[int, list[str]]]) -> Table:
    filled = ((number, line) for number, line in lines if any(cell.strip() for cell in line))
    header = next(filled, None)
    if header is None:
        raise UploadRefused("empty")
    headers = [name.strip() for name in header[1]]
    while not headers[-1]:
        headers.pop()
    width = len(headers)
    if width > MAX_COLUMNS:
        raise UploadRefused("too_many_columns")
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, line in filled:
        if len(rows) == MAX_ROWS:
            raise UploadRefused("too_many_rows")
        rows.append((line + [""] * width)[:width])
        numbers.append(number)
    return Table(headers, rows, numbers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)
