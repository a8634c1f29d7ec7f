"""Reading the tables that people upload, and refusing files that would hurt. Pure.

A few hundred kilobytes of XLSX can inflate to gigabytes, and one cell may claim to lie in row 1,048,576 of column
16,384. So the archive is looked at before anything is inflated (OWASP ASVS 5.0, 5.2.3), and rows and columns are
counted while they are read. Python's zipfile never inflates a member beyond the size its header declares, so a
header that lies only makes a broken file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

from labelcrm.lib.cells import from_csv

MAX_BYTES = 20 * 1024 * 1024
MAX_INFLATED = 100 * 1024 * 1024
MAX_MEMBERS = 1_000
MAX_RATIO = 100
MAX_ROWS = 200_000
MAX_COLUMNS = 100
LAST_ROW = 1_048_576  # of a sheet, in Excel
SMALL = 64 * 1024  # an empty sheet compresses better than any ratio says
SEPARATORS = ",;\t|"
GUESSED_FROM = 64 * 1024  # characters
HEADER_WITHIN = 10  # rows: a title, a date and a blank may stand above the header
_NAMED_SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?\r?\n', re.IGNORECASE)
# How XLSX writes what XML cannot hold, and an underscore before what only looks like that.
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f])_|_x005F_(?=x[0-9A-Fa-f]{4}_)")
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
ZIP = b"PK\x03\x04"
CSV, XLSX = "csv", "xlsx"
_PIECE = 1024 * 1024  # bytes that are decoded at once
_DECLARED_WITHIN = 64 * 1024  # bytes: a DTD stands before the first element
# What people upload instead of a table, by how it begins.
_OTHERS = (
    (re.compile(rb"%PDF-"), "pdf"),
    (re.compile(rb"BEGIN:VCARD", re.IGNORECASE), "vcard"),
    (
        re.compile(
            rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "html",
    ),
    (re.compile(rb"<\?xml|<!DOCTYPE|\{\\rtf|[\[{]\s*[\"{\[]", re.IGNORECASE), "no_table"),
)
# Control characters that no text has, and the bytes that Windows-1252 does not know.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x81\x8d\x8f\x90\x9d]")


IsHeading = Callable[[str], bool]


def _nothing_known(heading: str) -> bool:
    return False


class UploadRefused(ValueError):
    """A file that is not taken. `code` is stable: html, pdf, vcard, no_table, not_xlsx, old_excel, bomb, broken,
    too_large, too_many_rows, too_many_columns, empty, gone (the upload was cleared away)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class UploadedTable:
    """A header and rows of text, each as wide as the header. Blank rows are left out, `numbers` says where each was."""

    headers: list[str]
    rows: list[list[str]]
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A header, and the rows as they are asked for: each with its line in the file, as wide as the header.

    Blank rows are left out. Going through them raises UploadRefused where the file is damaged or too long.
    """

    headers: list[str]
    rows: Iterator[tuple[int, list[str]]]


def kind_of(raw: bytes) -> str:
    """CSV or XLSX, by how the file begins, whatever it is called. Raises UploadRefused for what is neither."""
    _bounded(raw)
    if raw[:4] == OLD_EXCEL:
        raise UploadRefused("old_excel")
    if raw[:4] == ZIP:
        return XLSX
    begin = raw.removeprefix(codecs.BOM_UTF8).lstrip()[:2048]
    code = next((code for pattern, code in _OTHERS if pattern.match(begin)), None)
    if code is not None:
        raise UploadRefused(code)
    return CSV


def open_table(raw: bytes, *, is_heading: IsHeading = _nothing_known) -> OpenTable:
    """The table in a file. A title above the header is left out where `is_heading` knows the headings below it.

    Raises UploadRefused.
    """
    return _open_xlsx(raw, is_heading) if kind_of(raw) == XLSX else _open_csv(raw, is_heading)


def read_csv(raw: bytes, *, is_heading: IsHeading = _nothing_known) -> UploadedTable:
    """The table in a CSV file: UTF-8, UTF-16 or Windows-1252, separated by comma, semicolon, tab or bar.

    A first line `sep=;`, as Excel writes it, names the separator. Raises UploadRefused.
    """
    _bounded(raw)
    return _whole(_open_csv(raw, is_heading))


def read_xlsx(raw: bytes, *, is_heading: IsHeading = _nothing_known) -> UploadedTable:
    """The table on the first filled sheet of an XLSX file, the one that was open before all others.

    Numbers are read as people see them, never as 6.28E+12, and formulas as what they came to when the file was saved.
    Raises UploadRefused.
    """
    _bounded(raw)
    return _whole(_open_xlsx(raw, is_heading))


def _whole(table: OpenTable) -> UploadedTable:
    found = list(table.rows)
    return UploadedTable(table.headers, [row for _number, row in found], [number for number, _row in found])


def _open_csv(raw: bytes, is_heading: IsHeading) -> OpenTable:
    encoding = _encoding(raw)
    begin = raw[: 4 * GUESSED_FROM].decode(encoding, errors="ignore")
    named = _NAMED_SEPARATOR.match(begin)
    separator = named["separator"] if named else _separator(begin, is_heading)
    text = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
    if named:
        text.readline()
    lines = (
        [from_csv(cell, separator) for cell in line] for line in csv.reader(text, delimiter=separator, strict=True)
    )
    return _table(_refusing(enumerate(lines, start=2 if named else 1), csv.Error), is_heading)


def _open_xlsx(raw: bytes, is_heading: IsHeading) -> OpenTable:
    from labelcrm.lib.workbooks import open_workbook

    check_archive(raw)
    try:
        sheet = _filled_sheet(open_workbook(raw))
    except Exception as error:  # noqa: BLE001 - openpyxl lets a dozen kinds through for a damaged file
        raise _refused(error) from None
    return _table(_refusing(_lines(sheet), Exception), is_heading)


def _filled_sheet(book: Any) -> Any:
    """The active sheet, or the first other one with something on it."""
    sheets = sorted(book.worksheets, key=lambda sheet: sheet is not book.active)
    for sheet in sheets:
        sheet.reset_dimensions()  # what the file says of its size is not believed
    rows = _bounded_rows((sheet, any(row)) for sheet in sheets for row in _raw_rows(sheet))
    return next((sheet for _number, (sheet, is_filled) in rows if is_filled), sheets[0])


def _lines(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet that hold something, with their numbers."""
    rows = _bounded_rows(_raw_rows(sheet))
    return ((number, [_cell(value) for value in row]) for number, row in rows if any(row))


