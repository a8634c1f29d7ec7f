"""Page, file and API of a report are the same rows, in Indonesian; that figures are the same everywhere is tested in
test_same_figure.py."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import AuditEntry
from reports.query import parse_query
from reports.registry import REPORTS
from tests.desk.reports.test_pages import SPAN, World, api_of, client_of, world
from tests.factories import UserFactory
from tests.transfer.test_export_job import done, made
from transfer import jobs
from transfer.layouts import RECORD_LAYOUTS
from transfer.models import Export
from transfer.report_files import FILES

__all__ = ["world"]
pytestmark = pytest.mark.django_db

EVERY = [(name, {}) for name in REPORTS] + [("campaigns", {"basis": "event"}), ("campaigns", {"touch": "last"})]


def of_api(name: str, given: dict[str, str], language: str) -> list[dict[str, Any]]:
    client = api_of(language=language)
    rows: list[dict[str, Any]] = client.get(f"/api/v1/reports/{name}/", SPAN | given).json()["rows"]
    return rows


def as_file(rows: list[dict[str, Any]], columns: list[str], *, unmapped: str) -> Iterator[dict[str, Any]]:
    """What rows of the API are in a file, worked out without the code that writes one."""
    for row in rows:
        if lines := [*in_lines(row)]:
            yield from lines
            continue
        flat: dict[str, Any] = dict.fromkeys(columns)
        for field, value in row.items():
            if isinstance(value, dict):
                flat |= {field: value["value"]} | {f"{field}_{part}": value[part] for part in ("k", "n", "low", "high")}
            elif field == "labels":
                flat[field] = "; ".join(each["name"] for each in value)
            elif isinstance(value, list):
                flat[field] = "; ".join(f"{each['name'] or unmapped}: {each['contacts']}" for each in value)
            else:
                flat[field] = value
        yield flat


def in_lines(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows that are several lines: of days, of weeks, of labels."""
    if "high_n" in row and "week" in row:
        for day, (high, won) in enumerate(zip(row["high"], row["won"], strict=True), start=1):
            yield row | {"day": day, "high": high, "won": won}
    elif "week" in row:
        for weeks, reached in enumerate(row["reached"], start=1) if row["reached"] else [(None, None)]:
            yield row | {"within_weeks": weeks, "reached": reached}
    elif "labels" in row and "step" in row:
        for each in row["labels"]:
            label = {"label_name": each["name"], "label_reached": each["reached"]}
            yield row | label | {"label": each["label"], "label_went_through": each["went_through"]}


def same(written: Any, told: Any) -> bool:
    if isinstance(told, bool):
        return bool(written == str(told).lower())
    if isinstance(told, int | float):
        return float(written) == pytest.approx(told)
    return (written or "") == (told or "")


def check(lines: list[dict[str, Any]], name: str, given: dict[str, str], language: str) -> None:
    unmapped = {"en": "not mapped yet", "id": "belum diberi arti"}[language]
    expected = list(as_file(of_api(name, given, language), FILES[name].headings, unmapped=unmapped))
    assert len(lines) == len(expected)
    for line, told in zip(lines, expected, strict=True):
        assert {field: value for field, value in line.items() if not same(value, told[field])} == {}


def exported(name: str, given: dict[str, str], *, language: str, code: str) -> bytes:
    user = UserFactory(role="analyst", language=language)
    with translation.override(language):
        query = parse_query(REPORTS[name], SPAN | given, viewer=viewer_of(user))
        export = jobs.export_report(query, layout=RECORD_LAYOUTS[code], owner=user)
    assert export.job is not None
    return made(done(export.job))


def test_page_job_and_api_tell_the_same_rows_of_every_report(world: World) -> None:
    for name, given in EVERY:
        text = exported(name, given, language="id", code="csv").decode("utf-8-sig")
        check(list(csv.DictReader(io.StringIO(text))), name, given, "id")
    client = client_of(language="id")
    for name, given in (("agents", {}), ("campaigns", {}), ("campaigns", {"basis": "event"})):
        text = client.get(f"/admin/reports/{name}/", SPAN | given | {"format": "csv"}).content.decode("utf-8-sig")
        check(list(csv.DictReader(io.StringIO(text))), name, given, "id")
    curves = client.get("/admin/reports/campaigns/", SPAN | {"format": "csv", "table": "curves"})
    check(list(csv.DictReader(io.StringIO(curves.content.decode("utf-8-sig")))), "curves", {}, "id")
    entries = AuditEntry.objects.filter(action="report.exported")
    assert Counter(entry.details["report"] for entry in entries)["agents"] == 2


def test_numbers_are_written_as_excel_in_indonesia_reads_them_and_the_query_is_kept(world: World) -> None:
    text = exported("campaigns", {"touch": "last"}, language="en", code="excel_id").decode("utf-8-sig")
    values = [line["high_of_all"] for line in csv.DictReader(io.StringIO(text), delimiter=";") if line["high_of_all"]]
    assert values
    assert all("." not in value for value in values)
    export = Export.objects.get()
    assert export.sentence.startswith("Campaign quality; 2 Mar 2026")
    assert "touch: last" in export.sentence
    kept = export.definition["filters"]
    assert (kept["from"], kept["to"], kept["touch"]) == ("2026-03-02", "2026-05-01", "last")
    assert export.columns == FILES["campaigns"].headings


def test_every_report_has_a_file_and_its_headings_without_any_row() -> None:
    assert FILES.keys() == REPORTS.keys()
    for file in FILES.values():
        assert len(set(file.headings)) == len(file.headings) > 3
        assert file.lines_of([]) == []
