"""openpyxl for the workbooks of strangers: only what a table needs is parsed, and not more than so much at once.

What openpyxl reads as a whole becomes a tree and objects of 0.6 KB and 28 µs an element, so a styles.xml of a few
megabytes takes gigabytes and minutes. Which part that is says the file itself; so what counts is how a part is read,
not what it is called. Sheets and shared strings are streamed, pictures and drawings never read.
"""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, Self
from xml.parsers.expat import ParserCreate
from zipfile import ZipFile

from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import ARC_CORE, ARC_CUSTOM, ARC_THEME

LARGEST_WHOLE = 2 * 1024 * 1024  # bytes, of all parts that become a tree together
MOST_TAGS = 100_000  # in these: three seconds
MOST_IN_ONE = 250_000  # elements of one row, of one text or beside the rows: a sheet has 16,384 columns
MOST_STREAMED = 4_000_000  # rows or texts, each of which leaves 80 bytes
PASSES = 4  # a sheet is streamed for its size, for its first row and for all rows
NOT_FOR_TABLES = (ARC_CORE, ARC_CUSTOM, ARC_THEME)


class WorkbookTooLarge(Exception):
    """More is to be parsed than any table needs. No ValueError, which openpyxl takes for a damaged file."""


def open_workbook(raw: bytes) -> Any:
    """openpyxl's read-only workbook, its formulas as the values they came to.

    Raises WorkbookTooLarge, also while its sheets are read, and what openpyxl raises for a damaged file.
    """
    reader = _TableReader(raw)
    reader.read()
    return reader.wb


class _BoundedArchive(ZipFile):
    def __init__(self, raw: bytes) -> None:
        super().__init__(io.BytesIO(raw))
        self._streamable = PASSES * sum(member.file_size for member in self.infolist())
        self._whole, self._tags = LARGEST_WHOLE, MOST_TAGS

    def open(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """One sheet may be named thousands of times, and each time it is parsed."""
        size = (self.getinfo(name) if isinstance(name, str) else name).file_size
        self._streamable -= size
        if self._streamable < 0:
            raise WorkbookTooLarge
        return _CountedPart(super().open(name, *args, **kwargs))

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        self._whole -= self.getinfo(name).file_size
        if self._whole < 0:
            raise WorkbookTooLarge
        body = super().read(name, pwd)
        self._tags -= body.count(b"<")
        if self._tags < 0:
            raise WorkbookTooLarge
        return body


class _CountedPart:
    """A part that is streamed. Raises WorkbookTooLarge before more elements come than a parser should keep.

    openpyxl keeps those of a row until it ends, 0.35 KB each, and a sheet may be a single row.
    """

    def __init__(self, part: Any) -> None:
        self._part = part
        self._depth = self._kept = self._streamed = 0
        self._parser = ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = _refuse

    def read(self, size: int = -1) -> bytes:
        body: bytes = self._part.read(size)
        self._parser.Parse(body, not body)
        return body

    def close(self) -> None:
        self._part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self, name: str, attributes: Any) -> None:
        self._kept += 1
        self._depth += 1
        if (self._depth == 3 and name.endswith("row")) or (self._depth == 2 and name.endswith("si")):
            self._kept = 0
            self._streamed += 1
        if self._kept > MOST_IN_ONE or self._streamed > MOST_STREAMED:
            raise WorkbookTooLarge

    def _end(self, name: str) -> None:
        self._depth -= 1


def _refuse(*declared: Any) -> None:
    raise WorkbookTooLarge


class _TableReader(ExcelReader):
    def __init__(self, raw: bytes) -> None:
        super().__init__(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        self.archive = _BoundedArchive(raw)
        # A sheet's relations are its links and pictures: a list with a link for each number has megabytes of them.
        self.valid_files = [
            name for name in self.archive.namelist() if "/_rels/" not in name and name not in NOT_FOR_TABLES
        ]

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """A sheet that is a chart has no table; it keeps its place among the sheets."""
        self.wb._sheets.append(SimpleNamespace(title=sheet.name, defined_names={}))
