"""One figure is the same wherever it is told: on the page, in CSV and XLSX, by the API and by the MCP server."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from openpyxl import load_workbook
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from api.mcp.mcp_tool import Asker
from api.mcp.server import answer
from labelcrm.core.models import User
from reports.columns import Column, groups_of, written
from reports.definitions import definition
from reports.registry import REPORTS
from reports.selectors.campaigns import Basis
from reports.selectors.shares import share
from tests.desk.reports.reading import Page, ShownRow, counts
from tests.desk.reports.test_pages import SPAN
from tests.desk.reports.test_report_files import as_file, exported, same
from tests.factories import UserFactory
from tests.reports.world import World
from transfer.report_files import FILES

pytestmark = pytest.mark.django_db

Row = dict[str, Any]
Cells = list[tuple[str, dict[str, str]]]  # of each row its name, and what its cells say by the title of the column


class Reader:
    """An owner who reads English: asks the API, opens pages and takes files."""

    def __init__(self) -> None:
        self.user: User = UserFactory(role="owner", language="en")
        self.api, self.client = APIClient(), Client()
        self.api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=self.user).key}")
        self.client.force_login(self.user)

    def told(self, report: str, **given: Any) -> Any:
        answered = self.api.get(f"/api/v1/reports/{report}/", SPAN | given)
        assert answered.status_code == 200, answered.content
        return answered.json()

    def page(self, name: str, **given: Any) -> Page:
        answered = self.client.get(f"/admin/reports/{name}/", SPAN | given)
        assert answered.status_code == 200
        return Page(answered.content.decode())


@pytest.fixture
def reader() -> Reader:
    World(21, contacts=12).play()
    return Reader()


# -- Files, API and MCP -----------------------------------------------------------------------------------------------


def file_differences(report: str, rows: list[Row]) -> Iterator[str]:
    headings = FILES[report].headings
    wanted = list(as_file(rows, headings, unmapped="not mapped yet"))
    text = exported(report, {}, language="en", code="csv").decode("utf-8-sig")
    sheet: Any = load_workbook(io.BytesIO(exported(report, {}, language="en", code="xlsx"))).active
    head, *values = sheet.values
    workbook = [dict(zip(head, each, strict=True)) for each in values]
    for format_, lines in (("CSV", list(csv.DictReader(io.StringIO(text)))), ("XLSX", workbook)):
        if len(lines) != len(wanted):
            yield f"{format_}: {len(lines)} lines, {len(wanted)} in the API"
        for line, told in zip(lines, wanted, strict=False):
            for name in headings:
                if not same(line[name], told[name]):
                    yield f"{format_}: {name} is {line[name]!r}, in the API {told[name]!r}"


def mcp_differences(reader: Reader, report: str, told: Any) -> Iterator[str]:
    heard = answer(Asker(reader.user, "https://crm.example"), "read_report", {"report": report, **SPAN})
    for name in ("rows", "period", "filters", "hidden", *(["cells"] if "cells" in told else [])):
        if heard[name] != told[name]:
            yield f"MCP: {name} are {heard[name]}, in the API {told[name]}"


# -- Pages ------------------------------------------------------------------------------------------------------------


def titles(names: Iterable[str], report: str = "") -> dict[str, str]:
    """What the columns of figures are called, by the name of each figure."""
    return {name: definition(name, "en", report=report).title for name in names}


def text_of(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return written(share(value["k"], value["n"]), "share")
    kind = "seconds" if name.endswith("_s") else "money" if name.startswith("cost") else "count"
    return written(value, kind)


def cells_of(rows: Iterable[Row], names: Iterable[str], report: str, *, marks: str = "") -> Cells:
    """What a table of these figures should say; `marks` stand before the titles of a sum."""
    called = titles(names, report)
    marked = dict(zip(called, marks.split(",") if marks else [""] * len(called), strict=True))
    return [
        (row["name"], {f"{marked[name]}{called[name]}": text_of(name, row[name]) for name in called}) for row in rows
    ]


def table_differences(shown: list[ShownRow], wanted: Cells) -> Iterator[str]:
    """Rows in their order: what each is called, and each cell that should be there."""
    if len(shown) != len(wanted) or not wanted:
        yield f"page: {len(shown)} rows, {len(wanted)} in the API"
    for row, (name, cells) in zip(shown, wanted, strict=False):
        if not row.head.text.startswith(name):
            yield f"page: a row is called {row.head.text!r}, in the API {name!r}"
        for title, text in cells.items():
            if row.figures.get(title) != text:
                yield f"page: {title} of {name} is {row.figures.get(title)!r}, in the API {text!r}"


def opening_differences(page: Page, figures: dict[tuple[str, str], int]) -> Iterator[str]:
    """Numbers that open rows, by figure and key of the row; those of all rows together are no row of the API."""
    shown = {(each.asked["figure"], each.asked["who"]): number for each, number in counts(page)}
    compared = {key for key in shown.keys() & figures.keys() if key[0] not in TIMED}
    if not compared:
        yield "page: no number opens rows"
    for key in compared:
        if shown[key] != figures[key]:
            yield f"page: {key} is {shown[key]}, in the API {figures[key]}"


TIMED = ("first_labelled", "first_replied")  # behind a median, which is how long and not how many


def figures_of(rows: Iterable[Row], key: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        who = "none" if row[key] is None else str(row[key])
        for name, value in row.items():
            if isinstance(value, dict):
                found |= {(f"{name}_{part}", who): value[part] for part in "kn"}
            elif isinstance(value, int) and not isinstance(value, bool):
                found[name, who] = value
    return found


ACTIVITY = ("added", "found", "removed", "lost", "net", "active_from", "active_to")


def overview(reader: Reader) -> Iterator[str]:
    page = reader.page("overview")
    for by, region, name in (
        ("label", "now-title", "label"), ("category", "days-title", "category"), ("day", "The days as a table", "day")
    ):  # fmt: skip
        rows = [row for row in reader.told("labels", by=by)["rows"] if any(row[figure] for figure in ACTIVITY)]
        *shown, totals = page.of(region)
        if by == "label":  # the only rows that do not overlap
            summed = {figure: sum(row[figure] for row in rows) for figure in ACTIVITY}
        yield from table_differences([totals], cells_of([{"name": "Total", **summed}], ACTIVITY, "labels"))
        rows = rows[::-1] if by == "day" else rows
        named = [row | {"name": "" if by == "day" else row["name"] or "not mapped yet"} for row in rows]
        yield from table_differences(shown, cells_of(named, ACTIVITY, "labels"))
        yield from opening_differences(page, figures_of(rows, name))


def quality(reader: Reader, report: str, **given: Any) -> Iterator[str]:
    """CS quality and campaign quality: every table has a row for all together before the others."""
    page, rows = reader.page(report, **given), reader.told(report, **given)["rows"]
    nobody = {"agents": "Nobody known", "campaigns": "No campaign"}[report]
    named = [row | {"name": row["name"] or nobody} for row in rows]
    basis = Basis(given.get("basis", "cohort"))
    columns = [column for group in groups_of(report, basis) for column in group.columns]
    called = {column.name: definition(column.name, "en").title for column in columns}
    tables = [page.of(f"table-{place}")[1:] for place in range(1, 9)]
    titles_shown = {cell.label for table in tables for row in table[:1] for cell in row.cells}
    columns = [column for column in columns if called[column.name] in titles_shown]  # as the reader chose them
    if len(columns) < 5:
        yield f"page: only {[column.name for column in columns]} are shown"
    texts = [
        (row["name"], {
            called[column.name]: mix_of(row) if column.kind == "mix" else text_of(column.name, row[_field(column)])
            for column in columns
        })
        for row in named
    ]  # fmt: skip
    for table in filter(None, tables):
        here = {cell.label for cell in table[0].cells}
        mine = [(name, {title: text for title, text in cells.items() if title in here}) for name, cells in texts]
        yield from table_differences(table, mine)
    yield from opening_differences(page, figures_of(rows, report[:-1]))


def _field(column: Column) -> str:
    return f"{column.name}_count" if column.kind == "count_of" else column.name


def mix_of(row: Row) -> str:
    """The labels that contacts of a campaign got, six at most on the page."""
    return " ".join(f"{one['name'] or 'not mapped yet'} {one['contacts']}" for one in row["label_mix"][:6]) or "–"


def curves(reader: Reader) -> Iterator[str]:
    """One campaign after the other, the newest week first."""
    rows = reader.told("curves")["rows"]
    for campaign in {row["campaign"] for row in rows}:
        weeks = [row for row in rows if row["campaign"] == campaign][::-1]
        for outcome in ("high", "won"):
            page = reader.page("campaigns", of="none" if campaign is None else campaign, curve=outcome)
            shown = page.of("curves-title")
            if [row.cells[0].text for row in shown] != [written(row["n"], "count") for row in weeks]:
                yield f"page: other contacts in the weeks of campaign {campaign}"
            for row, week in zip(shown, weeks, strict=False):
                for cell in row.cells[1:]:
                    day = int(cell.label.split()[1])
                    reached = week[outcome][day - 1] if day <= len(week[outcome]) else None
                    text = "" if reached is None else text_of("", {"k": reached, "n": week[f"{outcome}_n"]})
                    if cell.text.strip("–") != text.strip("–"):
                        yield f"page: day {day} of {week['week']} is {cell.text!r}, in the API {text!r}"


BOARD = ("start", "new", "in", "out", "end")


def board(reader: Reader) -> Iterator[str]:
    page, rows = reader.page("movement"), reader.told("movement")["rows"]
    named = [row | {"name": row["name"] or "No stage"} for row in rows]
    total = {"name": "Total"} | {name: sum(row[name] for row in rows) for name in BOARD}
    wanted = cells_of([*named, total], BOARD, "movement", marks=",+ ,+ ,− ,= ")
    yield from table_differences(page.of("board-table"), wanted)
    yield from opening_differences(page, figures_of(rows, "stage"))
    yield from matrix(reader, reader.told("movement")["cells"], "contacts", count="")


def matrix(reader: Reader, moves: list[Row], figure: str, *, count: str) -> Iterator[str]:
    """From each stage to each other, and the ranked list: what every number of them opens is one pair."""
    page = reader.page("movement", view="moves", count=count)
    wanted = {":".join(str(end or "null") for end in (move["from"], move["to"])): move[figure] for move in moves}
    shown: dict[str, set[int]] = {}
    for each, number in counts(page):
        shown.setdefault(each.asked["who"], set()).add(number)
    if shown != {pair: {number} for pair, number in wanted.items()}:
        yield f"page: moves are {shown}, in the API {wanted}"


def all_moves(reader: Reader) -> Iterator[str]:
    yield from matrix(reader, reader.told("moves")["rows"], "count", count="all")


def funnel(reader: Reader) -> Iterator[str]:
    page, rows = reader.page("movement", view="funnel"), reader.told("funnel")["rows"]
    came, *steps = page.of("funnel-title")
    if came.cells[0].text != written(rows[0]["contacts"], "count"):
        yield f"page: {came.cells[0].text} contacts came, in the API {rows[0]['contacts']}"
    wanted = []
    for before, row in zip([None, *rows], rows, strict=False):
        shares = {"Of all who came": (row["reached"], row["contacts"])}
        shares |= {"Of the step before": (row["reached"], before["reached"])} if before else {}
        [(_name, cells)] = cells_of([row], ("reached", "went_through"), "funnel")
        wanted.append(
            (f"{row['step']}.", cells | {title: written(share(*of), "share") for title, of in shares.items()})
        )
    yield from table_differences(steps, wanted)
    labels = [
        {"label": one["label"], "label_went_through": one["went_through"]} for row in rows for one in row["labels"]
    ]
    yield from opening_differences(page, figures_of(rows, "step") | figures_of(labels, "label"))


def time_in_stage(reader: Reader) -> Iterator[str]:
    page = reader.page("movement", view="time")
    rows = [row for row in reader.told("time-in-stage")["rows"] if row["ended"] or row["by_repair"] or row["open"]]
    names = ("ended", "median_s", "p90_s", "cumulative_median_s", "open", "open_median_s", "km_median_s")
    yield from table_differences(page.of("time-title"), cells_of(rows, names, "time-in-stage"))
    yield from opening_differences(page, figures_of(rows, "stage"))


def cohorts(reader: Reader) -> Iterator[str]:
    page, rows = reader.page("movement", view="cohorts"), reader.told("cohorts")["rows"]
    called = titles(("contacts",), "cohorts")["contacts"]
    wanted = []
    for row in rows:
        cells = {called: written(row["contacts"], "count")}
        for week, reached in enumerate(row["reached"], start=1):
            cells[f"week {week}"] = written(share(reached, row["contacts"]), "share").partition(" ·")[0]
        wanted.append(("before labelcrm" if row["week"] is None else "", cells))
    shown = page.of("cohorts-title")
    yield from table_differences(shown, wanted)
    if [len(row.cells) for row in shown] != [len(cells) for _name, cells in wanted]:
        yield "page: other weeks have a cell than in the API"


def contradictions(reader: Reader) -> Iterator[str]:
    """The page is of now: who is on shift decides whose a number is."""
    rows = reader.api.get("/api/v1/reports/contradictions/").json()["rows"]
    for rule in sorted({row["rule"] for row in rows}):
        of_rule = [row for row in rows if row["rule"] == rule]
        shown = reader.client.get("/admin/reports/contradictions/", {"rule": rule}).context
        if shown["counted"].split()[0] != str(len(of_rule)):
            yield f"page: {shown['counted']} of {rule}, in the API {len(of_rule)}"
        told = {(row["contact"], tuple(one["label"] for one in row["labels"]), row["agent_name"]) for row in of_rule}
        lines = {
            (each.contact.pk, tuple(one.pk for one, _since in each.labels), each.row.agent_name)
            for each in shown["lines"]
        }
        if lines != told:
            yield f"page: {rule} of {lines}, in the API {told}"


HEALTH = ("gap_s", "late", "delay_median_s", "drift", "capped", "duplicates", "removals_never_seen", "lid_only",
          "inferred", "unmapped")  # fmt: skip


def data_health(reader: Reader) -> Iterator[str]:
    page, rows = reader.page("data-health"), reader.told("data-health")["rows"]
    shown = sorted(page.of("figures"), key=lambda row: row.head.text)
    wanted = cells_of(sorted(rows, key=lambda row: row["name"]), HEALTH, "data-health")
    for _name, cells in wanted:
        for title, text in cells.items():
            if text == "0 seconds":
                cells[title] = "–"
    yield from table_differences(shown, wanted)
    yield from opening_differences(page, figures_of(rows, "id"))


def heatmap(reader: Reader) -> Iterator[str]:
    """The table has a line per weekday."""
    page, rows = reader.page("overview"), reader.told("heatmap")["rows"]
    names = {"Messages in": "inbound", titles(("added",))["added"]: "added"}
    days = [rows[start : start + 24] for start in range(0, len(rows), 24)]
    wanted = [
        ("", {title: written(sum(row[name] for row in day), "count") for title, name in names.items()}) for day in days
    ]
    yield from table_differences(page.of("hours-title"), wanted)


def stale(reader: Reader) -> Iterator[str]:
    """The list has a line per contact with all its stale labels."""
    rows = reader.told("stale", to="2026-05-02")["rows"]  # the list is of now
    for label in {row["label"] for row in rows}:
        lines = reader.client.get("/admin/labels/staleflag/", {"label": label}).context["lines"]
        listed = sorted(line.contact.pk for line in lines for one in line.labels if one.label.pk == label)
        told = sorted(row["contact"] for row in rows if row["label"] == label)
        if listed != told:
            yield f"page: contacts {listed} of label {label} are stale, in the API {told}"


def stale_summary(reader: Reader) -> Iterator[str]:
    """A table of what is open, by CS and label, and one of what came and went, by label."""
    page, rows = reader.page("stale"), reader.told("stale-summary")["rows"]
    by_agent: dict[str, dict[str, int]] = {}
    by_label: dict[str, Counter[str]] = {}
    called = titles(("open", "flagged", "closed"))
    for row in rows:
        by_label.setdefault(row["name"], Counter()).update({title: row[name] for name, title in called.items()})
        if row["open"]:
            by_agent.setdefault(row["agent_name"] or "Nobody known", {})[row["name"]] = row["open"]
    for region, told in (("stale-by-cs", by_agent), ("stale-by-label", by_label)):
        shown = page.of(region)
        if sorted(line.head.text for line in shown) != sorted(told):
            yield f"page: rows {[line.head.text for line in shown]} in {region}, in the API {list(told)}"
        wanted = [(line.head.text, told[line.head.text]) for line in shown]
        cells = [(name, {title: str(count) for title, count in counts.items()}) for name, counts in wanted]
        yield from table_differences(shown, cells)


def label_budget(reader: Reader) -> Iterator[str]:
    """Tables of numbers, of every label, of what can go, and of labels that go together."""
    page, told = reader.page("label-budget"), reader.told("label-budget")
    rows = told["rows"]
    numbers = [row | {"used": row["used_labels"]} for row in told["numbers"]]
    names = ("label_count", "used", "can_go", "coverage_lost")
    yield from table_differences(page.of("budget-numbers"), cells_of(numbers, names, "label-budget"))
    names = ("used", "active", "coverage_lost")
    yield from table_differences(page.of("budget-all"), cells_of(rows, names, "label-budget"))
    yield from opening_differences(page, figures_of(rows, "channel_label") | figures_of(told["pairs"], "pair"))
    going = sorted((row for row in rows if row["proposal"]), key=lambda row: (row["coverage_lost"]["k"], row["active"]))
    yield from table_differences(page.of("budget-going"), cells_of(going, ("active", "coverage_lost"), "label-budget"))
    pairs = [row | {"name": f"{row['first_name']} + {row['second_name']}"} for row in told["pairs"][:15]]
    yield from table_differences(page.of("budget-pairs"), cells_of(pairs, ("together", "both"), "label-budget"))
    choices = cells_of(told["choices"], ("choices",), "label-budget")
    yield from table_differences(page.of("budget-choices"), choices)
    teams = cells_of(told["teams"], ("label_count", "can_go"), "label-budget")
    yield from table_differences(page.of("budget-teams"), teams)


def unusual(reader: Reader) -> Iterator[str]:
    """A line per kind, CS and day; the page says each as a sentence."""
    page, rows = reader.page("unusual", show="all"), reader.told("unusual")["rows"]
    wanted = cells_of([row | {"name": row["agent_name"] or "Somebody unknown"} for row in rows], ("taps",), "unusual")
    yield from table_differences(page.of("unusual-days"), wanted)
    keyed = [row | {"key": f"{row['kind']}-{row['agent'] or 'null'}-{row['day']}"} for row in rows]
    yield from opening_differences(page, figures_of(keyed, "key"))


PAGES: dict[str, tuple[Callable[[Reader], Iterator[str]], ...]] = {
    "labels": (overview,),
    "agents": (lambda reader: quality(reader, "agents"),),
    "campaigns": (
        lambda reader: quality(reader, "campaigns"),
        lambda reader: quality(reader, "campaigns", touch="last"),
        lambda reader: quality(reader, "campaigns", basis="event"),
    ),
    "curves": (curves,),
    "movement": (board,),
    "moves": (all_moves,),
    "funnel": (funnel,),
    "time-in-stage": (time_in_stage,),
    "cohorts": (cohorts,),
    "heatmap": (heatmap,),
    "stale": (stale,),
    "stale-summary": (stale_summary,),
    "contradictions": (contradictions,),
    "data-health": (data_health,),
    "label-budget": (label_budget,),
    "unusual": (unusual,),
}


def test_a_figure_is_the_same_wherever_it_is_told(reader: Reader, subtests: pytest.Subtests) -> None:
    """Every figure of every report, in one world, which takes seconds to play."""
    assert PAGES.keys() == REPORTS.keys()
    for report, pages in PAGES.items():
        with subtests.test(report=report), translation.override("en"):
            told = reader.told(report)
            assert told["rows"], "nothing proves nothing"
            found = [*file_differences(report, told["rows"]), *mcp_differences(reader, report, told)]
            found += [difference for differences in pages for difference in differences(reader)]
            assert "\n".join(found) == ""
