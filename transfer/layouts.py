"""What a file of contacts looks like: for spreadsheets, for programs, and for what people paste it into.

Meta matches people by SHA-256 of what is normalised as it asks for (Marketing API, "Customer File Custom Audiences"):
a phone is its digits with the country code and no zeros before it, a first name is in small letters without
punctuation. Google Contacts knows columns by its own headings and labels joined by " ::: ".
"""

from __future__ import annotations

import codecs
import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from labelcrm.lib.cells import for_csv
from transfer import exports, workbook

Line = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of an export are written.

    `columns` are those of `exports.COLUMNS` that it is made of, where nobody chooses them; `line` makes its cells of
    theirs, which `headings` then name. `mark` is the byte order mark that Excel needs. `raw` says that `line` makes
    cells that no spreadsheet can run, and that must stay as they are. `needs_phone` leaves out who has no number.
    """

    code: str
    title: Any
    help: Any
    suffix: str = exports.CSV
    delimiter: str = ","
    mark: bool = False
    columns: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    line: Callable[[Line], list[str]] | None = None
    raw: bool = False
    needs_phone: bool = False

    @property
    def is_workbook(self) -> bool:
        return self.suffix == exports.XLSX

    def head(self, columns: Sequence[str]) -> bytes:
        """What stands before the rows."""
        headings = self.headings or columns
        if self.is_workbook:
            return workbook.packed(workbook.head(headings))
        mark = codecs.BOM_UTF8 if self.mark else b""
        return mark + exports.csv_rows([headings], delimiter=self.delimiter)

    @property
    def is_plain(self) -> bool:
        """Whether the columns of contacts are what stands in the file, so that the database can write it."""
        return not self.line and not self.is_workbook

    def piece(self, lines: Sequence[Sequence[Any]]) -> bytes:
        """These rows, whose cells are those of the columns: text, or numbers where no `line` makes other cells."""
        made = [self.line(line) for line in lines] if self.line else lines
        if self.is_workbook:
            return workbook.packed(workbook.rows(made))
        return exports.csv_rows(made, delimiter=self.delimiter, as_they_are=self.raw)


def _google_line(cells: Line) -> list[str]:
    """Google Contacts reads a number without its plus as one of the country where the phone is."""
    phone, name, labels = cells
    return [for_csv(name), for_csv(labels.replace(exports.JOINER, " ::: ")), "Mobile", f"+{phone}"]


def _meta_line(cells: Line) -> list[str]:
    phone, name = cells
    return [_hashed(phone.lstrip("0")), _hashed(first_name(name))]


def first_name(name: str) -> str:
    """The first word of a name as Meta hashes it: small letters, no punctuation, no picture; "" where there is none.

    >>> first_name("Bu Siti 🌸"), first_name("D'Arc, Jo"), first_name("🌸")
    ('bu', 'darc', '')
    """
    words = ("".join(sign for sign in word if unicodedata.category(sign)[0] in "LMN") for word in name.lower().split())
    return next((word for word in words if word), "")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


LAYOUTS = {
    layout.code: layout
    for layout in (
        Layout(
            code=exports.XLSX, title="XLSX", suffix=exports.XLSX,
            help=_("For Excel and Google Sheets: phone numbers stay whole."),
        ),
        Layout(
            code="excel_id", title=_("CSV for Excel in Indonesia"), delimiter=";", mark=True,
            help=_("With semicolons, which Excel expects where a comma stands in decimals."),
        ),
        Layout(
            code=exports.CSV, title="CSV", mark=True,
            help=_("Plain text with commas, marked so that Excel reads names right."),
        ),
        Layout(
            code=exports.PROGRAM_CSV, title=_("CSV for programs"),
            help=_("The same without the mark, for programs that stumble over it."),
        ),
        Layout(
            code="whatsapp", title=_("WhatsApp broadcast tool"), columns=("phone", "name"), needs_phone=True,
            help=_("Number and name, nothing else: what broadcast tools ask for."),
        ),
        Layout(
            code="google", title="Google Contacts", columns=("phone", "name", "labels"), needs_phone=True,
            headings=("First Name", "Labels", "Phone 1 - Label", "Phone 1 - Value"), line=_google_line, raw=True,
            help=_("To import into Google Contacts, and from there into a phone."),
        ),
        Layout(
            code="meta", title=_("Meta custom audience"), columns=("phone", "name"), needs_phone=True,
            headings=("phone", "fn"), line=_meta_line, raw=True,
            help=_("Numbers and first names as hashes: Meta can match them, and nobody can read them."),
        ),
    )
}  # fmt: skip

# For rows that are no contacts: everything but what people paste contacts into.
RECORD_LAYOUTS = {code: layout for code, layout in LAYOUTS.items() if not layout.columns}
