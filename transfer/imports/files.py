"""The files that people upload, read as rows whose columns are called as we call them; and why a file is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.formats import base_formats

from labelcrm.lib.spreadsheets import UploadRefused, open_table
from transfer import exports
from transfer.imports import headings

REFUSALS = {
    "old_excel": gettext_lazy(
        "This is an Excel file of the old kind (.xls), or one that is protected by a password: open it in Excel and "
        "save it as XLSX without a password."
    ),
    "not_xlsx": gettext_lazy(
        "This is an archive, but no Excel file: save the list as XLSX or CSV and choose that file."
    ),
    "html": gettext_lazy(
        "This is a web page, although it may be called .xls or .csv: open it in Excel and save it as XLSX."
    ),
    "pdf": gettext_lazy(
        "This is a PDF, of which no columns can be read: export the list as XLSX or CSV where it is from."
    ),
    "vcard": gettext_lazy("This is a vCard file (.vcf): in Google Contacts or Outlook choose the export as CSV."),
    "no_table": gettext_lazy("This is no table: save it as XLSX or CSV, and choose that file."),
    "bomb": gettext_lazy("This file unpacks to more than any list of contacts needs. It was not opened."),
    "broken": gettext_lazy("The file is damaged and cannot be read: open it in Excel and save it again."),
    "too_large": gettext_lazy("The file is larger than 20 MB: split it."),
    "too_many_rows": gettext_lazy("The file has more than 200,000 rows: split it."),
    "too_many_columns": gettext_lazy("The file has more than 100 columns."),
    "empty": gettext_lazy("The file is empty."),
    "gone": gettext_lazy("The uploaded file is gone; please upload it again."),
    "no_phone_column": gettext_lazy("The file needs a column “phone” (or “telepon”, “nomor”, “whatsapp”)."),
    "no_code_column": gettext_lazy("The file needs a column “code” (or “kode”)."),
    "no_mapping_columns": gettext_lazy(
        "The file needs the columns “number”, “WhatsApp label” and “means” (or “nomor”, “label WhatsApp”, “artinya”)."
    ),
    "no_rows": gettext_lazy("The file has headings and nothing below them."),
}


class CSV(base_formats.CSV):
    """A format of exports; `kind` is what `transfer.exports` calls it."""

    CONTENT_TYPE = "text/csv; charset=utf-8"
    kind = exports.CSV

    def get_title(self) -> str:
        return "CSV"


class ProgramCSV(CSV):
    """The same without the mark that Excel needs, and that many programs take for a part of the first heading."""

    kind = exports.PROGRAM_CSV

    def get_title(self) -> str:
        return str(_("CSV for programs (without byte order mark)"))


class XLSX(base_formats.XLSX):
    kind = exports.XLSX

    def get_title(self) -> str:
        return "XLSX"


EXPORT_FORMATS = (CSV, XLSX, ProgramCSV)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that can be read: its headings, what was taken for ours (by place), and its rows.

    `names` are the columns as we call them, the last of them the row's line; `rows` are read as they are asked for,
    and raise UploadRefused where the file is damaged or too long.
    """

    headings: list[str]
    columns: dict[int, str]
    names: list[str]
    rows: Iterator[list[str]]


def open_upload(raw: bytes, kind: str, *, chosen: Mapping[int, str] | None = None) -> Upload:
    """The table in a file of this kind. `chosen` says what columns are; without it their headings do.

    Raises UploadRefused, also where a column is missing without which no row can be understood.
    """
    table = open_table(raw, is_heading=partial(headings.is_known, kind=kind))
    columns = headings.matched(table.headers, kind) if chosen is None else dict(chosen)
    names = headings.our_names(table.headers, kind, chosen=columns)
    _check_columns(names, kind)
    parts = headings.places_of_a_name(names) if kind == headings.CONTACTS else []
    phones = headings.other_phones(table.headers, kind, chosen=columns)
    rows = _rows(table.rows, parts=parts, phone=names.index("phone") if phones else 0, phones=phones)
    joined = ["name"] if parts else []
    return Upload(table.headers, columns, [*names, *joined, headings.ROW_NUMBER], rows)


def _rows(
    lines: Iterator[tuple[int, list[str]]], *, parts: list[int], phone: int, phones: list[int]
) -> Iterator[list[str]]:
    """Rows with a whole name of its parts, with the first number of several columns, and with their line."""
    for number, row in lines:
        if phones and not row[phone].strip():
            row[phone] = next(filter(str.strip, (row[place] for place in phones)), "")
        name = [" ".join(filter(None, (row[place].strip() for place in parts)))] if parts else []
        yield [*row, *name, str(number)]


def _check_columns(names: list[str], kind: str) -> None:
    """Raises UploadRefused where nobody or nothing can be known by a row."""
    found = set(names)
    if kind == headings.CONTACTS and not {"phone", "lids", "user_ids"} & found:
        raise UploadRefused("no_phone_column")
    if kind == headings.CAMPAIGNS and "code" not in found:
        raise UploadRefused("no_code_column")
    if kind == headings.LABEL_MAPPING and not {"number", "whatsapp_label", "means"} <= found:
        raise UploadRefused("no_mapping_columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBatch:
    """For whom rows are written, or only looked at (`writes` False), and what is known of the rows before them.

    `first_row` says on which line stood whom or what earlier rows are about, and learns of these. `key` names the
    import; a preview shows at most `shown` of these rows.
    """

    owner: Any
    key: str
    writes: bool
    first_row: dict[str, str]
    shown: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a preview shows of a row: its line, whether it would be new, and each cell before and after."""

    line: int
    new: bool
    cells: dict[str, tuple[str, str]]


@dataclass(slots=True)
class Written:
    """What became of some rows, or would: how many were created, changed or said nothing new, and what is wrong.

    `problems` are sentences by column ("" for the row as a whole), by line of the file. `changes` are what was
    written, each as JSON, for taking it back; `shown` is what a preview shows of those that would be.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "failed": len(self.problems),
        }


def line_of(row: Mapping[str, Any], number: int = 0) -> int:
    """The line of a row in its file; `number` where it does not say."""
    return int(row.get(headings.ROW_NUMBER) or number)


def refusal(refused: UploadRefused) -> str:
    """The sentence for a file that was refused."""
    return str(REFUSALS[refused.code])
