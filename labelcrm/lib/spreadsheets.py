"""Reading the tables that people upload, and refusing files that would hurt. Pure.

A few hundred kilobytes of XLSX can inflate to gigabytes, and one cell may claim to lie in row 1,048,576 of column
16,384. So the archive is looked at before anything is inflated (OWASP ASVS 5.0, 5.2.3), and rows and columns are
counted while they are read. Python's zipfile never inflates a member beyond the size its header declares, so a
header that lies only makes a broken file.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

MAX_BYTES = 20 * 1024 * 1024
MAX_INFLATED = 50 * 1024 * 1024
MAX_MEMBERS = 1_000
MAX_RATIO = 100
MAX_ROWS = 50_000  # as many contacts as one request writes within seconds
MAX_COLUMNS = 100
SMALL = 64 * 1024  # an empty sheet compresses better than any ratio says
SEPARATORS = ",;\t|"
GUESSED_FROM = 64 * 1024  # characters
HEADER_WITHIN = 10  # rows: a title, a date and a blank may stand above the header
_NAMED_SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?\r?\n', re.IGNORECASE)
# How XLSX writes what XML cannot hold, and an underscore before what only looks like that.
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f])_|_x005F_(?=x[0-9A-Fa-f]{4}_)")
OLD_EXCEL = b"\xd0\xcf\x11\xe0"


IsHeading = Callable[[str], bool]


def _nothing_known(heading: str) -> bool:
    return False


class UploadRefused(ValueError):
    """A file that is not taken. `code` is stable: not_csv, not_xlsx, old_excel, bomb, not_utf8, broken, too_large,
    too_many_rows, too_many_columns, empty, gone (the upload was cleared away)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class UploadedTable:
    """A header and rows of text, each as wide as the header. Blank rows are left out, `numbers` says where each was."""

    headers: list[str]
    rows: list[list[str]]
    numbers: list[int]


def read_csv(raw: bytes, *, is_heading: IsHeading = _nothing_known) -> UploadedTable:
    """The table in a CSV file: UTF-8 (or UTF-16 with its mark), separated by comma, semicolon, tab or bar.

    A first line `sep=;`, as Excel writes it, names the separator. `is_heading` knows headings: with its help a title
    above the header is left out. Raises UploadRefused.
    """
    _bounded(raw)
    if raw[:4] in (b"PK\x03\x04", OLD_EXCEL):
        raise UploadRefused("not_csv")
    text = _text(raw)
    named = _NAMED_SEPARATOR.match(text)
    text = text[named.end() :] if named else text
    separator = named["separator"] if named else _separator(text, is_heading)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _table(enumerate(lines, start=2 if named else 1), is_heading)
    except csv.Error:
        raise UploadRefused("broken") from None


def read_xlsx(raw: bytes, *, is_heading: IsHeading = _nothing_known) -> UploadedTable:
    """The table on the active sheet of an XLSX file. Numbers are read as people see them, never as 6.28E+12.

    A title above the header is left out where `is_heading` knows the headings below it. Raises UploadRefused.
    """
    from openpyxl import load_workbook

    _bounded(raw)
    _check_archive(raw)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        sheet = book.active
        sheet.reset_dimensions()  # what the file says of its size is not believed
        found = enumerate(sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True), start=1)
        lines = ((number, [_cell(value) for value in row]) for number, row in found if any(row))
        return _table(lines, is_heading)
    except UploadRefused:
        raise
    except Exception:  # noqa: BLE001 - openpyxl lets a dozen kinds through for a damaged file
        raise UploadRefused("broken") from None


def _separator(text: str, is_heading: IsHeading) -> str:
    """What stands between the cells, whatever stands inside quotes: most known headings decide, then most cells."""

    def worth(separator: str) -> tuple[int, int]:
        lines = csv.reader(io.StringIO(text[:GUESSED_FROM], newline=""), delimiter=separator)
        try:
            first = [line for line in islice(lines, HEADER_WITHIN) if any(line)]
        except csv.Error:  # a cell that does not end: the file is refused when it is read
            return 0, 0
        return max((sum(map(is_heading, line)) for line in first), default=0), len(first[0]) if first else 0

    return max(SEPARATORS, key=worth)


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


def _table(lines: Iterable[tuple[int, list[str]]], is_heading: IsHeading) -> UploadedTable:
    filled = ((number, line) for number, line in lines if any(cell.strip() for cell in line))
    first = list(islice(filled, HEADER_WITHIN))
    if not first:
        raise UploadRefused("empty")
    place = max(range(len(first)), key=lambda at: (sum(map(is_heading, first[at][1])), -at))
    headers = [name.strip() for name in first[place][1]]
    while not headers[-1]:
        headers.pop()
    width = len(headers)
    if width > MAX_COLUMNS:
        raise UploadRefused("too_many_columns")
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, line in chain(first[place + 1 :], filled):
        if len(rows) == MAX_ROWS:
            raise UploadRefused("too_many_rows")
        rows.append((line + [""] * width)[:width])
        numbers.append(number)
    return UploadedTable(headers, rows, numbers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)) if match[1] else "_", value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)
