"""The files that people upload, as django-import-export's formats, and the sentences for those that are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.formats import base_formats
from import_export.results import Result

from labelcrm.lib.spreadsheets import UploadedTable, UploadRefused, read_csv, read_xlsx
from transfer import exports
from transfer.imports import headings

REFUSALS = {
    "not_csv": gettext_lazy("This is no CSV file: choose the format XLSX, or save it as CSV."),
    "not_xlsx": gettext_lazy("This is no XLSX file: choose the format CSV, or save it as XLSX."),
    "old_excel": gettext_lazy("This is an Excel file of the old kind (.xls): open it and save it as XLSX."),
    "bomb": gettext_lazy("This file unpacks to more than any list of contacts needs. It was not opened."),
    "not_utf8": gettext_lazy("The file is not in UTF-8: in Excel choose “CSV UTF-8” when saving, or XLSX."),
    "broken": gettext_lazy("The file is damaged and cannot be read."),
    "too_large": gettext_lazy("The file is larger than 20 MB: split it."),
    "too_many_rows": gettext_lazy("The file has more than 50,000 rows: split it."),
    "too_many_columns": gettext_lazy("The file has more than 100 columns."),
    "empty": gettext_lazy("The file is empty."),
    "gone": gettext_lazy("The uploaded file is gone; please upload it again."),
}


class _Upload(base_formats.TablibFormat):
    """A format that reads through `labelcrm.lib.spreadsheets`; files are bytes until then."""

    reader: Callable[..., UploadedTable]
    kind = ""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        """The table, its headers as we call them, and the line of each row. Raises UploadRefused."""
        table = type(self).reader(in_stream, is_heading=headings.is_known)
        headers, rows = headings.with_names_joined(headings.our_names(table.headers), table.rows)
        dataset = tablib.Dataset(headers=[*headers, headings.ROW_NUMBER])
        for number, row in zip(table.numbers, rows, strict=True):
            dataset.append([*row, str(number)])
        return dataset

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"


class CSV(_Upload):
    TABLIB_MODULE = "tablib.formats._csv"
    CONTENT_TYPE = "text/csv; charset=utf-8"
    reader = staticmethod(read_csv)
    kind = exports.CSV

    def get_title(self) -> str:
        return "CSV"  # the page chooses it by the ending of the file


class ProgramCSV(CSV):
    """The same without the mark that Excel needs, and that many programs take for a part of the first heading."""

    kind = exports.PROGRAM_CSV

    def get_title(self) -> str:
        return str(_("CSV for programs (without byte order mark)"))

    def get_extension(self) -> str:
        return "csv"


class XLSX(_Upload):
    TABLIB_MODULE = "tablib.formats._xlsx"
    CONTENT_TYPE = base_formats.XLSX.CONTENT_TYPE
    reader = staticmethod(read_xlsx)
    kind = exports.XLSX

    def get_title(self) -> str:
        return "XLSX"


FORMATS = (CSV, XLSX)
EXPORT_FORMATS = (CSV, XLSX, ProgramCSV)


@dataclass(slots=True)
class Written:
    """What became of some rows: how many were created, changed or said nothing new, and what is wrong with the others.

    `problems` are sentences by column ("" for the row as a whole), by line of the file.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: dict[int, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "failed": len(self.problems),
        }


class FileResult(Result):
    """Errors are named by their line in the file, whatever blank lines were left out."""

    def append_invalid_row(self, number: int, row: Any, validation_error: ValidationError) -> None:
        super().append_invalid_row(line_of(row, number), row, validation_error)

    def append_error_row(self, number: int, row: Any, errors: list[Any]) -> None:
        super().append_error_row(line_of(row, number), row, errors)


def line_of(row: Mapping[str, Any], number: int = 0) -> int:
    """The line of a row in its file; `number` where it does not say."""
    return int(row.get(headings.ROW_NUMBER) or number)


def refusal(error: Exception) -> str | None:
    """The sentence for a file that was refused; None for any other error."""
    return str(REFUSALS[error.code]) if isinstance(error, UploadRefused) else None
