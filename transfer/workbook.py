"""A workbook (XLSX) in pieces: rows are packed as they come, and the end of a million costs what that of ten does.

A workbook is a zip of XML files, and a zip is a row of deflated streams. A stream may be flushed anywhere and go on
with fresh memory, so each piece of the sheet is packed by itself, and the pieces put together are the file (ECMA-376
parts 1 and 2, RFC 1951 section 2.3, APPNOTE.TXT 6.3). What is given as text is a cell of text: nothing is
a formula, no phone loses a digit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any
from xml.sax.saxutils import escape

from labelcrm.lib.cells import are_plain, for_xlsx

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET = "xl/worksheets/sheet1.xml"
_WIDTH = 18  # of a column, in characters
_END = b"</sheetData></worksheet>"
_LAST_BLOCK = b"\x03\x00"  # of a deflated stream: empty, and the last

# The files beside the sheet. Style 1 is text, so that a number which somebody types into a cell stays one, too.
_BESIDE = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


# -- The sheet --------------------------------------------------------------------------------------------------------


def head(columns: Sequence[str]) -> bytes:
    """The beginning of the sheet, with the row of headings, which stays in sight."""
    cells = "".join(_cell(name, style="") for name in columns)
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{len(columns)}" width="{_WIDTH}" style="1" customWidth="1"/></cols>'
        f"<sheetData><row>{cells}</row>"
    ).encode()


def rows(lines: Iterable[Sequence[Any]]) -> bytes:
    """These rows, which follow each other without numbers: where one stands follows from those before it."""
    return "".join(map(_row, lines)).encode()


def _row(line: Sequence[Any]) -> str:
    """Nearly every row is written at one go; the others cell by cell."""
    filled = [cell for cell in line if cell != ""]
    try:
        if are_plain(filled):
            return _form(tuple(cell != "" for cell in line)) % tuple(filled)
    except TypeError:  # numbers
        pass
    return f"<row>{''.join(map(_cell, line))}</row>"


@cache
def _form(filled: tuple[bool, ...]) -> str:
    """A row with a place for the text of each cell that has one."""
    text, empty = '<c s="1" t="inlineStr"><is><t>%s</t></is></c>', '<c s="1"/>'
    return f"<row>{''.join(text if is_filled else empty for is_filled in filled)}</row>"


def packed(xml: bytes) -> bytes:
    """A piece of the sheet, deflated so that the next one can follow it."""
    packer = zlib.compressobj(level=6, wbits=-zlib.MAX_WBITS)
    return packer.compress(xml) + packer.flush(zlib.Z_FULL_FLUSH)


def _cell(text: Any, style: str = ' s="1"') -> str:
    if not isinstance(text, str):  # a number, in the sheet's own format
        return f'<c s="0"><v>{text}</v></c>'
    if not text:
        return f"<c{style}/>"
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{escape(for_xlsx(text))}</t></is></c>'


# -- The zip ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file's checksum, its size, and its length as it is packed: what the zip says of it."""

    crc: int
    size: int
    length: int


def measured(pieces: Iterable[bytes]) -> PackedFile:
    """What the zip has to say of the sheet that these pieces make, one in memory at a time."""
    crc = size = length = 0
    for piece in chain(pieces, [_ending()]):
        xml = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(piece)
        crc, size, length = zlib.crc32(xml, crc), size + len(xml), length + len(piece)
    return PackedFile(crc, size, length)


def before(sheet: PackedFile, *, created: datetime) -> bytes:
    """What stands in the file before the pieces of the sheet."""
    small = b"".join(local + content for local, content, _central_line in _small_files(created))
    return small + _local(_SHEET, sheet, created)


def after(sheet: PackedFile, *, created: datetime) -> bytes:
    """What stands behind them: the end of the sheet, and the zip's list of files."""
    files = list(_small_files(created))
    place = sum(len(local) + len(content) for local, content, _central_line in files)
    listed = b"".join([*(line for *_file, line in files), _central(_SHEET, sheet, created, place)])
    start, count = len(before(sheet, created=created)) + sheet.length, len(files) + 1
    return _ending() + listed + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(listed), start, 0)


def _ending() -> bytes:
    return packed(_END) + _LAST_BLOCK


def _small_files(created: datetime) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Of each file beside the sheet: what stands before it, its content, and its line in the list."""
    place = 0
    for name, text in _BESIDE.items():
        xml = (_XML + text).encode()
        content = packed(xml) + _LAST_BLOCK
        entry = PackedFile(zlib.crc32(xml), len(xml), len(content))
        local = _local(name, entry, created)
        yield local, content, _central(name, entry, created, place)
        place += len(local) + len(content)


def _local(name: str, file: PackedFile, created: datetime) -> bytes:
    numbers = (0x04034B50, 20, 0x0800, 8, *_moment(created), file.crc, file.length, file.size, len(name), 0)
    return struct.pack("<IHHHHHIIIHH", *numbers) + name.encode()


def _central(name: str, file: PackedFile, created: datetime, place: int) -> bytes:
    sizes = (file.crc, file.length, file.size, len(name))
    numbers = (0x02014B50, 20, 20, 0x0800, 8, *_moment(created), *sizes, 0, 0, 0, 0, 0, place)
    return struct.pack("<IHHHHHHIIIHHHHHII", *numbers) + name.encode()


def _moment(at: datetime) -> tuple[int, int]:
    """Time and date as MS-DOS wrote them."""
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day
