"""A workbook holds what it was given, cell by cell, whether a row was written at one go or not."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from openpyxl import load_workbook

from labelcrm.lib.cells import for_xlsx
from tests.lib.test_cells import HOSTILE
from transfer import exports

CREATED = datetime(2026, 3, 2, tzinfo=UTC)
ODD = [*HOSTILE, "a  b", " a", "a ", "a\nb", "<b>&", "a|=b", "x" * 40_000, "", "Dewi 🌸", "\ud800"]


def read(lines: list[list[Any]]) -> list[list[Any]]:
    file = io.BytesIO()
    exports.write_xlsx(file, ["phone", "name", "labels"], lines, created=CREATED)
    return [list(row) for row in load_workbook(file).active.values][1:]


def test_odd_cells_among_plain_ones_come_back_as_they_were_cleaned() -> None:
    lines = [["628123", text, "Grade A"] for text in ODD] + [[text, "", "Hot"] for text in ODD]
    assert read(lines) == [[for_xlsx(cell) or None for cell in line] for line in lines]


def test_numbers_stay_numbers_and_empty_cells_stay_empty() -> None:
    assert read([["628123", 0, 1.5], ["", "Budi", ""], [7, "", "=1"]]) == [
        ["628123", 0, 1.5], [None, "Budi", None], [7, None, "'=1"]
    ]  # fmt: skip
