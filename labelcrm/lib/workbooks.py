"""openpyxl for the workbooks of strangers: only what a table needs is parsed, and not more than so much at once.

What openpyxl reads as a whole becomes a tree and objects of 0.6 KB and 28 µs an element, so a styles.xml of a few
megabytes takes gigabytes and minutes. Which part that is says the file itself; so what counts is how a part is read,
not what it is called. Sheets and shared strings are streamed, pictures and drawings never read.
"""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import ARC_CORE, ARC_CUSTOM, ARC_THEME

from labelcrm.lib.spreadsheets import UploadRefused

LARGEST_WHOLE = 2 * 1024 * 1024  # bytes, of all parts that become a tree together
MOST_TAGS = 100_000  # in these: three seconds
PASSES = 4  # a sheet is streamed for its size, for its first row and for all rows
NOT_FOR_TABLES = (ARC_CORE, ARC_CUSTOM, ARC_THEME)


def open_workbook(raw: bytes) -> Any:
    """openpyxl's read-only workbook, its formulas as the values they came to.

    Raises UploadRefused, as the cause of another error or itself, also while its sheets are read; and what openpyxl
    raises for a damaged file.
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
            raise UploadRefused("bomb")
        return super().open(name, *args, **kwargs)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        self._whole -= self.getinfo(name).file_size
        if self._whole < 0:
            raise UploadRefused("bomb")
        body = super().read(name, pwd)
        self._tags -= body.count(b"<")
        if self._tags < 0:
            raise UploadRefused("bomb")
        return body


class _TableReader(ExcelReader):
    def __init__(self, raw: bytes) -> None:
        super().__init__(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        self.archive = _BoundedArchive(raw)
        # A sheet's relations are its links and pictures: a list with a link for each number has megabytes of them.
        self.valid_files = [name for name in self.valid_files if "/_rels/" not in name and name not in NOT_FOR_TABLES]

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """A sheet that is a chart has no table; it keeps its place among the sheets."""
        self.wb._sheets.append(SimpleNamespace(title=sheet.name, defined_names={}))