def _raw_rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Each row of a sheet, also those that the file leaves out: after the first may come number 1,000,000,000,000."""
    return sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True)


def _bounded_rows(rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Rows with their numbers. Raises UploadRefused where there are more than a sheet can have, blank ones counted."""
    for number, row in enumerate(rows, start=1):
        if number > LAST_ROW:
            raise UploadRefused("too_many_rows")
        yield number, row


def _refusing(
    lines: Iterable[tuple[int, list[str]]], kinds: type[Exception] | tuple[type[Exception], ...]
) -> Iterator[tuple[int, list[str]]]:
    """`lines`; an error of these kinds on the way means that the file is damaged, unless it says what else it is."""
    try:
        yield from lines
    except kinds as error:
        raise _refused(error) from None


def _refused(error: Exception) -> UploadRefused:
    """Why a file is not taken whose reading ended with this error."""
    from labelcrm.lib.workbooks import WorkbookTooLarge

    if isinstance(error, UploadRefused):
        return error
    return UploadRefused("bomb" if isinstance(error, WorkbookTooLarge) else "broken")


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


def inflated_size(raw: bytes) -> int:
    """How many bytes a workbook unpacks to, as it says itself, and more it never does. Raises UploadRefused."""
    return sum(member.file_size for member in check_archive(raw))


def check_archive(raw: bytes) -> list[zipfile.ZipInfo]:
    """The parts of an XLSX file, before anything of it is unpacked. Raises UploadRefused where it is none or hurts."""
    if raw[:4] == OLD_EXCEL:
        raise UploadRefused("old_excel")
    if raw[:4] != ZIP:
        raise UploadRefused("not_xlsx")
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UploadRefused("broken") from None
    members = archive.infolist()
    if "xl/workbook.xml" not in {member.filename for member in members}:
        raise UploadRefused("not_xlsx")
    swollen = (m for m in members if m.file_size > SMALL and m.file_size > MAX_RATIO * max(m.compress_size, 1))
    if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_INFLATED or any(swollen):
        raise UploadRefused("bomb")
    if any(_declares_entities(archive, member) for member in members if member.filename.endswith((".xml", ".rels"))):
        raise UploadRefused("bomb")
    return members


def _declares_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether an XML part has a DTD, which Office Open XML forbids and which is where a billion laughs are declared."""
    try:
        with archive.open(member) as part:
            begin = part.read(_DECLARED_WITHIN)
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError, EOFError):
        raise UploadRefused("broken") from None
    return b"<!DOCTYPE" in begin.replace(b"\x00", b"").upper()  # also of UTF-16


def _encoding(raw: bytes) -> str:
    """How a text is written. Raises UploadRefused for bytes that are none."""
    guesses = _utf_16(raw)
    if not guesses and b"\x00" not in raw:
        guesses = ["utf-8-sig"] + ([] if _NO_TEXT.search(raw) else ["cp1252"])
    found = next((encoding for encoding in guesses if _decodes(raw, encoding)), None)
    if found is None:
        raise UploadRefused("no_table")
    return found


def _utf_16(raw: bytes) -> list[str]:
    """UTF-16 by its mark; or without one, where of Latin letters every second byte is zero and no other."""
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ["utf-16"]
    first, second = raw[:512:2].count(0), raw[1:512:2].count(0)
    if bool(first) == bool(second) or max(first, second) * 4 < len(raw[:512:2]):
        return []
    return ["utf-16-le" if second else "utf-16-be"]


def _decodes(raw: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(raw), _PIECE):
            decoder.decode(raw[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _table(lines: Iterator[tuple[int, list[str]]], is_heading: IsHeading) -> OpenTable:
    filled = ((number, line) for number, line in lines if any(cell.strip() for cell in line))
    first = list(islice(filled, HEADER_WITHIN))
    if not first:
        raise UploadRefused("empty")
    place = max(range(len(first)), key=lambda at: (sum(map(is_heading, first[at][1])), -at))
    headers = [name.strip() for name in first[place][1]]
    while not headers[-1]:
        headers.pop()
    if len(headers) > MAX_COLUMNS:
        raise UploadRefused("too_many_columns")
    return OpenTable(headers, _wide(chain(first[place + 1 :], filled), len(headers)))


def _wide(lines: Iterable[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    for count, (number, line) in enumerate(lines):
        if count == MAX_ROWS:
            raise UploadRefused("too_many_rows")
        yield number, line if len(line) == width else (line + [""] * width)[:width]


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
